/**
 * One long conversation in which every response that openapi.yaml describes occurs at least once: what its examples are
 * taken from (record.ts) and compared with (examples.test.ts). The order matters only where one request needs another.
 */

import { mkdirSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, loadConfig } from '../../src/config.ts'
import { startGuarded } from '../support/keys.ts'
import type { Exchange, Match } from '../support/openapi/validator.ts'
import { sampleBytes, startServer, type Test, type TestServer } from '../support/server.ts'
import { dxl, gws, ucloud } from './doors.ts'

export interface Seen extends Match {
  readonly exchange: Exchange
}

const SETTINGS: Partial<Config> = {
  buckets: ['uploads'],
  doors: [],
  // What stands in the document, whatever the port.
  publicUrl: 'http://127.0.0.1:8080',
  faults: true,
  maxObjectSize: 1024 * 1024,
  bodyIdleMs: 300,
}

const UPLOAD = '/upload/storage/v1/b/uploads/o?uploadType=media&name='
const START = '/resumable/upload/storage/v1/b/uploads/o?uploadType=resumable&name='
const O = '/storage/v1/b/uploads/o'
const VIDEO = `${O}/folder%2Fvideo.bin`
const JSON_TYPE = { 'Content-Type': 'application/json' }
const TOTAL = 300_000
const CHUNK = 262_144

/** Everything that was said, in its order. */
export async function converse(t: Test): Promise<readonly Seen[]> {
  const seen: Seen[] = []
  const listen = (one: TestServer) => {
    one.watch.onMatch = (exchange, match) => seen.push({ ...match, exchange })
    return one
  }
  const server = listen(await startServer(t, SETTINGS))
  await operations(server)
  await buckets(server)
  await wholeUploads(server)
  await resumableUpload(server)
  await endedSessions(server)
  await objects(server)
  await serverSideWrites(server)
  await downloads(server)
  await xml(server)
  await batchAndDiscovery(server)
  await retryTests(server)
  await mistakes(server)
  await deletions(server)
  await brokenDisk(server)
  await unavailable(server)
  await server.stop()
  const other: Test = {
    testdir: () => join(server.directory, 'other'),
    teardown: handler => t.teardown(handler),
  }
  await withoutFaults(
    listen(await startServer(other, { ...SETTINGS, faults: false, maxBodies: 1 })),
  )
  const doors: Test = {
    testdir: () => join(server.directory, 'doors'),
    teardown: handler => t.teardown(handler),
  }
  const { doors: all } = loadConfig({})
  const open = listen(await startServer(doors, { ...SETTINGS, faults: false, doors: all }))
  await ucloud(open)
  await gws(open)
  await dxl(open)
  await withKeys(t, server.directory, listen)
  return seen
}

async function operations(server: TestServer): Promise<void> {
  for (const method of ['GET', 'HEAD']) {
    for (const path of ['openapi.yaml', 'docs', 'docs/', 'docs/static/index.html']) {
      await server.ask(`${method} /-/${path}`)
    }
  }
  const { headers } = await server.ask('GET /-/docs/static/index.css')
  await server.ask('GET /-/docs/static/index.css', { 'If-None-Match': headers['etag'] ?? '' })
  await server.ask('GET /-/metrics')
  await server.ask('HEAD /-/metrics')
  for (const path of ['livez', 'readyz']) {
    await server.ask(`GET /-/${path}`)
    await server.ask(`HEAD /-/${path}`)
    const wire = await server.connect()
    wire.head(`GET /-/${path}`, { 'Transfer-Encoding': 'gzip, chunked' }).send('0\r\n\r\n')
    await wire.response()
    wire.close()
  }
}

