/**
 * Answers that leave before the request's body has been read to its end: drain or close, for all doors.
 *
 * A half-read body wedges a kept-alive connection, and closing a socket with unread bytes in it makes the kernel send a
 * reset that destroys the answer on its way. So a small known rest is swallowed and the connection goes on; otherwise
 * the whole answer leaves with `Connection: close`, what the client still sends is read and dropped for a while, and
 * only then is the socket closed.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { RequestBody } from './request-body.ts'
import { declaredLength, expectsContinue } from './request-body.ts'

/** A rest up to this size is cheaper to swallow than a new connection is to open. */
const SWALLOWED_REST = 1024 * 1024
/** How many times the linger time its client has for it: what arrives is an honest slow client's, or keeps a connection for nothing. */
const SWALLOW_LINGERS = 6
/** Some clients read the answer only after they have sent all: the largest default chunk is 100 MiB (Python, gcs.md §16.1). */
const LINGER_BYTES = 128 * 1024 * 1024

export interface Lingering {
  /** How long a refused client may go on sending before its socket is closed. */
  readonly lingerMs: number
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The body, once a handler has taken it. */
    incoming: RequestBody | undefined
  }
}

export function answerEarly(app: FastifyInstance, { lingerMs }: Lingering): void {
  app.decorateRequest('incoming', undefined)

  app.addHook('onSend', (request, reply, payload, done) => {
    const { raw, incoming } = request
    incoming?.discard()
    const rest = restOf(raw, incoming)
    // Node keeps no connection on which it owes a `100 Continue`: the client may or may not send its body now.
    const isOwed = rest > 0 && !incoming?.isStarted && expectsContinue(raw)
    if (rest <= SWALLOWED_REST && !isOwed) {
      if (rest > 0) closeUnlessSent(raw, lingerMs * SWALLOW_LINGERS)
      done(null, payload)
      return
    }
    if (payload instanceof Readable) {
      // Only a read with a body, which nobody sends, gets here: it is closed the plain way.
      reply.header('connection', 'close')
      done(null, payload)
      return
    }
    reply.hijack()
    sendWhole(reply, payload)
    linger(raw, reply.raw, lingerMs)
  })
}

/** Bytes that the client has yet to send, as far as it said. */
function restOf(raw: IncomingMessage, incoming: RequestBody | undefined): number {
  const length = declaredLength(raw)
  if (length === 0 || raw.complete || raw.destroyed) return 0
  return length === undefined ? Number.POSITIVE_INFINITY : length - (incoming?.received ?? 0)
}

/** A rest that never comes would keep its connection for ever: no time limit of Node's is for it. */
function closeUnlessSent(request: IncomingMessage, ms: number): void {
  const { socket } = request
  if (!(socket instanceof Socket)) return
  const timer = setTimeout(() => socket.destroy(), ms)
  const stop = () => clearTimeout(timer)
  request.once('end', stop).once('close', stop)
}

/** The complete answer on the wire, the response still open: `end` would close the socket at once. */
function sendWhole(reply: FastifyReply, payload: unknown): void {
  const response = reply.raw
  const bytes = Buffer.isBuffer(payload) || typeof payload === 'string' ? payload : ''
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value)
  }
  response.setHeader('connection', 'close')
  response.setHeader('content-length', Buffer.byteLength(bytes))
  response.writeHead(reply.statusCode)
  if (bytes.length > 0) response.write(bytes)
  else response.flushHeaders()
}

function linger(request: IncomingMessage, response: ServerResponse, lingerMs: number): void {
  let left = LINGER_BYTES
  const close = () => {
    clearTimeout(timer)
    request.off('data', count)
    if (!response.writableEnded) response.end()
  }
  const count = (bytes: Buffer) => {
    left -= bytes.length
    if (left < 0) close()
  }
  const timer = setTimeout(close, lingerMs)
  request
    .on('data', count)
    .on('end', close)
    .on('close', close)
    .on('error', () => {})
}
