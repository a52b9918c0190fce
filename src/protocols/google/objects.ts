/**
 * One object: its metadata, its end, and with `alt=media` its bytes (gcs.md §10.2).
 */

import { UploadError } from '../../engine/failure.ts'
import type { Preconditions, StoredObject } from '../../engine/ports.ts'
import { checkPreconditions } from '../../engine/preconditions.ts'
import { type Call, sendJson } from './door.ts'
import { download } from './download.ts'
import { etagOf, objectResource } from './object-resource.ts'
import { parseGeneration, parsePreconditions } from './preconditions.ts'
import { methodNotAllowed, notImplemented, Refusal, text } from './refusal.ts'

export interface Named {
  readonly bucket: string
  readonly name: string
}

export async function answerObject(call: Call, method: string, named: Named): Promise<unknown> {
  const { door, query } = call
  switch (method) {
    case 'GET':
    case 'HEAD':
      return query.get('alt')?.toLowerCase() === 'media'
        ? answerDownload(call, method, named)
        : sendMetadata(call, named)
    case 'DELETE':
      return remove(call, named)
    case 'PATCH':
    case 'PUT':
      await door.engine.objects.find(named)
      throw notImplemented('changing an object')
    default:
      throw methodNotAllowed('GET, HEAD, DELETE, PATCH, PUT')
  }
}

/** Data, whatever `alt` says (R10). A missing object is plain text here (§10.3). */
export async function answerDownload(call: Call, method: string, named: Named): Promise<unknown> {
  if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed('GET, HEAD')
  const { bucket, name } = named
  try {
    const object = await find(call, named)
    return isHeld(call, object)
      ? await download(call, method, object)
      : sendNotModified(call, object)
  } catch (error) {
    if (!(error instanceof UploadError) || error.failure.code !== 'object_not_found') throw error
    throw new Refusal(text(404, `No such object: ${bucket}/${name}`))
  }
}

async function sendMetadata(call: Call, named: Named): Promise<unknown> {
  const { door, request, reply, query } = call
  const object = await find(call, named)
  if (!isHeld(call, object)) return sendNotModified(call, object)
  reply.header('etag', etagOf(object))
  return sendJson(reply, objectResource(object, door.base(request)), query.get('fields'))
}

async function remove({ door, reply, query }: Call, { bucket, name }: Named): Promise<unknown> {
  const preconditions = parsePreconditions(query)
  await door.engine.objects.delete(
    { bucket, name, generation: parseGeneration(query) },
    preconditions,
  )
  return reply.code(204).send()
}

function find({ door, query }: Call, { bucket, name }: Named): Promise<StoredObject> {
  return door.engine.objects.find({ bucket, name, generation: parseGeneration(query) })
}

/** Conditions on a read (§9.1): a match that fails is 412; false where a not-match fails, which is 304. */
function isHeld({ request, query }: Call, object: StoredObject): boolean {
  const { generationNotMatch, metagenerationNotMatch, ...matches } = parsePreconditions(query)
  checkPreconditions(matches satisfies Preconditions, object)
  return (
    generationNotMatch !== object.generation &&
    metagenerationNotMatch !== object.metageneration &&
    !names(request.headers['if-none-match'], etagOf(object))
  )
}

/** Tags are compared with or without quotes (§9.2). */
function names(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some(tag => {
    const bare = tag.trim().replace(/^(?:W\/)?"(.*)"$/, '$1')
    return bare === '*' || bare === etag
  })
}

function sendNotModified({ reply }: Call, object: StoredObject): unknown {
  return reply.code(304).header('etag', etagOf(object)).send()
}
