/**
 * `uploadType=multipart` (gcs.md §5): the object's resource and its content in one request.
 */

import { GOOGLE } from '../../engine/door-rules.ts'
import { UploadError } from '../../engine/failure.ts'
import type { Intent, StoredObject } from '../../engine/ports.ts'
import type { Call } from './door.ts'
import { agreed, declaredChecksums } from './goog-hash.ts'
import { assertedChecksums, parseJsonObject, uploadMetadata } from './metadata.ts'
import { boundariesOf } from './multipart-boundary.ts'
import { nameOf } from './object-name.ts'
import { parsePreconditions } from './preconditions.ts'
import { badRequest } from './refusal.ts'
import { type Related, readRelated } from './related-parser.ts'
import { demandLength, sendUploaded, withBody } from './whole-upload.ts'

export async function putMultipart(call: Call, bucket: string): Promise<unknown> {
  const { door, engine, request, query } = call
  // All that can be refused without the body, before a client that waits for `100 Continue` gets it.
  demandLength(request)
  await engine.admit(bucket)
  parsePreconditions(query)
  const boundaries = boundariesOf(request.contentType)
  if (boundaries === undefined) {
    throw badRequest('Content-Type must be multipart/related with a boundary.')
  }
  const object = await withBody(call, async body => {
    const related = await readRelated(body, boundaries, door.frames)
    return putRelated(call, intentOf(call, bucket, related), related)
  })
  return sendUploaded(call, object)
}

async function putRelated(call: Call, intent: Intent, related: Related): Promise<StoredObject> {
  try {
    return await call.engine.put(GOOGLE, intent, related.content)
  } catch (error) {
    if (error instanceof UploadError && error.failure.code === 'body_cut') {
      throw related.defect ?? error
    }
    throw error
  }
}

/** The resource's contentType beats the part's (§5.1). Content-MD5 would speak of the whole request: it is not asked. */
function intentOf({ request, query }: Call, bucket: string, related: Related): Intent {
  const { contentType } = related
  const contentEncoding = query.get('contentEncoding')
  const resource = parseJsonObject(related.resource)
  return {
    bucket,
    name: nameOf(query, resource),
    metadata: uploadMetadata(resource, { contentType, contentEncoding }),
    preconditions: parsePreconditions(query),
    checksums: agreed(declaredChecksums(request.headers, false) ?? {}, assertedChecksums(resource)),
    doorData: {},
  }
}
