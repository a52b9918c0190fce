/**
 * How many requests one client may make: each address, or each principal where the request has one, counted for requests that
 * bring content and for all others apart. Refused before a byte of the body is read, and before `100 Continue`.
 *
 * After the doors' own `onRequest` hooks, so that a preflight is answered, a browser may read the refusal, and whoever asks is
 * known. What lies under `/-/` is for operators and is never counted; each call of a batch is counted like a request, as Google does.
 */

import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Rate } from '../config/values.ts'
import { UploadError } from '../engine/failure.ts'
import type { Observer } from '../engine/ports.ts'
import { RateCounts } from './rate-counts.ts'

/** `chunks`: the request brings content. `requests`: every other one. */
export type Traffic = 'requests' | 'chunks'

export type RateLimits = Readonly<Record<Traffic, Rate | undefined>>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What requests of this route count as; `requests` where it says nothing. A function where one path serves both. */
    traffic?: Traffic | ((request: FastifyRequest) => Traffic)
  }
}

/** A household has 2^64 IPv6 addresses. */
const IPV6_PREFIX = 64

export async function limitRates(
  app: FastifyInstance,
  limits: RateLimits,
  observer: Pick<Observer, 'refused'>,
): Promise<void> {
  if (limits.requests === undefined && limits.chunks === undefined) return
  await app.register(rateLimit, { global: false, keyGenerator: clientOf, store: RateCounts })
  const limiters = {
    requests: limiterOf(app, limits.requests),
    chunks: limiterOf(app, limits.chunks),
  }

  app.addHook('preParsing', async request => {
    if (request.originalUrl.startsWith('/-/')) return
    const limit = await limiters[trafficOf(request)]?.(request)
    if (limit === undefined || limit.isAllowed || !limit.isExceeded) return
    observer.refused('too_many_requests')
    throw new UploadError({
      code: 'too_many_requests',
      who: request.principal === undefined ? 'address' : 'principal',
      retryAfterSeconds: Math.max(1, limit.ttlInSeconds),
    })
  })
}

function limiterOf(app: FastifyInstance, rate: Rate | undefined) {
  return rate && app.createRateLimit({ max: rate.count, timeWindow: rate.perMs })
}

function trafficOf(request: FastifyRequest): Traffic {
  const { traffic = 'requests' } = request.routeOptions.config
  return typeof traffic === 'function' ? traffic(request) : traffic
}

/** A principal counts for itself wherever it is. Behind a trusted proxy `ip` is the client's (TIDEMARK_TRUST_PROXY). */
function clientOf({ principal, ip }: FastifyRequest): string {
  return principal === undefined ? normalizeIP(ip, IPV6_PREFIX) : `principal ${principal.name}`
}
