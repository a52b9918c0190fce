/**
 * Media reads (gcs.md §10.3): an object whole, a range of it, or what a gzip object means.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OpenObject } from '../../engine/engine.ts'
import type { StoredObject } from '../../engine/ports.ts'
import { sendBytes } from '../../http/object-bytes.ts'
import type { Call } from './door.ts'
import { JSON_READ, mediaHeaders, type ReadForm } from './media-headers.ts'
import { parseRange, type ReadRange } from './range.ts'
import { isRangeCurrent } from './read-conditions.ts'
import { json, Refusal } from './refusal.ts'
import { asksForStoredBytes, gunzipped, isTranscodable } from './transcoding.ts'

/** Answers GET or HEAD of an object that was found and is wanted. */
export async function download(
  call: Call,
  method: string,
  object: StoredObject,
  form: ReadForm = JSON_READ,
): Promise<unknown> {
  const { request, reply } = call
  if (isTranscodable(object)) {
    addVary(reply, 'Accept-Encoding')
    if (!asksForStoredBytes(request)) return sendDecompressed(call, method, object, form)
  }
  const { size } = object
  const range = rangeOf(request, method, object, form.etagOf(object))
  if (range.kind === 'unsatisfiable') throw unsatisfiable(size)
  const { from, to } = range.kind === 'part' ? range : { from: 0, to: size }
  const headers = { ...mediaHeaders(object, form), 'content-length': to - from }
  if (method === 'HEAD') return reply.headers(headers).send()
  if (from === to) return reply.headers(headers).send('')
  const opened = await open(call, object)
  reply.headers(headers)
  if (range.kind === 'part') {
    reply.code(206).header('content-range', `bytes ${from}-${to - 1}/${size}`)
  }
  return sendBytes(reply, opened, opened.read(from, to))
}

/** A range is for the bytes that a GET would send; HEAD tells of the whole object. */
function rangeOf(
  { headers }: FastifyRequest,
  method: string,
  { size, updatedAt: modifiedAt }: StoredObject,
  etag: string,
): ReadRange {
  const isAsked = method !== 'HEAD' && isRangeCurrent(headers, { etag, modifiedAt })
  return parseRange(isAsked ? headers.range : undefined, size)
}

/** The length is known only at the end, and a range would be of other bytes than the client means: it is ignored. */
async function sendDecompressed(
  call: Call,
  method: string,
  object: StoredObject,
  form: ReadForm,
): Promise<unknown> {
  const { reply } = call
  const {
    'content-encoding': _encoding,
    'accept-ranges': _ranges,
    ...headers
  } = mediaHeaders(object, form)
  headers['x-guploader-response-body-transformations'] = 'gunzipped'
  if (method === 'HEAD') return reply.headers(headers).send()
  const opened = await open(call, object)
  reply.headers(headers)
  return sendBytes(reply, opened, gunzipped(opened.read(0, object.size)))
}

/** As of one moment: an overwrite since the lookup is a missing generation, not another object's bytes. */
function open({ engine }: Call, { bucket, name, generation }: StoredObject): Promise<OpenObject> {
  return engine.objects.open({ bucket, name, generation })
}

function addVary(reply: FastifyReply, header: string): void {
  const present = reply.getHeader('vary')
  reply.header('vary', present === undefined ? header : `${present}, ${header}`)
}

function unsatisfiable(size: number): Refusal {
  return new Refusal({
    ...json(416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable'),
    headers: { 'content-range': `bytes */${size}` },
  })
}
