/**
 * Decompressive transcoding (gcs.md §10.3): an object that was stored as gzip, for a client that did not say it can read gzip,
 * as the bytes it means.
 */

import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { FastifyRequest } from 'fastify'
import type { StoredObject } from '../../engine/ports.ts'
import { json, Refusal } from './refusal.ts'

/** Its readers get one form or the other, depending on what they accept. */
export function isTranscodable({ metadata, size }: StoredObject): boolean {
  const { contentEncoding, cacheControl } = metadata
  const isGzip = contentEncoding?.trim().toLowerCase() === 'gzip'
  // An empty body is no gzip member, and means nothing else than it is.
  return isGzip && size > 0 && !forbidsTransform(cacheControl)
}

export function asksForStoredBytes({ headers }: FastifyRequest): boolean {
  return acceptsGzip(headers['accept-encoding']) || forbidsTransform(headers['cache-control'])
}

/** What turns out not to be gzip, or to end in its middle, fails: never a body that is merely short. */
export async function* gunzipped(stored: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 64 * 1024 })
  // It fails whenever the loop below does, which is where that is dealt with.
  pipeline(stored, gunzip).catch(() => {})
  try {
    yield* gunzip
  } catch (error) {
    throw isNotGzip(error) ? notGzip() : error
  }
}

function forbidsTransform(cacheControl: string | undefined): boolean {
  return /(?:^|[,\s])no-transform(?:$|[,\s])/i.test(cacheControl ?? '')
}

/** RFC 9110 §12.5.3: what is named counts before `*`, and a weight of 0 is a refusal. */
function acceptsGzip(header: string | undefined): boolean {
  let isOther = false
  for (const entry of (header ?? '').split(',')) {
    const [coding = '', ...parameters] = entry.split(';').map(text => text.trim().toLowerCase())
    const isRefused = parameters.some(parameter => /^q=0(?:\.0*)?$/.test(parameter))
    if (coding === 'gzip' || coding === 'x-gzip') return !isRefused
    if (coding === '*') isOther = !isRefused
  }
  return isOther
}

function isNotGzip(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^Z_[A-Z]+_ERROR$/.test(String(error.code))
}

function notGzip(): Refusal {
  const message = 'The object is said to be gzip, but its content is not. Accept gzip to read it.'
  return new Refusal(json(500, 'internalError', message))
}
