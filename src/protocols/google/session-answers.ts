/**
 * How a session's standing looks on the wire (gcs.md §6.7–6.9).
 */

import type { FastifyReply } from 'fastify'
import type { Progress } from '../../engine/engine.ts'
import { allowOrigin } from './cors.ts'
import { type Call, sendJson } from './door.ts'
import { etagOf, objectResource } from './object-resource.ts'
import { dataOf, type SessionData } from './session-data.ts'

export function sendProgress(call: Call, token: string, progress: Progress): FastifyReply {
  const { request, reply } = call
  const data = dataOf(progress.session)
  allowOrigin(request, reply, data.origin)
  reply.header('x-guploader-uploadid', token)
  return progress.state === 'open'
    ? sendIncomplete(call, progress.persisted)
    : sendObject(reply, progress.object, data)
}

/** The same bytes each time: everything in it was fixed when the session began or ended. */
function sendObject(
  reply: FastifyReply,
  object: Extract<Progress, { state: 'done' }>['object'],
  { base, fields }: SessionData,
): FastifyReply {
  reply.header('etag', etagOf(object))
  return sendJson(reply, objectResource(object, base), fields)
}

/** No Location, ever (§0.1 number 3), and a Range only when there is a byte to speak of (number 4). */
function sendIncomplete({ request, reply }: Call, persisted: number): FastifyReply {
  reply.type('text/plain; charset=utf-8')
  if (persisted > 0) reply.header('range', `bytes=0-${persisted - 1}`)
  // §0.1 number 2: Go takes a raw 308 for a redirect it cannot follow.
  if (String(request.headers['x-guploader-no-308']).toLowerCase() === 'yes') {
    return reply.code(200).header('x-http-status-code-override', '308').send()
  }
  reply.raw.statusMessage = 'Resume Incomplete'
  return reply.code(308).send()
}

/** §6.8: 499, empty. */
export function sendCancelled(reply: FastifyReply): FastifyReply {
  reply.raw.statusMessage = 'Client Closed Request'
  return reply.code(499).send()
}
