/**
 * Buckets (gcs.md §10.1): making, reading, listing, changing and deleting them.
 */

import { UploadError } from '../../engine/failure.ts'
import type { Bucket } from '../../engine/ports.ts'
import { checkMetageneration } from '../../engine/preconditions.ts'
import { refuseUnknownAcl } from './access-control.ts'
import {
  bucketEtag,
  bucketResource,
  patchedSettings,
  replacedSettings,
  settingsOf,
} from './bucket-resource.ts'
import { type Call, type Methods, sendJson } from './door.ts'
import { readJsonObject } from './json-body.ts'
import type { JsonObject } from './json-object.ts'
import { cursorOf, pageSize, tokenOf } from './listing.ts'
import { textOf } from './metadata.ts'
import { parsePreconditions } from './preconditions.ts'
import { judgeRead } from './read-conditions.ts'
import { required } from './refusal.ts'

/** `/b` */
export const BUCKETS: Methods<undefined> = {
  GET: listBuckets,
  POST: insertBucket,
}

/** `/b/{bucket}` */
export const BUCKET: Methods<string> = {
  GET: getBucket,
  HEAD: getBucket,
  DELETE: deleteBucket,
  PATCH: (call, name) => updateBucket(call, name, patchedSettings),
  PUT: (call, name) => updateBucket(call, name, replacedSettings),
}

async function listBuckets({ door, engine, request, reply, query }: Call): Promise<unknown> {
  const limit = pageSize(query)
  const cursor = cursorOf(query)
  const after = cursor !== undefined && 'after' in cursor ? cursor.after : undefined
  const found = await engine.buckets.list({
    prefix: query.get('prefix') ?? '',
    limit: limit + 1,
    ...(after !== undefined && { after }),
  })
  const buckets = query.flag('softDeleted') ? [] : found.slice(0, limit)
  const last = buckets.at(-1)
  const base = door.base(request)
  const projection = query.get('projection')
  const items = buckets.map(bucket => bucketResource(bucket, base, projection))
  const page = {
    kind: 'storage#buckets',
    nextPageToken: found.length > limit && last ? tokenOf({ after: last.name }) : undefined,
    items: items.length > 0 ? items : undefined,
  }
  return sendJson(reply, page, query.get('fields'))
}

async function insertBucket(call: Call): Promise<unknown> {
  refuseUnknownAcl(call.query)
  const resource = await readJsonObject(call)
  const name = textOf(resource, 'name')
  if (name === undefined || name === '') throw required('name')
  return sendBucket(call, await call.engine.buckets.create(name, settingsOf(resource)))
}

async function getBucket(call: Call, name: string): Promise<unknown> {
  const bucket = await call.engine.buckets.find(name)
  return isWanted(call, bucket)
    ? sendBucket(call, bucket)
    : call.reply.code(304).header('etag', bucketEtag(bucket)).send()
}

async function deleteBucket({ engine, reply, query }: Call, name: string): Promise<unknown> {
  await engine.buckets.delete(name, parsePreconditions(query))
  return reply.code(204).send()
}

/** As of an object (read-conditions.ts), but a bucket has no generation. */
function isWanted({ request, query }: Call, bucket: Bucket): boolean {
  const { metagenerationMatch, metagenerationNotMatch } = parsePreconditions(query)
  if (metagenerationMatch !== undefined) {
    checkMetageneration({ metagenerationMatch }, bucket.metageneration)
  }
  const validators = { etag: bucketEtag(bucket), modifiedAt: bucket.updatedAt }
  const verdict = judgeRead(request.headers, validators)
  if (verdict === 'failed') {
    throw new UploadError({ code: 'precondition_failed', condition: 'header' })
  }
  return verdict === 'wanted' && metagenerationNotMatch !== bucket.metageneration
}

async function updateBucket(
  call: Call,
  name: string,
  change: (settings: Bucket['settings'], resource: JsonObject) => Bucket['settings'],
): Promise<unknown> {
  const { engine, query } = call
  refuseUnknownAcl(query)
  const preconditions = parsePreconditions(query)
  const resource = await readJsonObject(call)
  const updated = await engine.buckets.update(name, preconditions, before =>
    change(before, resource),
  )
  return sendBucket(call, updated)
}

function sendBucket({ door, request, reply, query }: Call, bucket: Bucket): unknown {
  reply.header('etag', bucketEtag(bucket))
  const resource = bucketResource(bucket, door.base(request), query.get('projection'))
  return sendJson(reply, resource, query.get('fields'))
}
