/**
 * How paths reach routes: by their raw beginnings. Names are up to 1024 bytes, may hold encoded slashes and must be decoded
 * exactly once, so doors split the raw path themselves, and the router gets to see no percent sign at all: what it cannot
 * decode it would answer itself, in no protocol's form.
 */

import type { FastifyInstance } from 'fastify'
import { UploadError } from '../engine/failure.ts'
import { Unauthenticated } from './authentication.ts'
import { Query } from './query.ts'
import { UnknownTransferCoding } from './transfer-coding.ts'

/** What is needed of Node's request. */
interface Target {
  readonly url?: string | undefined
  readonly headers?: { host?: string | undefined }
  /** Fastify's. */
  originalUrl?: string
}

/** The URL for the router; routes read `request.originalUrl`. */
export function routingUrl(request: Target): string {
  const url = takeOriginForm(request)
  const end = url.indexOf('?')
  const path = end < 0 ? url : url.slice(0, end)
  if (!path.includes('%')) return url
  return path.replaceAll('%', '.') + url.slice(path.length)
}

/**
 * RFC 9112 §3.2.2: a server must accept `GET http://host/path`, whose authority counts instead of Host. From here on it is
 * an ordinary request: Fastify has what arrived in `originalUrl` already, which is what routes read.
 */
function takeOriginForm(request: Target): string {
  const { url = '/' } = request
  const [absolute, authority, target = ''] = ABSOLUTE_FORM.exec(url) ?? []
  if (absolute === undefined) return url
  if (authority && request.headers) request.headers.host = authority
  request.originalUrl = target.startsWith('/') ? target : `/${target}`
  return request.originalUrl
}

const ABSOLUTE_FORM = /^https?:\/\/(?:[^/?#@]*@)?([^/?#@]*)(.*)$/i

export const routerOptions = {
  querystringParser: (text: string): Record<string, unknown> =>
    new Query(text) as unknown as Record<string, unknown>,
}

/** What no door answers. No path in the answer or the log: it may be a session's; and nothing of what went wrong inside. */
export function answerTheRest(app: FastifyInstance): void {
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/plain; charset=utf-8').send('Not Found'),
  )
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof UnknownTransferCoding) {
      return reply.code(501).type('text/plain; charset=utf-8').send('Not Implemented')
    }
    if (error instanceof UploadError && error.failure.code === 'too_many_requests') {
      reply.header('retry-after', error.failure.retryAfterSeconds)
      return reply.code(429).type('text/plain; charset=utf-8').send('Too Many Requests')
    }
    if (error instanceof UploadError && error.failure.code === 'too_many_bodies') {
      return reply.code(503).type('text/plain; charset=utf-8').send('Service Unavailable')
    }
    if (error instanceof Unauthenticated) {
      return reply.code(401).type('text/plain; charset=utf-8').send('Unauthorized')
    }
    if (error instanceof UploadError && error.failure.code === 'access_denied') {
      return reply.code(403).type('text/plain; charset=utf-8').send('Forbidden')
    }
    request.log.error({ err: error }, 'failed')
    return reply.code(500).type('text/plain; charset=utf-8').send('Internal Server Error')
  })
}
