/**
 * What uploads in one request have in common, whether the body is the object (media.ts) or holds it (multipart.ts).
 */

import type { FastifyRequest } from 'fastify'
import type { Body, StoredObject } from '../../engine/ports.ts'
import { takeBody } from '../../http/request-body.ts'
import { type Call, sendJson } from './door.ts'
import { etagOf, objectResource } from './object-resource.ts'
import { lengthRequired } from './refusal.ts'
import { decompressed, isCompressed } from './transport-gzip.ts'

/** gcs.md §4: a length, or chunked transfer coding. */
export function demandLength({ headers }: FastifyRequest): void {
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    throw lengthRequired()
  }
}

/** Runs `take` on the body, decoded unless the client said that what it stores is what it sends (gcs.md §2). */
export function withBody<T>(call: Call, take: (body: Body) => Promise<T>): Promise<T> {
  const { request, reply, query } = call
  const body = takeBody(request, reply)
  const isStoredAsSent = query.has('contentEncoding') || !isCompressed(request)
  return isStoredAsSent ? take(body) : decompressed(body, take)
}

export function sendUploaded({ door, request, reply, query }: Call, object: StoredObject): unknown {
  reply.header('etag', etagOf(object)).header('x-guploader-uploadid', request.id)
  const resource = objectResource(object, door.base(request), query.get('projection'))
  return sendJson(reply, resource, query.get('fields'))
}
