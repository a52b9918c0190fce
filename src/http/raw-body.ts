/**
 * Bodies go to the routes unread and unparsed, whatever their Content-Type says.
 */

import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /** The literal Content-Type header. */
    contentType: string | undefined
  }
}

export function handOverRawBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.decorateRequest('contentType', undefined)

  // Fastify refuses a malformed Content-Type with 415 before any parser runs. Storage protocols keep it as it is, so
  // Fastify does not get to see it.
  app.addHook('onRequest', (request, _reply, done) => {
    request.contentType = request.headers['content-type']
    delete request.headers['content-type']
    done()
  })
}