async function buckets(server: TestServer): Promise<void> {
  const made = { name: 'videos', labels: { team: 'films' } }
  await server.ask('POST /storage/v1/b?project=any', JSON_TYPE, JSON.stringify(made))
  await server.ask('POST /storage/v1/b?project=any', JSON_TYPE, JSON.stringify(made))
  const change = JSON.stringify({ labels: { team: 'cinema' } })
  await server.ask('PATCH /storage/v1/b/videos', JSON_TYPE, change)
  await server.ask('PUT /storage/v1/b/videos', JSON_TYPE, change)
  await server.ask('GET /storage/v1/b?project=any')
  const { headers } = await server.ask('GET /storage/v1/b/uploads')
  await server.ask('HEAD /storage/v1/b/uploads')
  await server.ask('GET /storage/v1/b/uploads', { 'If-None-Match': headers['etag'] ?? '' })
  for (const part of [
    'storageLayout',
    'iam',
    'iam/testPermissions?permissions=storage.objects.get',
    'acl',
    'defaultObjectAcl',
    'notificationConfigs',
  ]) {
    await server.ask(`GET /storage/v1/b/uploads/${part}`)
  }
  await server.ask('GET /storage/v1/projects/any/serviceAccount')
  await server.ask('GET /storage/v1/projects/any/hmacKeys')
}

async function wholeUploads(server: TestServer): Promise<void> {
  const text = { 'Content-Type': 'text/plain' }
  await server.ask(`POST ${UPLOAD}greeting.txt`, text, 'Hello, world!\n')
  await server.ask(`POST ${UPLOAD}more.txt`, text, 'And good night.\n')
  const related = [
    '--b\r\nContent-Type: application/json\r\n\r\n{"name": "related.txt"}\r\n',
    '--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n',
  ].join('')
  const type = { 'Content-Type': 'multipart/related; boundary=b' }
  await server.ask('POST /upload/storage/v1/b/uploads/o?uploadType=multipart', type, related)
}

async function resumableUpload(server: TestServer): Promise<void> {
  const content = sampleBytes(TOTAL)
  const metadata = JSON.stringify({ contentType: 'video/mp4', metadata: { title: 'Holidays' } })
  const session = await start(server, 'folder%2Fvideo.bin', metadata, {
    ...JSON_TYPE,
    'X-Upload-Content-Length': TOTAL,
  })
  const put = (range: string, body: Uint8Array | string = '', headers = {}) =>
    server.ask(`PUT ${session}`, { 'Content-Range': `bytes ${range}`, ...headers }, body)
  await put(`0-${CHUNK - 1}/${TOTAL}`, content.subarray(0, CHUNK))
  await put('*/*')
  await put('*/*', '', { 'X-GUploader-No-308': 'yes' })
  // Beyond what is persisted, and no range at all.
  await put(`${CHUNK + 1}-${TOTAL - 1}/${TOTAL}`, content.subarray(CHUNK + 1))
  await put('nonsense')
  await put(`${CHUNK}-${TOTAL - 1}/${TOTAL}`, content.subarray(CHUNK))
  await server.ask(`DELETE ${session}`)
}

async function endedSessions(server: TestServer): Promise<void> {
  const cancelled = await start(server, 'cancelled.bin')
  await server.ask(`DELETE ${cancelled}`)
  await server.ask(`PUT ${cancelled}`, { 'Content-Range': 'bytes */*' })
  const other = cancelled.replace(/upload_id=.*/, `upload_id=${'A'.repeat(43)}`)
  await server.ask(`PUT ${other}`, { 'Content-Range': 'bytes */*' })
  const late = await start(server, 'late.txt', undefined, {}, '&ifGenerationMatch=0')
  await server.ask(`POST ${UPLOAD}late.txt`, {}, 'Somebody else was faster.')
  await server.ask(`PUT ${late}`, {}, 'too late')
  const wrong = await start(server, 'wrong.txt')
  await server.ask(`PUT ${wrong}`, { 'x-goog-hash': 'crc32c=AAAAAA==' }, 'not that')
  const expired = await start(server, 'expired.bin')
  server.ahead += 3 * 24 * 3600_000
  await server.ask(`PUT ${expired}`, { 'Content-Range': 'bytes */*' })
}

async function objects(server: TestServer): Promise<void> {
  await server.ask(`GET ${O}?delimiter=/`)
  const { headers } = await server.ask(`GET ${VIDEO}`)
  await server.ask(`HEAD ${VIDEO}`)
  await server.ask(`GET ${VIDEO}`, { 'If-None-Match': headers['etag'] ?? '' })
  await server.ask(`PATCH ${VIDEO}`, JSON_TYPE, JSON.stringify({ metadata: { title: 'Holidays' } }))
  await server.ask(`PUT ${VIDEO}`, JSON_TYPE, JSON.stringify({ contentType: 'video/mp4' }))
  for (const part of ['acl', 'acl/project-owners-0', 'iam', 'iam/testPermissions']) {
    await server.ask(`GET ${VIDEO}/${part}?permissions=storage.objects.get`)
  }
}

