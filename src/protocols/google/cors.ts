/**
 * CORS (gcs.md §13): every route of the JSON API is open to every origin, reflected; errors too, or the browser hides
 * them. Only a resumable session is pinned to the origin that began it.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GOOGLE } from '../../engine/door-rules.ts'
import type { Call } from './door.ts'
import { dataOf } from './session-data.ts'

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

const EXPOSED = [
  'Range',
  'Location',
  'ETag',
  'Content-Length',
  'Content-Type',
  'Content-Range',
  'Content-Encoding',
  'Date',
  'Retry-After',
  'X-GUploader-UploadID',
  'X-HTTP-Status-Code-Override',
  'X-Range-MD5',
  'x-goog-hash',
  'x-goog-generation',
  'x-goog-metageneration',
  'x-goog-storage-class',
  'x-goog-stored-content-length',
  'x-goog-stored-content-encoding',
  'X-Goog-Upload-Status',
  'X-Goog-Upload-URL',
  'X-Goog-Upload-Control-URL',
  'X-Goog-Upload-Chunk-Granularity',
  'X-Goog-Upload-Size-Received',
  'X-Goog-Upload-Header-Content-Length',
  'X-Goog-Upload-Header-Content-Type',
].join(', ')

export function cors(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('vary', 'Origin')
    allowOrigin(request, reply, undefined)
    if (request.method === 'OPTIONS') sendPreflight(request, reply)
    else done()
  })
}

/** `pinned`: the origin that began the session. A browser at another origin is told that one, and blocks the answer. */
export function allowOrigin(
  request: FastifyRequest,
  reply: FastifyReply,
  pinned: string | undefined,
): void {
  const { origin } = request.headers
  if (origin === undefined) return
  reply.header('access-control-allow-origin', pinned ?? origin)
  reply.header('access-control-expose-headers', EXPOSED)
}

/** For errors on a session: its origin is looked up, because the failure does not carry it. */
export async function pinOrigin({ engine, request, reply }: Call, token: string): Promise<void> {
  if (request.headers.origin === undefined) return
  try {
    const { session } = await engine.status(GOOGLE, token)
    allowOrigin(request, reply, dataOf(session).origin)
  } catch {
    // Unknown or ended: nothing to pin to, and nothing in the answer to protect.
  }
}

/** Answered without credentials, on session URIs too. */
function sendPreflight(request: FastifyRequest, reply: FastifyReply): void {
  const { headers } = request
  reply.header('access-control-allow-methods', METHODS)
  reply.header('access-control-max-age', '3600')
  const asked = headers['access-control-request-headers']
  if (asked !== undefined) reply.header('access-control-allow-headers', asked)
  // A public page may talk to a server on localhost.
  if (headers['access-control-request-private-network'] === 'true') {
    reply.header('access-control-allow-private-network', 'true')
  }
  reply.code(204).send()
}
