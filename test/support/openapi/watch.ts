/**
 * Holds every answer of a test's server against openapi.yaml, whoever asked and however: what leaves Node's HTTP server is
 * what counts. Answers that a test broke, or had broken off, are nobody's promise and do not count; what Node could not read
 * as a request has none.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { apiDocument } from './document.ts'
import { type Exchange, type Match, Validator } from './validator.ts'

/** Being written: paths below these are not described yet. Each goes when it is. */
export const NOT_DESCRIBED: readonly string[] = []

/** Longer bodies are content. */
const BODY_LIMIT = 4 * 1024 * 1024

/** Paths that are settings, and described under their defaults: DXL's topics, GWS' prefixes and names of its chunk command. */
const SETTINGS: readonly (readonly [RegExp, string])[] = [
  [
    /^\/dxl\/(?!files(?:\/|$)|uploads(?:\/|$))[^?]+/,
    '/dxl/opendxl-file-transfer/service/file-transfer/file/store',
  ],
  [/^\/gws\/(?:[\w-]+\/)*_\/myUpload(?=\?|$)/, '/gws/_/uploadChunk'],
  [/^\/gws\/(?:[A-Za-z0-9-]+\/)+_(?=[/?]|$)/, '/gws/_'],
]

let validator: Validator | undefined

export class ResponseWatch {
  /** What was not as described, each once. */
  readonly problems = new Set<string>()
  /** Sees each exchange that is as described. */
  onMatch: (exchange: Exchange, match: Match) => void = () => {}
  /** Sessions that were begun with `fields`, which their last answer has only. */
  readonly #masked = new Set<string>()

  watch(server: Server): void {
    // Now, not in the middle of a test that looks at memory.
    validator ??= new Validator(apiDocument())
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      // Fastify rewrites it later.
      const url = described((request.url ?? '').replace(/^https?:\/\/[^/?]*/i, ''))
      // A fault was asked for, and was answered.
      if (request.headers['x-retry-test-id'] !== undefined) return
      const body = collectBody(response)
      response.once('finish', () => this.#check(request, url, response, body()))
    })
  }

  #check(request: IncomingMessage, url: string, response: ServerResponse, body: Buffer): void {
    if (NOT_DESCRIBED.some(prefix => url.startsWith(prefix))) return
    const headers = headersOf(response)
    // Without TIDEMARK_FAULTS this is nobody's, and what asks is refused in the form of the XML API's catch-all.
    const isXml = headers['content-type']?.startsWith('application/xml')
    if (url.startsWith('/retry_test') && isXml) return
    const method = methodOf(request)
    const [path = '', query = ''] = url.split('?', 2)
    const asked = new URLSearchParams(query)
    const session = asked.get('upload_id') ?? ''
    if (asked.has('fields')) this.#masked.add(headers['x-guploader-uploadid'] ?? '')
    // The query of a GET that was posted is in its body, which nobody keeps.
    const isPosted = method !== request.method
    const isMasked = asked.has('fields') || this.#masked.has(session) || isPosted
    const exchange = { method, url, status: response.statusCode, headers, body, isMasked }
    validator ??= new Validator(apiDocument())
    const found = validator.check(exchange)
    if (typeof found !== 'string') this.onMatch(exchange, found)
    else this.problems.add(found.replace(url, path.slice(0, 200)))
  }
}

function described(url: string): string {
  return SETTINGS.reduce((path, [pattern, known]) => path.replace(pattern, known), url)
}

/** X-HTTP-Method-Override, as the JSON API has it. */
function methodOf({ method = '', headers }: IncomingMessage): string {
  const override = headers['x-http-method-override']
  const isOverridden = typeof override === 'string' && /^(?:POST|PUT)$/.test(method)
  return isOverridden ? override.trim().toUpperCase() : method
}

/** Keeps what is written; answers a function that gives all of it. */
function collectBody(response: ServerResponse): () => Buffer {
  const pieces: Buffer[] = []
  let length = 0
  const keep = (piece: unknown, encoding: unknown) => {
    if (typeof piece === 'string') {
      pieces.push(Buffer.from(piece, typeof encoding === 'string' ? (encoding as 'utf8') : 'utf8'))
    } else if (piece instanceof Uint8Array && length < BODY_LIMIT) {
      pieces.push(Buffer.from(piece))
    }
    length += pieces.at(-1)?.length ?? 0
  }
  const { write, end } = response
  response.write = ((...args: Parameters<typeof write>) => {
    keep(args[0], args[1])
    return write.apply(response, args)
  }) as typeof write
  response.end = ((...args: Parameters<typeof end>) => {
    // Node calls `write` for what `end` is given, but not the one above.
    keep(args[0], args[1])
    return end.apply(response, args)
  }) as typeof end
  return () => Buffer.concat(pieces)
}

/** From the head as it was sent: headers that are given to `writeHead` are nowhere else. */
function headersOf(response: ServerResponse): Record<string, string> {
  const { _header: head = '' } = response as ServerResponse & { _header?: string }
  const lines = head.trimEnd().split('\r\n').slice(1)
  const entries = lines.map(line => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return Object.fromEntries(entries)
}
