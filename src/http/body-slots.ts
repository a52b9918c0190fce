/**
 * How many request bodies may be on their way at a time. Beyond it a request is refused at once, before its body is read and
 * before `100 Continue`, instead of waiting for memory, files and a share of the disk with all others.
 *
 * A slot is held until the request is answered or its connection is gone. Requests without a body need none, and neither do the
 * calls within a batch: their bodies are in memory, and the batch's own was counted.
 */

import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { UploadError } from '../engine/failure.ts'
import type { Observer } from '../engine/ports.ts'
import { declaredLength } from './request-body.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Frees its slot, where it holds one. */
    freeSlot: (() => void) | undefined
  }
}

export function limitBodies(
  app: FastifyInstance,
  limit: number,
  observer: Pick<Observer, 'refused'>,
): void {
  let taken = 0
  app.decorateRequest('freeSlot', undefined)

  app.addHook('preParsing', (request, reply, payload, done) => {
    const { raw } = request
    if (declaredLength(raw) === 0 || !(raw.socket instanceof Socket)) {
      done(null, payload)
      return
    }
    if (taken >= limit) {
      observer.refused('too_many_bodies')
      done(new UploadError({ code: 'too_many_bodies', limit }), payload)
      return
    }
    // Gone while it was being looked at: there will be no 'close' any more.
    if (!reply.raw.destroyed) {
      taken += 1
      request.freeSlot = () => {
        request.freeSlot = undefined
        taken -= 1
      }
      reply.raw.once('close', () => request.freeSlot?.())
    }
    done(null, payload)
  })

  app.addHook('onSend', (request, _reply, payload, done) => {
    request.freeSlot?.()
    done(null, payload)
  })
}
