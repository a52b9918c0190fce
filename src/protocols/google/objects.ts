/**
 * One object (gcs.md §10.2): what is said of it, its changes, its end, and with `alt=media` its bytes.
 */

import { UploadError } from '../../engine/failure.ts'
import type { Metadata, StoredObject } from '../../engine/ports.ts'
import { meantMethod } from '../../http/method-override.ts'
import { refuseUnknownAcl } from './access-control.ts'
import { answerMethod, type Call, type Methods, sendJson } from './door.ts'
import { download } from './download.ts'
import { readJsonObject } from './json-body.ts'
import type { JsonObject } from './json-object.ts'
import { metadataOf, patched } from './metadata.ts'
import { answerObjectPart } from './object-parts.ts'
import { etagOf, objectResource } from './object-resource.ts'
import { parseGeneration, parsePreconditions } from './preconditions.ts'
import { isWanted } from './read-conditions.ts'
import { Refusal, text } from './refusal.ts'
import type { Named, Resource } from './resource-path.ts'

export const OBJECT: Methods<Named> = {
  GET: readObject,
  HEAD: readObject,
  DELETE: remove,
  PATCH: (call, named) => update(call, named, patched),
  PUT: (call, named) => update(call, named, (_before, resource) => metadataOf(resource)),
}

/** Data, whatever `alt` says (R10). */
export const DOWNLOAD: Methods<Named> = {
  GET: (call, named) => sendContent(call, 'GET', named),
  HEAD: (call, named) => sendContent(call, 'HEAD', named),
}

type ObjectPath = Extract<Resource, { readonly kind: 'object' }>

/** R8. */
export async function answerObject(call: Call, method: string, path: ObjectPath): Promise<unknown> {
  const { part } = path
  if (part === undefined) return answerMethod(OBJECT, method, call, path)
  // `x/acl` with its slash not encoded is the object of that name, where there is one (GCS-55).
  const isObject = method !== 'POST' && (await exists(call, path))
  if (isObject || !(await exists(call, part.of))) return answerMethod(OBJECT, method, call, path)
  return answerObjectPart(call, method, part)
}

/** A missing object is plain text here (§10.3). */
async function sendContent(call: Call, method: string, named: Named): Promise<unknown> {
  const { bucket, name } = named
  try {
    const object = await find(call, named)
    return isWantedNow(call, object)
      ? await download(call, method, object)
      : sendNotModified(call, object)
  } catch (error) {
    if (!(error instanceof UploadError) || error.failure.code !== 'object_not_found') throw error
    throw new Refusal(text(404, `No such object: ${bucket}/${name}`))
  }
}

/** What every call answers that is about one object. */
export function sendObject({ door, request, reply, query }: Call, object: StoredObject): unknown {
  reply.header('etag', etagOf(object))
  const resource = objectResource(object, door.base(request), query.get('projection'))
  return sendJson(reply, resource, query.get('fields'))
}

async function readObject(call: Call, named: Named): Promise<unknown> {
  if (call.query.get('alt')?.toLowerCase() === 'media') {
    return sendContent(call, meantMethod(call.request), named)
  }
  const object = await find(call, named)
  return isWantedNow(call, object) ? sendObject(call, object) : sendNotModified(call, object)
}

/** The metageneration goes up by one, the generation stays (GCS-53). */
async function update(
  call: Call,
  { bucket, name }: Named,
  change: (before: Metadata, resource: JsonObject) => Metadata,
): Promise<unknown> {
  const { engine, query } = call
  refuseUnknownAcl(query)
  const wanted = { bucket, name, generation: parseGeneration(query) }
  const preconditions = parsePreconditions(query)
  const resource = await readJsonObject(call)
  const updated = await engine.objects.update(wanted, preconditions, before =>
    change(before, resource),
  )
  return sendObject(call, updated)
}

async function remove({ engine, reply, query }: Call, { bucket, name }: Named): Promise<unknown> {
  const preconditions = parsePreconditions(query)
  const wanted = { bucket, name, generation: parseGeneration(query) }
  await engine.objects.delete(wanted, preconditions)
  return reply.code(204).send()
}

function isWantedNow({ request, query }: Call, object: StoredObject): boolean {
  const preconditions = parsePreconditions(query)
  return isWanted({ headers: request.headers, preconditions, object, etag: etagOf(object) })
}

function sendNotModified({ reply }: Call, object: StoredObject): unknown {
  return reply.code(304).header('etag', etagOf(object)).send()
}

function find({ engine, query }: Call, { bucket, name }: Named): Promise<StoredObject> {
  return engine.objects.find({ bucket, name, generation: parseGeneration(query) })
}

async function exists({ engine }: Call, { bucket, name }: Named): Promise<boolean> {
  try {
    await engine.objects.find({ bucket, name })
    return true
  } catch (error) {
    if (error instanceof UploadError && error.failure.code === 'object_not_found') return false
    throw error
  }
}
