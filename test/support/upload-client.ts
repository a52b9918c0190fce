/**
 * A raw client of the resumable protocol (gcs.md §6): it says exactly what a test tells it to and retries nothing, so a test
 * knows what was answered to what. A connection that breaks, or that the test cuts, is a ConnectionLost: what became
 * of that request is then unknown, and is for the test to find out.
 */

import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { request as requestSecurely, Agent as SecureAgent } from 'node:https'
import type { SourceBytes } from './source-bytes.ts'

/** Nothing to and fro for so long is a hang, which no test may mistake for a slow disk. */
const SILENCE_MS = 60_000

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The client's port of the connection, by which a trace of the server tells requests apart. */
  readonly localPort: number
}

export interface Sending {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Iterable<Buffer> | AsyncIterable<Buffer>
  /** Declared as Content-Length; without it, a body goes out with chunked transfer coding. */
  readonly length?: number
  /** The connection is cut after so many bytes of the body. */
  readonly cutAfter?: number
  /** How long nothing may be sent or answered, where a test is silent on purpose. */
  readonly silenceMs?: number
  /** Takes the answer's bytes instead of the answer's `body`. */
  readonly onBody?: (bytes: Buffer) => void
}

/** Bytes [from, to) of a source, as one request says them. */
export interface ChunkSending {
  readonly source: SourceBytes
  readonly from: number
  readonly to: number
  /** `bytes a-b/N`, or whatever else; undefined sends none. */
  readonly contentRange: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly cutAfter?: number
}

export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

export class UploadClient {
  readonly #base: string
  readonly #bucket: string
  readonly #agent: Agent

  /** `base` may be https, where this process trusts who answers. */
  constructor(base: string, bucket = 'uploads') {
    const isSecure = base.startsWith('https:')
    this.#agent = new (isSecure ? SecureAgent : Agent)({ keepAlive: true })
    this.#base = base
    this.#bucket = bucket
  }

  /** Opens a session; its Location is in the answer, see `locationOf`. */
  initiate(
    name: string,
    { total, resource }: { readonly total?: number; readonly resource?: object } = {},
  ): Promise<Answer> {
    const json = Buffer.from(JSON.stringify(resource ?? {}))
    return this.send(this.#uploadUrl('resumable', name), {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=UTF-8',
        ...(total === undefined ? {} : { 'x-upload-content-length': String(total) }),
      },
      body: [json],
      length: json.length,
    })
  }

  chunk(session: string, chunk: ChunkSending): Promise<Answer> {
    const { source, from, to, contentRange, headers, cutAfter } = chunk
    return this.send(session, {
      method: 'PUT',
      headers: {
        ...headers,
        ...(contentRange === undefined ? {} : { 'content-range': contentRange }),
      },
      body: source.slices(from, to),
      length: to - from,
      ...(cutAfter === undefined ? {} : { cutAfter }),
    })
  }

  /** A status query; with a total, the empty last chunk of an upload that is all there. */
  query(session: string, total: number | '*' = '*'): Promise<Answer> {
    const headers = { 'content-range': `bytes */${total}` }
    return this.send(session, { method: 'PUT', headers, length: 0 })
  }

  cancel(session: string): Promise<Answer> {
    return this.send(session, { method: 'DELETE', length: 0 })
  }

  /** An upload in one request. */
  media(
    name: string,
    source: SourceBytes,
    total: number,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const body = source.slices(0, total)
    return this.send(this.#uploadUrl('media', name), {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream', ...headers },
      body,
      length: total,
    })
  }

  metadata(name: string): Promise<Answer> {
    return this.send(this.#objectUrl(name))
  }

  /** The object's bytes, compared as they come: the offset of the first wrong one is in `difference`. */
  async compare(
    name: string,
    source: SourceBytes,
  ): Promise<Answer & { readonly length: number; readonly difference: number | undefined }> {
    let length = 0
    let difference: number | undefined
    const onBody = (bytes: Buffer) => {
      difference ??= source.difference(bytes, length)
      length += bytes.length
    }
    const answer = await this.send(`${this.#objectUrl(name)}?alt=media`, { onBody })
    return { ...answer, length, difference }
  }

  delete(name: string): Promise<Answer> {
    return this.send(this.#objectUrl(name), { method: 'DELETE' })
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Rejects with ConnectionLost where no whole answer came. */
  send(url: string, sending: Sending = {}): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const { method = 'GET', length, body } = sending
    const headers = {
      ...sending.headers,
      ...(length === undefined ? {} : { 'content-length': String(length) }),
    }
    const target = new URL(url, this.#base)
    const begin = target.protocol === 'https:' ? requestSecurely : request
    const outgoing = begin(target, { method, headers, agent: this.#agent })
    const lose = (cause: unknown) =>
      reject(new ConnectionLost(`${method} ${cause instanceof Error ? cause.message : cause}`))
    const silenceMs = sending.silenceMs ?? SILENCE_MS
    outgoing.setTimeout(silenceMs, () => outgoing.destroy(new Error(`hung for ${silenceMs} ms`)))
    outgoing.on('error', lose)
    outgoing.on('response', response => collect(response, sending.onBody).then(resolve, lose))
    const pump = async () => {
      let left = sending.cutAfter ?? Number.POSITIVE_INFINITY
      for await (const bytes of body ?? []) {
        const flows = outgoing.write(bytes.subarray(0, left))
        left -= bytes.length
        if (left <= 0) {
          outgoing.destroy(new Error('cut by the test'))
          return
        }
        if (!flows) await drained(outgoing)
        // An answer that came early ended it.
        if (outgoing.destroyed) return
      }
      outgoing.end()
    }
    pump().catch(cause => outgoing.destroy(cause))
    return promise
  }

  #uploadUrl(type: string, name: string): string {
    return `/upload/storage/v1/b/${this.#bucket}/o?uploadType=${type}&name=${encodeURIComponent(name)}`
  }

  #objectUrl(name: string): string {
    return `/storage/v1/b/${this.#bucket}/o/${encodeURIComponent(name)}`
  }
}

/** The session's URL in the answer to `initiate`. */
export function locationOf({ status, headers, body }: Answer): string {
  if (status !== 200 || headers.location === undefined) {
    throw new Error(`no session was opened: ${status} ${body}`)
  }
  return headers.location
}

/** What a 308 says is persisted. */
export function persistedOf({ status, headers }: Answer): number {
  if (status !== 308) throw new Error(`not a 308 but ${status}`)
  const { range } = headers
  if (range === undefined) return 0
  const [, last] = /^bytes=0-(\d+)$/.exec(String(range)) ?? []
  if (last === undefined) throw new Error(`cannot read Range: ${range}`)
  return Number(last) + 1
}

function drained(outgoing: ReturnType<typeof request>): Promise<void> {
  return new Promise(resolve => {
    const go = () => {
      outgoing.off('drain', go)
      outgoing.off('close', go)
      resolve()
    }
    outgoing.once('drain', go)
    outgoing.once('close', go)
  })
}

async function collect(
  response: IncomingMessage,
  onBody: ((bytes: Buffer) => void) | undefined,
): Promise<Answer> {
  const { statusCode: status = 0, headers } = response
  const localPort = response.socket.localPort ?? 0
  const body: Buffer[] = []
  const take = onBody ?? ((bytes: Buffer) => void body.push(bytes))
  for await (const bytes of response as AsyncIterable<Buffer>) take(bytes)
  if (!response.complete) throw new ConnectionLost('the answer was cut')
  return { status, headers, body: Buffer.concat(body), localPort }
}
