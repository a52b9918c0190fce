/**
 * `uploadType=resumable` (gcs.md §6.1): a session, and its URI.
 */

import { GOOGLE } from '../../engine/door-rules.ts'
import type { Intent } from '../../engine/ports.ts'
import { shortKey } from '../../engine/session-key.ts'
import type { Call } from './door.ts'
import { agreed, declaredChecksums } from './goog-hash.ts'
import { readJsonObject } from './json-body.ts'
import type { JsonObject } from './json-object.ts'
import { assertedChecksums, uploadMetadata } from './metadata.ts'
import { nameOf } from './object-name.ts'
import { parsePreconditions } from './preconditions.ts'
import { invalid } from './refusal.ts'
import { keepData } from './session-data.ts'

export async function initiate(call: Call, bucket: string): Promise<unknown> {
  const { engine, request, reply } = call
  const resource = await readJsonObject(call)
  const intent = intentOf(call, bucket, resource)
  const { token, session } = await engine.create(GOOGLE, intent)
  request.sessionKey = shortKey(session.key)
  // Exactly 200 and empty (§0.1 number 13), and no X-Goog-Upload-* header (number 14).
  return reply
    .header('location', sessionUri(call, intent, token))
    .header('x-guploader-uploadid', token)
    .send()
}

function intentOf(call: Call, bucket: string, resource: JsonObject): Intent {
  const { door, request, query } = call
  const { headers } = request
  const total = declaredTotal(headers['x-upload-content-length'])
  return {
    bucket,
    name: nameOf(query, resource),
    metadata: metadataWithHeaders(call, resource),
    preconditions: parsePreconditions(query),
    checksums: agreed(declaredChecksums(headers, true) ?? {}, assertedChecksums(resource)),
    ...(total !== undefined && { total }),
    doorData: keepData({
      base: door.base(request),
      fields: query.get('fields'),
      origin: headers.origin,
    }),
  }
}

function metadataWithHeaders({ request, query }: Call, resource: JsonObject): Intent['metadata'] {
  const contentType = request.headers['x-upload-content-type']
  return uploadMetadata(resource, {
    contentType: contentType?.toString(),
    contentEncoding: query.get('contentEncoding'),
  })
}

function declaredTotal(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined
  const total = Number(header)
  if (!/^\d+$/.test(String(header)) || !Number.isSafeInteger(total)) {
    throw invalid('Invalid argument: X-Upload-Content-Length must be a non-negative integer.', {
      type: 'header',
      name: 'X-Upload-Content-Length',
    })
  }
  return total
}

/** The path that the client used: R3 stays R3, everything else is R1. */
function sessionUri({ door, request }: Call, { bucket, name = '' }: Intent, token: string): string {
  const isR3 = request.originalUrl.startsWith('/resumable/')
  const path = `${isR3 ? '/resumable' : ''}/upload/storage/v1/b/${encodeURIComponent(bucket)}/o`
  const query = `name=${encodeURIComponent(name)}&uploadType=resumable&upload_id=${token}`
  return `${door.base(request)}${path}?${query}`
}
