/** What every route of this door has at hand. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Access } from '../../engine/access.ts'
import type { BaseUrl } from '../../http/base-url.ts'
import type { FramedBodies } from '../../http/framed-body.ts'
import type { Query } from '../../http/query.ts'
import type { Drives } from './drive-path.ts'

export interface Door {
  readonly base: BaseUrl
  /** The small bodies that the door itself reads. */
  readonly frames: FramedBodies
  /** The provider's id, as it is in the paths. */
  readonly provider: string
  readonly drives: Drives
}

/** One request. */
export interface Call {
  readonly door: Door
  /** As far as it is open to who asks. */
  readonly engine: Access
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly query: Query
}

/** §3: an answer is JSON, also where it says nothing. */
export function sendJson(reply: FastifyReply, answer: object): FastifyReply {
  return reply.type('application/json; charset=UTF-8').send(JSON.stringify(answer))
}
