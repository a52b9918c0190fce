/**
 * The part of the conversation that the other doors have: UCloud, GBD WebSuite, OpenDXL over HTTP.
 */

import { hash } from 'node:crypto'
import type { TestServer } from '../support/server.ts'

const JSON_TYPE = { 'Content-Type': 'application/json' }
const DXL = '/dxl/opendxl-file-transfer/service/file-transfer/file/store'

export async function ucloud(server: TestServer): Promise<void> {
  const item = { id: '/1/folder/video.bin', type: 'FILE', supportedProtocols: ['CHUNKED'] }
  const items = JSON.stringify({ items: [{ ...item, conflictPolicy: 'RENAME' }] })
  for (const [begin, send] of [
    ['/api/files/upload', '/ucloud/ucloud/chunked/upload'],
    ['/ucloud/ucloud/files/upload', '/ucloud/ucloud/chunked'],
  ]) {
    const { responses } = (await server.ask(`POST ${begin}`, JSON_TYPE, items)).json()
    const headers = { 'Chunked-Upload-Token': responses[0].token, 'Chunked-Upload-Offset': 0 }
    await server.ask('GET /ucloud/ucloud/chunked/status', headers)
    const total = { 'Chunked-Upload-Total-Size': 14 }
    await server.ask(`POST ${send}`, { ...headers, ...total }, 'Hello, world!\n')
  }
  await server.ask('GET /api/files/retrieve?id=/1/folder/video.bin')
  const asked = JSON.stringify({ items: [{ id: '/1/folder/video.bin' }] })
  const granted = await server.ask('POST /api/files/download', JSON_TYPE, asked)
  await server.ask(`GET ${pathOf(granted.json().responses[0].endpoint)}`)
  await server.ask('GET /api/files/retrieve?id=/1/nothing')
}

export async function gws(server: TestServer): Promise<void> {
  const ask = (path: string, message: object) =>
    server.ask(`POST /gws/_${path}`, JSON_TYPE, JSON.stringify(message))
  const chunk = {
    uploadUid: '',
    fileName: 'video.bin',
    totalSize: 5,
    chunkCount: 1,
    chunkNumber: 0,
    content: 'Hello',
  }
  const { uploadUid } = (await ask('/uploadChunk', chunk)).json()
  await ask('/uploadStatus', { uploadUid })
  await ask('/uploadGet', { uploadUid })
  await ask('', { cmd: 'uploadChunk', ...chunk })
  await ask('/uploadGet', { uploadUid: 'unknown' })
  await server.ask(`GET /gws/_/uploadContent/uploadUid/${uploadUid}`)
  await server.ask(`GET /gws/_/uploadContent?uploadUid=${uploadUid}`)
  await server.ask('OPTIONS /gws/_')
  await server.ask('PUT /gws/_')
  for (const path of ['', '/uploadChunk', '/uploadStatus', '/uploadGet', '/uploadContent']) {
    await server.ask(`HEAD /gws/_${path}`)
  }
  await server.ask(`HEAD /gws/_/uploadContent/uploadUid/${uploadUid}`)
}

export async function dxl(server: TestServer): Promise<void> {
  const begun = await server.ask(`POST ${DXL}?segment_number=1`, {}, 'Hello, ')
  const { file_id: id } = begun.json()
  await server.ask(`GET /dxl/uploads/${id}`)
  const sha256 = hash('sha256', 'Hello, world!\n')
  const last = `file_id=${id}&segment_number=2&result=store&name=folder/dxl.bin&size=14`
  await server.ask(`POST ${DXL}?${last}&hash_sha256=${sha256}`, {}, 'world!\n')
  await server.ask('GET /dxl/files/folder/dxl.bin')
  await server.ask('HEAD /dxl/files/folder/dxl.bin')
  await server.ask(`DELETE /dxl/uploads/${id}`)
  await server.ask('GET /dxl/files/nothing')
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}
