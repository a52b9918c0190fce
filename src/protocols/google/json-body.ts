/**
 * Metadata bodies: small, read whole.
 */

import type { Body } from '../../engine/ports.ts'
import { takeBody } from '../../http/request-body.ts'
import type { Call } from './door.ts'
import type { JsonObject } from './json-object.ts'
import { parseJsonObject } from './metadata.ts'
import { readMetadata } from './metadata-body.ts'
import { decompressed, isCompressed } from './transport-gzip.ts'

/** The Content-Type is not asked: clients send JSON under many. */
export async function readJsonObject(call: Call): Promise<JsonObject> {
  return parseJsonObject(await readMetadataBody(call))
}

export async function readMetadataBody({ door, request, reply }: Call): Promise<Buffer> {
  const body = takeBody(request, reply)
  const read = (bytes: Body) => readMetadata(bytes, door.frames)
  return isCompressed(request) ? decompressed(body, read) : read(body)
}
