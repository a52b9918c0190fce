/**
 * X-HTTP-Method-Override: the method that a client means where its HTTP stack cannot say it. gcs.md §1: honoured on POST
 * (Java sends PATCH so, googleapiclient a GET whose query has become the body) and on PUT (Firebase on Android).
 */

import type { FastifyRequest } from 'fastify'

export function meantMethod(request: FastifyRequest): string {
  const { method, headers } = request
  const override = headers['x-http-method-override']
  if (typeof override !== 'string' || (method !== 'POST' && method !== 'PUT')) return method
  return override.trim().toUpperCase()
}
