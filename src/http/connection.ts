/**
 * Node's HTTP server, set up for uploads: time limits where a client can hang without sending a request, none where it
 * sends one slowly (silence within a body is the engine's to judge, design P8).
 */

import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'

/** Between two requests on one connection. Longer than the usual 60 s of a proxy before us, so that it closes first. */
export const KEEP_ALIVE_MS = 75_000

export const serverOptions: ServerOptions = {
  /** From the first byte of a request to the end of its headers. */
  headersTimeout: 30_000,
  /** Whole requests may take days. */
  requestTimeout: 0,
  /** An object name is up to 3 KiB percent-encoded, and may be in the path and in the query. */
  maxHeaderSize: 32 * 1024,
  connectionsCheckingInterval: 5_000,
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
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}
