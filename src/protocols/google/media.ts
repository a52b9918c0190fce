/**
 * `uploadType=media` (gcs.md §4): the body is the object, the query names it.
 */

import type { Metadata, StoredObject } from '../../engine/ports.ts'
import { takeBody } from '../../http/request-body.ts'
import { type Call, sendJson } from './door.ts'
import { declaredChecksums } from './goog-hash.ts'
import { customHeaders } from './metadata.ts'
import { etagOf, objectResource } from './object-resource.ts'
import { parsePreconditions } from './preconditions.ts'
import { lengthRequired, required } from './refusal.ts'
import { decompressed, isCompressed } from './transport-gzip.ts'

export async function putMedia(call: Call, bucket: string): Promise<unknown> {
  const { door, request, reply, query } = call
  const { headers } = request
  const name = query.get('name')
  if (name === undefined || name === '') throw required('name')
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    throw lengthRequired()
  }
  const contentEncoding = query.get('contentEncoding')
  const intent = {
    bucket,
    name,
    metadata: metadataOf(call, contentEncoding),
    preconditions: parsePreconditions(query),
    checksums: declaredChecksums(headers, true) ?? {},
    doorData: {},
  }
  const body = takeBody(request, reply)
  const isStoredAsSent = contentEncoding !== undefined || !isCompressed(request)
  const object = isStoredAsSent
    ? await door.engine.put(intent, body)
    : await decompressed(body, decoded => door.engine.put(intent, decoded))
  return sendUploaded(call, object)
}

/** The literal Content-Type is kept, parameters included. */
function metadataOf({ request }: Call, contentEncoding: string | undefined): Metadata {
  const { contentType } = request
  const custom = customHeaders(request.headers)
  return {
    ...(contentType && { contentType }),
    ...(contentEncoding && { contentEncoding }),
    ...(custom && { custom }),
  }
}

function sendUploaded({ door, request, reply, query }: Call, object: StoredObject): unknown {
  reply.header('etag', etagOf(object)).header('x-guploader-uploadid', request.id)
  return sendJson(reply, objectResource(object, door.base(request)), query.get('fields'))
}
