/** An object's bytes as the body of an answer, let go whatever becomes of the answer. */

import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { OpenObject } from '../engine/engine.ts'

/** `bytes` are read from `opened`, which is closed when they are through, or nobody wants them any more. */
export function sendBytes(
  reply: FastifyReply,
  opened: OpenObject,
  bytes: AsyncIterable<Buffer>,
): FastifyReply {
  const payload = Readable.from(bytes, { objectMode: false })
  // A stream that nobody begins to read never gets to the end of the loop, which is what else would close the object: the
  // reader has left, or the answer failed in a hook or on a header and another one was sent. All of them end the response.
  payload.once('close', () => opened.close())
  const { raw } = reply
  if (raw.closed || raw.destroyed) payload.destroy()
  else raw.once('close', () => payload.destroy())
  return reply.send(payload)
}
