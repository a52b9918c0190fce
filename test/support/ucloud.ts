/** The few requests that most conversations with UCloud's door are made of. */

import type { Conversation, Response } from './conversation.ts'
import { read } from './google.ts'
import type { TestServer } from './server.ts'

export const CHUNKED = '/ucloud/ucloud/chunked/upload'

export type Headers = Readonly<Record<string, string | number>>

export interface Item {
  readonly id: string
  readonly type?: string
  readonly supportedProtocols?: readonly string[]
  readonly conflictPolicy?: string
}

export function createUploads(server: TestServer, items: readonly Item[]): Promise<Response> {
  const filled = items.map(item => ({ type: 'FILE', supportedProtocols: ['CHUNKED'], ...item }))
  return server.ask(
    'POST /api/files/upload',
    { 'Content-Type': 'application/json; charset=utf-8' },
    JSON.stringify({ items: filled }),
  )
}

/** A session; answers its token. */
export async function createUpload(
  server: TestServer,
  id = '/1/a.bin',
  conflictPolicy = 'RENAME',
): Promise<string> {
  const response = await createUploads(server, [{ id, conflictPolicy }])
  if (response.status !== 200) throw new Error(`createUpload: ${response.status} ${response.text}`)
  return response.json().responses[0].token
}

export interface ChunkOptions {
  readonly total?: number | string
  readonly headers?: Headers
  readonly path?: string
}

export function chunkHeaders(
  token: string,
  offset: number | string,
  { total, headers = {} }: ChunkOptions = {},
): Headers {
  return {
    'Chunked-Upload-Token': token,
    'Chunked-Upload-Offset': offset,
    ...(total !== undefined && { 'Chunked-Upload-Total-Size': total }),
    ...headers,
  }
}

export function sendChunk(
  server: TestServer,
  token: string,
  offset: number | string,
  body: string | Uint8Array,
  options: ChunkOptions = {},
): Promise<Response> {
  const { path = CHUNKED } = options
  return server.ask(`POST ${path}`, chunkHeaders(token, offset, options), body)
}

export function status(server: TestServer, token: string): Promise<Response> {
  return server.ask('GET /ucloud/ucloud/chunked/status', { 'Chunked-Upload-Token': token })
}

/** How many bytes are stored. */
export async function offsetOf(server: TestServer, token: string): Promise<number> {
  return (await status(server, token)).json().offset
}

/** An object's bytes as Google's JSON API has them; undefined where it has none. */
export async function contentOf(server: TestServer, name: string): Promise<Buffer | undefined> {
  const response = await read(server, name)
  return response.status === 200 ? response.body : undefined
}

/** A chunk's head on a connection of its own; the server has read it when this resolves. */
export async function beginChunk(
  server: TestServer,
  token: string,
  offset: number,
  length: number,
  options: ChunkOptions = {},
): Promise<Conversation> {
  const wire = await server.connect()
  const headers = { 'Content-Length': length, Expect: '100-continue', ...options.headers }
  wire.head(`POST ${CHUNKED}`, chunkHeaders(token, offset, { ...options, headers }))
  const go = await wire.response()
  if (go.status !== 100) throw new Error(`${go.status} ${go.text}`)
  return wire
}
