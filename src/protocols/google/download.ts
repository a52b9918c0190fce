/**
 * Media reads (gcs.md §10.3).
 */

import { Readable } from 'node:stream'
import type { StoredObject } from '../../engine/ports.ts'
import type { Call } from './door.ts'
import { googHash } from './goog-hash.ts'
import { DEFAULT_CONTENT_TYPE, DEFAULT_STORAGE_CLASS, etagOf } from './object-resource.ts'
import { parseRange } from './range.ts'
import { json, Refusal } from './refusal.ts'

export async function download(call: Call, method: string, object: StoredObject): Promise<unknown> {
  const { door, request, reply } = call
  reply.headers(headersOf(object))
  const { bucket, name, generation, size } = object
  // A range is for the bytes that a GET would send; HEAD tells of the whole object.
  const range = parseRange(method === 'HEAD' ? undefined : request.headers.range, size)
  if (range.kind === 'unsatisfiable') throw unsatisfiable(size)
  const { from, to } = range.kind === 'part' ? range : { from: 0, to: size }
  reply.header('content-length', to - from)
  if (method === 'HEAD') return reply.send()
  if (range.kind === 'part') {
    reply.code(206).header('content-range', `bytes ${from}-${to - 1}/${size}`)
  }
  if (from === to) return reply.send('')
  // As of one moment: an overwrite since the lookup is a missing generation, not another object's bytes.
  const opened = await door.engine.objects.open({ bucket, name, generation })
  return reply.send(Readable.from(opened.read(from, to), { objectMode: false }))
}

function headersOf(object: StoredObject): Record<string, string> {
  const { metadata } = object
  const { cacheControl, contentDisposition, contentEncoding, contentLanguage } = metadata
  return {
    'content-type': metadata.contentType ?? DEFAULT_CONTENT_TYPE,
    ...(cacheControl && { 'cache-control': cacheControl }),
    ...(contentDisposition && { 'content-disposition': contentDisposition }),
    ...(contentEncoding && { 'content-encoding': contentEncoding }),
    ...(contentLanguage && { 'content-language': contentLanguage }),
    'accept-ranges': 'bytes',
    'last-modified': new Date(object.updatedAt).toUTCString(),
    etag: etagOf(object),
    'x-goog-hash': googHash(object),
    'x-goog-generation': String(object.generation),
    'x-goog-metageneration': String(object.metageneration),
    'x-goog-storage-class': metadata.storageClass ?? DEFAULT_STORAGE_CLASS,
    'x-goog-stored-content-length': String(object.size),
    // Node checks the hash only when this is there.
    'x-goog-stored-content-encoding': contentEncoding ?? 'identity',
  }
}

function unsatisfiable(size: number): Refusal {
  return new Refusal({
    ...json(416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable'),
    headers: { 'content-range': `bytes */${size}` },
  })
}