async function serverSideWrites(server: TestServer): Promise<void> {
  const sources = [{ name: 'greeting.txt' }, { name: 'more.txt' }]
  const composed = { sourceObjects: sources, destination: { contentType: 'text/plain' } }
  await server.ask(`POST ${O}/both.txt/compose`, JSON_TYPE, JSON.stringify(composed))
  await server.ask(`POST ${VIDEO}/rewriteTo/b/videos/o/copy.bin`)
  await server.ask(`POST ${VIDEO}/copyTo/b/uploads/o/folder%2Fcopy.bin`)
  await server.ask(`POST ${O}/folder%2Fcopy.bin/moveTo/o/folder%2Fmoved.bin`)
}

async function downloads(server: TestServer): Promise<void> {
  const path = '/download/storage/v1/b/uploads/o'
  const { headers } = await server.ask(`GET ${path}/greeting.txt?alt=media`)
  await server.ask(`GET ${path}/greeting.txt?alt=media`, { Range: 'bytes=0-4' })
  await server.ask(`GET ${path}/greeting.txt?alt=media`, { Range: 'bytes=100-' })
  await server.ask(`GET ${path}/greeting.txt`, { 'If-None-Match': headers['etag'] ?? '' })
  await server.ask(`HEAD ${path}/greeting.txt`)
  await server.ask(`GET ${path}/nothing?alt=media`)
  await server.ask('GET /download/storage/v1/b/nowhere/o/nothing')
  await server.ask(`POST ${UPLOAD}no.gz&contentEncoding=gzip`, {}, 'this is not gzip')
  await server.ask(`GET ${path}/no.gz`)
}

async function xml(server: TestServer): Promise<void> {
  await server.ask('GET /uploads?list-type=2&delimiter=/')
  await server.ask('HEAD /uploads')
  const { headers } = await server.ask('GET /uploads/greeting.txt')
  await server.ask('HEAD /uploads/greeting.txt')
  await server.ask('GET /uploads/greeting.txt', { 'If-None-Match': headers['etag'] ?? '' })
  await server.ask('GET /uploads/greeting.txt', { Range: 'bytes=0-4' })
  await server.ask('GET /uploads/greeting.txt', { Range: 'bytes=100-' })
  await server.ask('GET /uploads/greeting.txt?generation=x')
  await server.ask('GET /uploads/nothing')
  await server.ask('GET /uploads/no.gz')
  await server.ask('DELETE /uploads/more.txt', { 'x-goog-if-generation-match': 1 })
  await server.ask('DELETE /uploads/more.txt')
  await server.ask('DELETE /uploads')
  await server.ask('GET /uploads?acl')
  await server.ask('PATCH /uploads/greeting.txt')
  await server.ask('OPTIONS /uploads/greeting.txt')
  await server.ask('OPTIONS /storage/v1/b', { Origin: 'https://app.example.org' })
}

async function batchAndDiscovery(server: TestServer): Promise<void> {
  const call = 'GET /storage/v1/b/uploads/o/greeting.txt?fields=name,size HTTP/1.1\r\n\r\n'
  const part = `--b\r\nContent-Type: application/http\r\nContent-ID: <1>\r\n\r\n${call}\r\n--b--\r\n`
  const type = { 'Content-Type': 'multipart/mixed; boundary=b' }
  await server.ask('POST /batch/storage/v1', type, part)
  await server.ask('GET /discovery/v1/apis/storage/v1/rest')
}

async function retryTests(server: TestServer): Promise<void> {
  const plan = { instructions: { 'storage.objects.insert': ['return-503'] } }
  const { id } = (await server.ask('POST /retry_test', JSON_TYPE, JSON.stringify(plan))).json()
  await server.ask('GET /retry_test')
  await server.ask(`GET /retry_test/${id}`)
  await server.ask(`DELETE /retry_test/${id}`)
  await server.ask(`DELETE /retry_test/${id}`)
}

