/**
 * Buckets, as far as uploads need them (gcs.md §10.1).
 */

import { type Call, sendJson } from './door.ts'
import { readJsonObject } from './json-body.ts'
import { cursorOf, listPage, pageSize, tokenOf } from './listing.ts'
import { textOf } from './metadata.ts'
import { bucketResource, objectResource } from './object-resource.ts'
import { methodNotAllowed, notImplemented, required } from './refusal.ts'

/** `/b` */
export async function answerBuckets(call: Call, method: string): Promise<unknown> {
  switch (method) {
    case 'GET':
      return listBuckets(call)
    case 'POST':
      return insertBucket(call)
    default:
      throw methodNotAllowed('GET, POST')
  }
}

/** `/b/{bucket}` */
export async function answerBucket(call: Call, method: string, name: string): Promise<unknown> {
  const { door, request, reply, query } = call
  switch (method) {
    case 'GET':
    case 'HEAD': {
      const bucket = await door.engine.buckets.find(name)
      return sendJson(reply, bucketResource(bucket, door.base(request)), query.get('fields'))
    }
    case 'DELETE':
      await door.engine.buckets.delete(name, {})
      return reply.code(204).send()
    case 'PATCH':
    case 'PUT':
      await door.engine.buckets.find(name)
      throw notImplemented('changing a bucket')
    default:
      throw methodNotAllowed('GET, DELETE, PATCH, PUT')
  }
}

/** `/b/{bucket}/o` */
export async function answerObjects(call: Call, method: string, bucket: string): Promise<unknown> {
  const { door, request, reply, query } = call
  if (method !== 'GET') throw methodNotAllowed('GET')
  for (const parameter of ['matchGlob', 'softDeleted']) {
    // Ignoring one would answer objects that were not asked for.
    if (query.has(parameter)) throw notImplemented(parameter)
  }
  const { objects, prefixes, next } = await listPage(door.engine, bucket, query)
  const base = door.base(request)
  const page = {
    kind: 'storage#objects',
    nextPageToken: next && tokenOf(next),
    prefixes: prefixes.length > 0 ? prefixes : undefined,
    items: objects.length > 0 ? objects.map(object => objectResource(object, base)) : undefined,
  }
  return sendJson(reply, page, query.get('fields'))
}

async function listBuckets({ door, request, reply, query }: Call): Promise<unknown> {
  const limit = pageSize(query)
  const cursor = cursorOf(query)
  const after = cursor !== undefined && 'after' in cursor ? cursor.after : undefined
  const found = await door.engine.buckets.list({
    prefix: query.get('prefix') ?? '',
    limit: limit + 1,
    ...(after !== undefined && { after }),
  })
  const buckets = found.slice(0, limit)
  const last = buckets.at(-1)
  const base = door.base(request)
  const page = {
    kind: 'storage#buckets',
    nextPageToken: found.length > limit && last ? tokenOf({ after: last.name }) : undefined,
    items: buckets.length > 0 ? buckets.map(bucket => bucketResource(bucket, base)) : undefined,
  }
  return sendJson(reply, page, query.get('fields'))
}

/** `location`, `storageClass` and the rest are taken and not kept. */
async function insertBucket(call: Call): Promise<unknown> {
  const { door, request, reply, query } = call
  const name = textOf(await readJsonObject(call), 'name')
  if (name === undefined || name === '') throw required('name')
  const bucket = await door.engine.buckets.create(name)
  return sendJson(reply, bucketResource(bucket, door.base(request)), query.get('fields'))
}
