/**
 * Operations under `/-/`, which no bucket can be called.
 */

import type { FastifyInstance } from 'fastify'
import type { Engine } from '../engine/engine.ts'
import { UploadError } from '../engine/failure.ts'

export function operations(app: FastifyInstance, engine: Engine): void {
  const method = ['GET', 'HEAD']

  /** The process answers. */
  app.route({
    method,
    url: '/-/livez',
    config: { access: 'public' },
    handler: (_request, reply) => reply.send({ status: 'ok' }),
  })

  /** The disk can be written, the catalog answers, and the server is not shutting down. */
  app.route({
    method,
    url: '/-/readyz',
    config: { access: 'public' },
    handler: async (request, reply) => {
      try {
        await engine.check()
      } catch (error) {
        const reason = error instanceof UploadError ? error.failure.code : 'internal'
        request.log.warn({ err: error }, 'not ready')
        return reply.code(503).send({ status: 'unavailable', reason })
      }
      return reply.send({ status: 'ready' })
    },
  })
}
