/**
 * One log line per response, ours instead of Fastify's: the URL of an upload is the key to it (design P9), so what is
 * written is the route's pattern, of a session the first characters of the hash it is stored under, and of an API key its name.
 */

import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { LogController } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /** Names the session in the log line: a prefix of its key, never of its token. */
    sessionKey: string | undefined
  }
}

/** Fastify's own lines about requests hold URLs; ours replace them. */
export const quietLogController = (): LogController =>
  new LogController({
    disableRequestLogging: true,
    requestIdLogLabel: 'request',
  })

/** Nothing of a request or a reply is ever serialised into a log line, whoever passes one. */
export const logSerializers = {
  req: () => ({}),
  res: () => ({}),
  err: describeError,
}

/** What an operator needs of an error. Its other properties may hold what a client sent (`rawPacket` does). */
export function describeError(error: unknown): { type: string; message: string; stack: string } {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error), stack: '' }
  const { name: type, message, stack = '', cause } = error
  const code = 'code' in error ? { code: error.code } : {}
  const causes = cause === undefined ? {} : { cause: describeError(cause) }
  return { type, message, ...code, stack, ...causes }
}

/** Unique across restarts without a syscall per request. */
export function requestIds(): () => string {
  const start = randomBytes(5).toString('base64url')
  let count = 0
  return () => {
    count += 1
    return `${start}-${count.toString(36)}`
  }
}

/** Told of every answer. Without a status the client went away before it. */
export type ResponseListener = (request: FastifyRequest, status: number | undefined) => void

export function logResponses(app: FastifyInstance, listen: ResponseListener): void {
  app.decorateRequest('sessionKey', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    const begin = performance.now()
    // 'close', not 'finish': a client that went away before its answer deserves its line, too.
    reply.raw.once('close', () => {
      const status = logResponse(request, reply.raw, performance.now() - begin)
      listen(request, status)
    })
    done()
  })
}

function logResponse(
  request: FastifyRequest,
  response: Pick<ServerResponse, 'statusCode' | 'headersSent' | 'writableFinished'>,
  ms: number,
): number | undefined {
  const { method, routeOptions, sessionKey, principal } = request
  // Node says 200 of what was never answered.
  const status = response.headersSent ? response.statusCode : undefined
  request.log.info(
    {
      method,
      route: routeOptions.url,
      status,
      ms: Math.round(ms * 10) / 10,
      session: sessionKey,
      key: principal?.name,
      ...(!response.writableFinished && { gone: true }),
    },
    'response',
  )
  return status
}
