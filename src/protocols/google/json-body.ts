/**
 * Metadata bodies: small, read whole.
 */

import { UploadError } from '../../engine/failure.ts'
import type { Body } from '../../engine/ports.ts'
import { takeBody } from '../../http/request-body.ts'
import { readSmallBody, SMALL_BODY_LIMIT } from '../../http/small-body.ts'
import type { Call } from './door.ts'
import type { JsonObject } from './json-object.ts'
import { parseJsonObject } from './metadata.ts'
import { json, Refusal } from './refusal.ts'
import { decompressed, isCompressed } from './transport-gzip.ts'

/** The Content-Type is not asked: clients send JSON under many. */
export async function readJsonObject(call: Call): Promise<JsonObject> {
  return parseJsonObject(await readMetadataBody(call))
}

export async function readMetadataBody({ door, request, reply }: Call): Promise<Buffer> {
  const body = takeBody(request, reply)
  const read = (bytes: Body) => readWhole(bytes, door.bodyIdleMs)
  return isCompressed(request) ? decompressed(body, read) : read(body)
}

async function readWhole(body: Body, idleMs: number): Promise<Buffer> {
  const bytes = await readSmallBody(body, idleMs)
  switch (bytes) {
    case 'too_large':
      throw new Refusal(
        json(413, 'uploadTooLarge', `Metadata may have at most ${SMALL_BODY_LIMIT} bytes.`),
      )
    case 'cut':
      throw new UploadError({ code: 'body_cut' })
    case 'idle':
      throw new UploadError({ code: 'body_idle', idleMs })
    default:
      return bytes
  }
}
