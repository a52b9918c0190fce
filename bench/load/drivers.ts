/**
 * How each server is asked to store one upload, over a bare connection. Every answer is checked: a server that refuses
 * fails the bench, it does not look fast.
 */

import type { Connection, Reply } from './connection.ts'
import { slices } from './payload.ts'

export interface Upload {
  readonly name: string
  /** Which upload this is: chooses its bytes (payload.ts). */
  readonly index: number
  readonly length: number
  /** Bytes of one data request; `length` for all of them in one. */
  readonly chunkLength: number
  /** Data with the creating request, where the protocol has that. */
  readonly oneRequest: boolean
}

/** Stores `upload`; resolves with what it is stored as: ids that, in this order, make up the content. */
export type Driver = (connection: Connection, upload: Upload) => Promise<readonly string[]>

export type DriverName = 'plain' | 'append' | 'tus' | 'uploadx' | 'tidemark'

export const drivers: Readonly<Record<DriverName, Driver>> = {
  /** nginx and the sink: a PUT stores a whole file, so every chunk is a file of its own. */
  async plain(connection, { name, index, length, chunkLength }) {
    const ids: string[] = []
    for (const chunk of chunksOf(length, chunkLength)) {
      const id = length === chunkLength ? name : `${name}.${chunk.start}`
      const head = `PUT /${id} HTTP/1.1\r\nHost: x\r\nContent-Length: ${chunk.length}`
      expect(await connection.request(head, slices(index, chunk.start, chunk.length)), 201, 204)
      ids.push(id)
    }
    return ids
  },

  /** The bare Node server: a PUT writes at an offset of one file. */
  async append(connection, { name, index, length, chunkLength }) {
    for (const chunk of chunksOf(length, chunkLength)) {
      const head = `PUT /${name}?offset=${chunk.start} HTTP/1.1\r\nHost: x\r\nContent-Length: ${chunk.length}`
      expect(await connection.request(head, slices(index, chunk.start, chunk.length)), 204)
    }
    return [name]
  },

  async tus(connection, { index, length, chunkLength, oneRequest }) {
    const common =
      'Host: x\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream'
    if (oneRequest) {
      const head = `POST /files HTTP/1.1\r\n${common}\r\nUpload-Length: ${length}\r\nContent-Length: ${length}`
      const created = expect(await connection.request(head, slices(index, 0, length)), 201)
      return [lastSegment(pathOf(created))]
    }
    const head = `POST /files HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Length: ${length}\r\nContent-Length: 0`
    const path = pathOf(expect(await connection.request(head), 201))
    for (const chunk of chunksOf(length, chunkLength)) {
      const patch = `PATCH ${path} HTTP/1.1\r\n${common}\r\nUpload-Offset: ${chunk.start}\r\nContent-Length: ${chunk.length}`
      expect(await connection.request(patch, slices(index, chunk.start, chunk.length)), 204)
    }
    return [lastSegment(path)]
  },

  async uploadx(connection, { name, index, length, chunkLength }) {
    const metadata = JSON.stringify({ name, size: length })
    const head = `POST /files HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Upload-Content-Length: ${length}\r\nContent-Length: ${metadata.length}`
    const path = pathOf(expect(await connection.request(head, [Buffer.from(metadata)]), 201))
    await putRanges(connection, path, { index, length, chunkLength })
    return [queryOf(path, 'upload_id')]
  },

  async tidemark(connection, { name, index, length, chunkLength, oneRequest }) {
    const target = `/upload/storage/v1/b/uploads/o?name=${name}&uploadType`
    if (oneRequest) {
      const head = `POST ${target}=media HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: ${length}`
      expect(await connection.request(head, slices(index, 0, length)), 200)
      return [name]
    }
    const head = `POST ${target}=resumable HTTP/1.1\r\nHost: x\r\nX-Upload-Content-Length: ${length}\r\nContent-Length: 0`
    const path = pathOf(expect(await connection.request(head), 200))
    await putRanges(connection, path, { index, length, chunkLength })
    return [name]
  },
}

/** Google's chunks, which uploadx speaks too: 308 for every chunk but the last, 200 for that one. */
async function putRanges(
  connection: Connection,
  path: string,
  { index, length, chunkLength }: Pick<Upload, 'index' | 'length' | 'chunkLength'>,
): Promise<void> {
  for (const chunk of chunksOf(length, chunkLength)) {
    const end = chunk.start + chunk.length
    const head = `PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Range: bytes ${chunk.start}-${end - 1}/${length}\r\nContent-Length: ${chunk.length}`
    const reply = await connection.request(head, slices(index, chunk.start, chunk.length))
    expect(reply, end === length ? 200 : 308)
  }
}

function* chunksOf(
  length: number,
  chunkLength: number,
): Generator<{ start: number; length: number }> {
  for (let start = 0; start < length; start += chunkLength) {
    yield { start, length: Math.min(chunkLength, length - start) }
  }
}

function expect(reply: Reply, ...accepted: readonly number[]): Reply {
  if (accepted.includes(reply.status)) return reply
  throw new Error(`answered ${reply.status}: ${reply.body.toString('utf8').slice(0, 300)}`)
}

/** The path and query of the Location header, which may be absolute, without a scheme, or a path. */
function pathOf(reply: Reply): string {
  const url = new URL(reply.headers.get('location') ?? '', 'http://127.0.0.1')
  return url.pathname + url.search
}

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function queryOf(path: string, key: string): string {
  return new URL(path, 'http://127.0.0.1').searchParams.get(key) ?? ''
}
