/**
 * Google Cloud Storage's JSON API: its paths (gcs.md §1), in the order R1–R4, R5–R9, R11, R10, R16, R12. The router only tells the
 * trees apart; what a path names below that is ours to read, from the raw path (resource-path.ts).
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { meantMethod } from '../../http/method-override.ts'
import { Query } from '../../http/query.ts'
import { batch } from './batch.ts'
import { answerBucketPart } from './bucket-parts.ts'
import { BUCKET, BUCKETS } from './buckets.ts'
import { compose } from './compose.ts'
import { cors } from './cors.ts'
import { refuseCustomerKeys } from './customer-keys.ts'
import { discovery } from './discovery.ts'
import { answerMethod, type Call, type Door } from './door.ts'
import { answerError } from './errors.ts'
import { checkFields } from './fields.ts'
import { readMetadataBody } from './json-body.ts'
import { OBJECTS } from './object-list.ts'
import { answerObject, DOWNLOAD } from './objects.ts'
import { answerProject } from './projects.ts'
import { json, Refusal } from './refusal.ts'
import { parseResource, parseUploadBucket, type Resource } from './resource-path.ts'
import { answerTransfer } from './rewrite.ts'
import { answerUpload, isOfSession, uploadTraffic } from './upload.ts'

export function googleJson(app: FastifyInstance, door: Door): void {
  cors(app)
  app.setErrorHandler(answerError)
  refuseCustomerKeys(app)

  const uploads = [
    '/upload/storage/v1',
    '/resumable/upload/storage/v1',
    '/upload',
    // A base that ends in /storage/v1 already (§1, Node with STORAGE_EMULATOR_HOST).
    '/storage/v1/upload/storage/v1',
    '/storage/v1/resumable/upload/storage/v1',
  ]
  for (const tree of uploads) {
    const config = { access: isOfSession, traffic: uploadTraffic }
    app.all(`${tree}/b/*`, { config }, (request, reply) => upload(callOf(request, reply), tree))
  }
  for (const tree of ['/storage/v1', '']) {
    const answer = (request: FastifyRequest, reply: FastifyReply) =>
      api(callOf(request, reply), tree)
    app.all(`${tree}/b`, answer)
    app.all(`${tree}/b/*`, answer)
  }
  for (const tree of ['/download/storage/v1', '/storage/v1/download/storage/v1']) {
    app.all(`${tree}/b/*`, (request, reply) => media(callOf(request, reply), tree))
  }
  app.all('/storage/v1/projects/*', (request, reply) => project(callOf(request, reply)))
  batch(app, door)
  discovery(app, door)

  function callOf(request: FastifyRequest, reply: FastifyReply): Call {
    return { door, engine: request.access, request, reply, query: request.query as Query }
  }
}

async function upload(call: Call, tree: string): Promise<unknown> {
  const bucket = parseUploadBucket(pathBelow(call, tree))
  if (bucket === undefined) throw noSuchPath()
  return answerUpload(call, bucket)
}

async function api(call: Call, tree: string): Promise<unknown> {
  const method = meantMethod(call.request)
  const resource = parseResource(pathBelow(call, tree), method === 'POST')
  const asked = await withQueryFromBody(call, method)
  checkFields(asked.query)
  return answerResource(asked, method, resource)
}

async function answerResource(call: Call, method: string, resource: Resource): Promise<unknown> {
  switch (resource.kind) {
    case 'buckets':
      return answerMethod(BUCKETS, method, call, undefined)
    case 'bucket':
      return answerMethod(BUCKET, method, call, resource.bucket)
    case 'objects':
      return answerMethod(OBJECTS, method, call, resource.bucket)
    case 'object':
      return answerObject(call, method, resource)
    case 'bucketPart':
      return answerBucketPart(call, method, resource.bucket, resource.part)
    case 'compose':
      return compose(call, resource.destination)
    case 'rewriteTo':
    case 'copyTo':
    case 'moveTo':
      return answerTransfer(call, resource)
  }
}

async function media(call: Call, tree: string): Promise<unknown> {
  const method = meantMethod(call.request)
  const resource = parseResource(pathBelow(call, tree), false)
  if (resource.kind !== 'object') throw noSuchPath()
  return answerMethod(DOWNLOAD, method, await withQueryFromBody(call, method), resource)
}

async function project(call: Call): Promise<unknown> {
  const path = rawPath(call).slice('/storage/v1/projects/'.length)
  return answerProject(call, meantMethod(call.request), path)
}

/** The raw path behind `{tree}/b`. */
function pathBelow(call: Call, tree: string): string {
  return rawPath(call).slice(tree.length + '/b'.length)
}

function rawPath({ request: { originalUrl } }: Call): string {
  const query = originalUrl.indexOf('?')
  return query < 0 ? originalUrl : originalUrl.slice(0, query)
}

/** §1: a GET whose URL would be too long is posted, its query as the body (googleapiclient). */
async function withQueryFromBody(call: Call, method: string): Promise<Call> {
  const { request } = call
  const isForm = request.contentType?.startsWith('application/x-www-form-urlencoded')
  if (method !== 'GET' || request.method !== 'POST' || !isForm) return call
  return { ...call, query: new Query((await readMetadataBody(call)).toString('latin1')) }
}

function noSuchPath(): Refusal {
  return new Refusal(json(404, 'notFound', 'Not Found'))
}
