/**
 * Google Cloud Storage's XML API, path style (gcs.md §1, R13): reads, lists and deletes. Its paths are everything that no other
 * route has, so it takes the catch-all, and gives back what lies under another door's name.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Query } from '../../http/query.ts'
import { refuseCustomerKeys } from './customer-keys.ts'
import type { Call, Door } from './door.ts'
import { methodNotAllowed, notImplemented } from './refusal.ts'
import { answerXmlError } from './xml-errors.ts'
import { listXml } from './xml-list.ts'
import { parseXmlPath } from './xml-path.ts'
import { deleteXml, type NamedObject, readXml } from './xml-reads.ts'

/** Parameters that ask for something else than content or list. Ignoring one would answer what was not asked for. */
const SUBRESOURCES = [
  'acl',
  'billing',
  'compose',
  'cors',
  'defaultObjectAcl',
  'encryptionConfig',
  'lifecycle',
  'location',
  'logging',
  'partNumber',
  'retention',
  'storageClass',
  'tagging',
  'upload_id',
  'uploadId',
  'uploads',
  'versioning',
  'versions',
  'website',
  'websiteConfig',
]

export function googleXml(app: FastifyInstance, door: Door): void {
  app.setErrorHandler(answerXmlError)
  refuseCustomerKeys(app)
  app.all('/*', answer)

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const resource = parseXmlPath(request.originalUrl)
    if (resource === undefined) return reply.callNotFound()
    // XML's CORS is the bucket's own (§13). Without any there is nothing to allow, and that is no error.
    if (request.method === 'OPTIONS') return reply.send()
    const call: Call = {
      door,
      engine: request.access,
      request,
      reply,
      query: request.query as Query,
    }
    const subresource = SUBRESOURCES.find(name => call.query.has(name))
    if (subresource !== undefined) throw notImplemented(`${request.method} ?${subresource}`)
    return resource.kind === 'bucket'
      ? answerBucket(call, resource.bucket)
      : answerObject(call, resource)
  }
}

async function answerBucket(call: Call, bucket: string): Promise<unknown> {
  const { engine } = call
  switch (call.request.method) {
    case 'GET':
      return listXml(call, bucket)
    case 'HEAD':
      await engine.buckets.find(bucket)
      return call.reply.send()
    case 'DELETE':
      await engine.buckets.delete(bucket, {})
      return call.reply.code(204).send()
    case 'PUT':
    case 'POST':
      throw notImplemented('writing buckets through the XML API')
    default:
      throw methodNotAllowed('GET, HEAD, DELETE')
  }
}

async function answerObject(call: Call, named: NamedObject): Promise<unknown> {
  switch (call.request.method) {
    case 'GET':
    case 'HEAD':
      return readXml(call, named)
    case 'DELETE':
      return deleteXml(call, named)
    case 'PUT':
    case 'POST':
      throw notImplemented('uploads through the XML API')
    default:
      throw methodNotAllowed('GET, HEAD, DELETE')
  }
}
