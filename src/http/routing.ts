/**
 * How paths reach routes: by their raw beginnings. Names are up to 1024 bytes, may hold encoded slashes and must be decoded
 * exactly once, so doors split the raw path themselves, and the router gets to see no percent sign at all: what it cannot
 * decode it would answer itself, in no protocol's form.
 */

import type { FastifyInstance } from 'fastify'
import { Query } from './query.ts'

/** The URL for the router; routes read `request.originalUrl`. */
export function routingUrl({ url = '/' }: { readonly url?: string | undefined }): string {
  const end = url.indexOf('?')
  const path = end < 0 ? url : url.slice(0, end)
  if (!path.includes('%')) return url
  return path.replaceAll('%', '.') + url.slice(path.length)
}

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
    request.log.error({ err: error }, 'failed')
    return reply.code(500).type('text/plain; charset=utf-8').send('Internal Server Error')
  })
}
