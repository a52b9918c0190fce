/**
 * UCloud's chunked uploads (ucloud.md): the three calls of the control plane that an upload needs, the chunk call, and the
 * download. A chunk and a download are allowed by their token alone.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Query } from '../../http/query.ts'
import { controlBodies } from './control-body.ts'
import { cors } from './cors.ts'
import { createUploads } from './create-upload.ts'
import type { Call, Door } from './door.ts'
import { createDownloads, download } from './downloads.ts'
import { answerError } from './errors.ts'
import { retrieve } from './retrieve.ts'
import { sendStatus } from './status.ts'
import { uploadChunk } from './upload-chunk.ts'

type Handler = (call: Call) => Promise<unknown>

export function ucloud(app: FastifyInstance, door: Door): void {
  const bodies = controlBodies()
  const provider = `/ucloud/${door.provider}`
  cors(app)
  app.setErrorHandler(answerError)

  for (const path of ['/api/files/upload', `${provider}/files/upload`]) {
    app.post(
      path,
      handle(call => createUploads(call, bodies.upload)),
    )
    app.options(path, nothing)
  }
  // §7 number 8: the published example has the one, the second server the other.
  for (const path of [`${provider}/chunked`, `${provider}/chunked/upload`]) {
    app.post(path, { config: { access: isOfSession, traffic: 'chunks' } }, handle(uploadChunk))
    app.options(path, nothing)
  }
  app.get(`${provider}/chunked/status`, { config: { access: isOfSession } }, handle(sendStatus))
  app.options(`${provider}/chunked/status`, nothing)

  app.post(
    '/api/files/download',
    handle(call => createDownloads(call, bodies.download)),
  )
  app.options('/api/files/download', nothing)
  app.get(`${provider}/download`, { config: { access: isOfDownload } }, handle(download))
  app.options(`${provider}/download`, nothing)
  app.get('/api/files/retrieve', handle(retrieve))
  app.options('/api/files/retrieve', nothing)

  function handle(handler: Handler) {
    return (request: FastifyRequest, reply: FastifyReply) =>
      handler({ door, engine: request.access, request, reply, query: request.query as Query })
  }
}

/** §1: whoever has the token has the right. Whether it is one, the engine knows. */
function isOfSession({ headers }: FastifyRequest): boolean {
  return headers['chunked-upload-token'] !== undefined
}

function isOfDownload({ query }: FastifyRequest): boolean {
  return (query as Query).has('token')
}

/** A preflight is answered before it gets here (cors.ts). */
function nothing(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.code(204).send()
}
