/**
 * Metadata bodies: small, read whole.
 */

import { takeBody } from '../../http/request-body.ts'
import { readSmallBody, SMALL_BODY_LIMIT } from '../../http/small-body.ts'
import type { Call } from './door.ts'
import { type JsonObject, parseJsonObject } from './metadata.ts'
import { brokenBody, json, Refusal } from './refusal.ts'
import { decompressed, isCompressed } from './transport-gzip.ts'

/** The Content-Type is not asked: clients send JSON under many. */
export async function readJsonObject(call: Call): Promise<JsonObject> {
  return parseJsonObject(await readMetadataBody(call))
}

export async function readMetadataBody({ door, request, reply }: Call): Promise<Buffer> {
  const body = takeBody(request, reply)
  const bytes = isCompressed(request)
    ? await decompressed(body, decoded => readSmallBody(decoded, door.bodyIdleMs))
    : await readSmallBody(body, door.bodyIdleMs)
  if (bytes === 'too_large') {
    throw new Refusal(
      json(413, 'uploadTooLarge', `Metadata may have at most ${SMALL_BODY_LIMIT} bytes.`),
    )
  }
  if (bytes === 'cut' || bytes === 'idle') throw new Refusal(brokenBody())
  return bytes
}