async function mistakes(server: TestServer): Promise<void> {
  await server.ask(`GET ${O}/nothing`)
  await server.ask(`GET ${O}?maxResults=many`)
  await server.ask(`GET ${O}?filter=x`)
  await server.ask('PUT /storage/v1/b', JSON_TYPE, '{}')
  await server.ask(`DELETE ${VIDEO}?ifGenerationMatch=1`)
  await server.ask(`POST ${UPLOAD}large.bin`, {}, Buffer.alloc(1024 * 1024 + 1))
  await server.ask('GET /')
  const wire = await server.connect()
  wire.head(`POST ${UPLOAD}unknown.bin`)
  await wire.response()
  wire.head(`POST ${UPLOAD}silent.bin`, { 'Content-Length': 10 }).send('Hello')
  await wire.response()
  wire.close()
}

async function deletions(server: TestServer): Promise<void> {
  await server.ask('POST /storage/v1/b?project=any', JSON_TYPE, '{"name": "empty"}')
  await server.ask('DELETE /empty')
  await server.ask('DELETE /storage/v1/b/uploads')
  await server.ask(`DELETE ${O}/folder%2Fmoved.bin`)
  await server.ask('DELETE /storage/v1/b/videos/o/copy.bin')
  await server.ask('DELETE /storage/v1/b/videos')
}

/** What is stored is gone. */
async function brokenDisk(server: TestServer): Promise<void> {
  const session = await start(server, 'lost.bin')
  const range = { 'Content-Range': `bytes 0-${CHUNK - 1}/*` }
  await server.ask(`PUT ${session}`, range, sampleBytes(CHUNK))
  await server.restart()
  const blobs = join(server.directory, 'data', 'blobs')
  for (const name of readdirSync(blobs, { recursive: true, encoding: 'utf8' })) {
    const blob = join(blobs, name)
    if (statSync(blob).size === CHUNK) truncateSync(blob, 1)
  }
  const next = { 'Content-Range': `bytes ${CHUNK}-${CHUNK}/${CHUNK + 1}` }
  await server.ask(`PUT ${session}`, next, 'x')
  await server.ask(`PUT ${session}`, next, 'x')
  rmSync(blobs, { recursive: true })
  await server.ask('GET /uploads/greeting.txt')
}

async function withoutFaults(server: TestServer): Promise<void> {
  await server.ask('GET /retry_test')
  const busy = await server.connect()
  busy.head(`POST ${UPLOAD}busy.bin`, { 'Content-Length': 10, Expect: '100-continue' })
  await busy.response()
  await server.ask('GET /-/livez', {}, 'a')
  await server.ask('GET /-/readyz', {}, 'a')
  busy.close()
}

/** Nobody, somebody who may read one bucket, and one request too many of theirs. */
async function withKeys(
  t: Test,
  directory: string,
  listen: (server: TestServer) => TestServer,
): Promise<void> {
  const own = join(directory, 'keys')
  mkdirSync(own)
  const { server, as } = await startGuarded(
    { testdir: () => own, teardown: handler => t.teardown(handler) },
    { reader: { scopes: ['read'] } },
    { ...SETTINGS, requestRate: { count: 6, perMs: 3_600_000 } },
  )
  listen(server)
  await server.ask('GET /-/metrics')
  await server.ask('GET /-/metrics', as.reader)
  await server.ask('GET /storage/v1/b')
  await server.ask('GET /uploads/a')
  await server.ask('DELETE /storage/v1/b/uploads/o/a', as.reader)
  await server.ask('DELETE /uploads/a', as.reader)
  for (let n = 0; n < 6; n += 1) await server.ask('GET /storage/v1/b', as.reader)
  await server.ask('GET /uploads/a', as.reader)
}

async function unavailable(server: TestServer): Promise<void> {
  const session = await start(server, 'stopped.bin')
  await server.app.engine.drain()
  await server.ask(`POST ${START}next.bin`)
  await server.ask(`PUT ${session}`, {}, 'Hello')
  await server.ask('GET /-/readyz')
  await server.ask('HEAD /-/readyz')
}

/** Begins a session; answers its path. */
async function start(
  server: TestServer,
  name: string,
  metadata?: string,
  headers: Readonly<Record<string, string | number>> = {},
  more = '',
): Promise<string> {
  const response = await server.ask(`POST ${START}${name}${more}`, headers, metadata)
  const { pathname, search } = new URL(response.headers['location'] ?? '')
  return pathname + search
}
