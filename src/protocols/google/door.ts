/**
 * What every route of this door has at hand.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Access } from '../../engine/access.ts'
import type { BaseUrl } from '../../http/base-url.ts'
import type { FramedBodies } from '../../http/framed-body.ts'
import type { Query } from '../../http/query.ts'
import { select } from './fields.ts'
import { methodNotAllowed } from './refusal.ts'

export interface Door {
  readonly base: BaseUrl
  /** The small bodies that the door itself reads. */
  readonly frames: FramedBodies
}

/** One request, its target taken apart. */
export interface Call {
  readonly door: Door
  /** As far as it is open to who asks. */
  readonly engine: Access
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly query: Query
}

/** What a resource answers, by method. The tests hold openapi.yaml against these tables: what is in one is described there. */
export type Methods<Resource> = Readonly<
  Record<string, (call: Call, resource: Resource) => Promise<unknown>>
>

export function answerMethod<Resource>(
  methods: Methods<Resource>,
  method: string,
  call: Call,
  resource: Resource,
): Promise<unknown> {
  const answer = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (answer === undefined) throw methodNotAllowed(Object.keys(methods).join(', '))
  return answer(call, resource)
}

export function sendJson(
  reply: FastifyReply,
  resource: object,
  fields: string | undefined,
): FastifyReply {
  return reply
    .type('application/json; charset=UTF-8')
    .send(JSON.stringify(select(resource, fields)))
}
