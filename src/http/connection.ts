/**
 * Node's HTTP server, set up for uploads: time limits where a client can hang without sending a request, none where it
 * sends one slowly (silence within a body is the engine's to judge, design P8).
 */

import { readFileSync } from 'node:fs'
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'

/** Between two requests on one connection. Longer than the usual 60 s of a proxy before us, so that it closes first. */
export const KEEP_ALIVE_MS = 75_000

export const serverOptions: ServerOptions = {
  /** From the first byte of a request, or from a new connection's beginning, to the end of the headers: silent ones end by it, too. */
  headersTimeout: 30_000,
  /** Whole requests may take days. */
  requestTimeout: 0,
  /**
   * URL and headers of a request together, and beyond it 431. An object name is up to 3 KiB percent-encoded, and may be in the path
   * and in the query; custom metadata is up to 8 KiB; tokens and what proxies add have the rest.
   */
  maxHeaderSize: 32 * 1024,
  /** How much longer than they should a connection may outlive these times. */
  connectionsCheckingInterval: 5_000,
}

/** A connection costs some 20 KiB of memory and a descriptor. More than these are a flood, or want a proxy before us. */
const MOST_CONNECTIONS = 10_000
/** Descriptors for everything but connections and the blobs they write and read. */
const OTHER_FILES = 200
/** POSIX promises no more, and where it is not said it is as much as any system has. */
const USUAL_FILES = 4096

export function boundConnections(server: Server, log: FastifyBaseLogger): void {
  // A connection that can be accepted can also be served: who gets no descriptor for his blob would be told that the disk failed.
  server.maxConnections = Math.min(MOST_CONNECTIONS, Math.floor((openFiles() - OTHER_FILES) / 2))
  // Before 26, Node leaves out headers beyond the count and says nothing, and a request without its Content-Range means something
  // else. Their size bounds their number.
  server.maxHeadersCount = 0
  // Beyond it Node answers 503: a client gains nothing by a new connection, and neither do we.
  server.maxRequestsPerSocket = 0
  // Silence on the socket: a long finalize and a body held back by a busy disk look just like it. See P8 for what ends instead.
  server.timeout = 0

  let warnedAt = Number.NEGATIVE_INFINITY
  server.on('drop', () => {
    if (performance.now() - warnedAt < 60_000) return
    warnedAt = performance.now()
    log.warn({ connections: server.maxConnections }, 'too many connections: new ones are closed')
  })
}

/** How many descriptors this process may have. Node has raised the soft limit to the hard one. */
function openFiles(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const [, soft] = /^Max open files +(\d+|unlimited)/m.exec(limits) ?? []
    if (soft === 'unlimited') return Number.POSITIVE_INFINITY
    return Math.max(Number(soft ?? USUAL_FILES), 2 * OTHER_FILES)
  } catch {
    // Not Linux.
    return USUAL_FILES
  }
}

/** `Expect: 100-continue` goes to the routes like every request; the body's first read sends the 100. */
export function routeExpectations(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
}

/** What Node could not parse as HTTP at all. The bytes it holds stay out of the log. */
export function answerUnparsable(
  log: FastifyBaseLogger,
  { code }: { readonly code: string },
  socket: Socket,
): void {
  log.debug({ code }, 'connection error')
  // Node keeps the response under way here, for its own handler of this event.
  const { _httpMessage: response } = socket as Socket & { _httpMessage?: ServerResponse }
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
  } else if (response?.req.complete) {
    // Nonsense behind a request that was in order: that one gets its answer, which is the last.
    if (!response.headersSent) response.setHeader('connection', 'close')
    response.once('close', () => socket.destroySoon())
  } else {
    // A response that has begun must not get a second head in its middle.
    if (!response?.headersSent) socket.write(refusal(code))
    socket.destroySoon()
  }
}

function refusal(code: string): string {
  const status = STATUSES[code] ?? '400 Bad Request'
  return `HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`
}

const STATUSES: Readonly<Record<string, string>> = {
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}
