/**
 * The few requests that most conversations with Google's door are made of.
 */

import type { Response } from './conversation.ts'
import type { TestServer } from './server.ts'

/** gcs.md §0: chunks are multiples of it. */
export const G = 262_144

type Headers = Readonly<Record<string, string | number>>

/** Opens a session; answers its path. */
export async function initiate(
  server: TestServer,
  name = 'a.bin',
  headers: Headers = {},
  resource?: object,
): Promise<string> {
  const response = await begin(server, name, headers, resource)
  const { location } = response.headers
  if (response.status !== 200 || location === undefined) {
    throw new Error(`initiation: ${response.status} ${response.text}`)
  }
  return location.replace(server.base, '')
}

export function begin(
  server: TestServer,
  name = 'a.bin',
  headers: Headers = {},
  resource?: object,
): Promise<Response> {
  return server.ask(
    `POST /upload/storage/v1/b/bkt/o?uploadType=resumable&name=${encodeURIComponent(name)}`,
    headers,
    resource === undefined ? undefined : JSON.stringify(resource),
  )
}

/** PUT with a Content-Range, or without one. */
export function put(
  server: TestServer,
  session: string,
  range: string | undefined,
  body: string | Uint8Array = '',
  headers: Headers = {},
): Promise<Response> {
  const contentRange = range === undefined ? {} : { 'Content-Range': `bytes ${range}` }
  return server.ask(`PUT ${session}`, { ...contentRange, ...headers }, body)
}

export function query(server: TestServer, session: string): Promise<Response> {
  return put(server, session, '*/*')
}

export function upload(
  server: TestServer,
  name: string,
  body: string | Uint8Array,
  headers: Headers = {},
  more = '',
): Promise<Response> {
  return server.ask(
    `POST /upload/storage/v1/b/bkt/o?uploadType=media&name=${encodeURIComponent(name)}${more}`,
    headers,
    body,
  )
}

export function read(server: TestServer, name: string, headers: Headers = {}): Promise<Response> {
  return server.ask(`GET /storage/v1/b/bkt/o/${encodeURIComponent(name)}?alt=media`, headers)
}

export function metadata(server: TestServer, name: string): Promise<Response> {
  return server.ask(`GET /storage/v1/b/bkt/o/${encodeURIComponent(name)}`)
}

/** The upload_id in a session's path. */
export function tokenOf(session: string): string {
  return new URL(session, 'http://x').searchParams.get('upload_id') ?? ''
}
