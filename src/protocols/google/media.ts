/**
 * `uploadType=media` (gcs.md §4): the body is the object, the query names it.
 */

import { GOOGLE } from '../../engine/door-rules.ts'
import type { Metadata } from '../../engine/ports.ts'
import type { Call } from './door.ts'
import { declaredChecksums } from './goog-hash.ts'
import { customHeaders, uploadMetadata } from './metadata.ts'
import { parsePreconditions } from './preconditions.ts'
import { required } from './refusal.ts'
import { demandLength, sendUploaded, withBody } from './whole-upload.ts'

export async function putMedia(call: Call, bucket: string): Promise<unknown> {
  const { engine, request, query } = call
  const { headers } = request
  const name = query.get('name')
  if (name === undefined || name === '') throw required('name')
  demandLength(request)
  const contentEncoding = query.get('contentEncoding')
  const intent = {
    bucket,
    name,
    metadata: metadataOf(call, contentEncoding),
    preconditions: parsePreconditions(query),
    checksums: declaredChecksums(headers, true) ?? {},
    doorData: {},
  }
  const object = await withBody(call, body => engine.put(GOOGLE, intent, body))
  return sendUploaded(call, object)
}

/** The literal Content-Type is kept, parameters included. */
function metadataOf({ request }: Call, contentEncoding: string | undefined): Metadata {
  const { contentType } = request
  const custom = customHeaders(request.headers)
  return { ...uploadMetadata({}, { contentType, contentEncoding }), ...(custom && { custom }) }
}
