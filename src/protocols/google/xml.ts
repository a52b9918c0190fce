/**
 * Google Cloud Storage's XML API, path style (gcs.md §1, R13): reads, lists and deletes. Its paths are everything that no other
 * route has, so it takes the catch-all, and gives back what lies under another door's name.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Query } from '../../http/query.ts'
import { refuseCustomerKeys } from './customer-keys.ts'
import { answerMethod, type Call, type Door, type Methods } from './door.ts'
import { notImplemented } from './refusal.ts'
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

export const XML_BUCKET: Methods<string> = {
  GET: listXml,
  HEAD: headBucket,
  DELETE: deleteBucket,
}

export const XML_OBJECT: Methods<NamedObject> = {
  GET: readXml,
  HEAD: readXml,
  DELETE: deleteXml,
}

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
    const { method } = request
    const isBucket = resource.kind === 'bucket'
    if (method === 'PUT' || method === 'POST') {
      throw notImplemented(
        isBucket ? 'writing buckets through the XML API' : 'uploads through the XML API',
      )
    }
    return isBucket
      ? answerMethod(XML_BUCKET, method, call, resource.bucket)
      : answerMethod(XML_OBJECT, method, call, resource)
  }
}

async function headBucket({ engine, reply }: Call, bucket: string): Promise<unknown> {
  await engine.buckets.find(bucket)
  return reply.send()
}

async function deleteBucket({ engine, reply }: Call, bucket: string): Promise<unknown> {
  await engine.buckets.delete(bucket, {})
  return reply.code(204).send()
}
