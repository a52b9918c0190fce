/**
 * Which method of the API a request is, by the names that Google's tests use for them: what faults are planned for.
 */

import type { FastifyRequest } from 'fastify'
import { meantMethod } from '../../http/method-override.ts'
import { parseXmlPath } from './xml-path.ts'

const METHODS = [
  'storage.buckets.list',
  'storage.buckets.insert',
  'storage.buckets.get',
  'storage.buckets.patch',
  'storage.buckets.update',
  'storage.buckets.delete',
  'storage.buckets.getIamPolicy',
  'storage.buckets.setIamPolicy',
  'storage.buckets.testIamPermissions',
  'storage.objects.list',
  'storage.objects.insert',
  'storage.objects.get',
  'storage.objects.patch',
  'storage.objects.update',
  'storage.objects.delete',
  'storage.objects.compose',
  'storage.objects.copy',
  'storage.objects.rewrite',
  'storage.objects.move',
  'storage.serviceaccount.get',
] as const

export type RetryMethod = (typeof METHODS)[number]

export function isRetryMethod(name: string): name is RetryMethod {
  return (METHODS as readonly string[]).includes(name)
}

const UPLOAD = /^(?:\/storage\/v1)?(?:\/resumable)?\/upload(?:\/storage\/v1)?\/b\/[^/]+\/o\/?$/
const DOWNLOAD = /^(?:\/storage\/v1)?\/download\/storage\/v1\/b\/[^/]+\/o\/./
const SERVICE_ACCOUNT = /^\/storage\/v1\/projects\/[^/]+\/serviceAccount$/
const API = /^(?:\/storage\/v1)?\/b(?:\/(?<bucket>[^/]+)(?<rest>\/.*)?)?$/

/** Undefined for what no fault can be planned for. */
export function retryMethodOf(request: FastifyRequest): RetryMethod | undefined {
  const [path = ''] = request.originalUrl.split('?', 1)
  const method = meantMethod(request)
  if (UPLOAD.test(path)) return named('objects', method === 'DELETE' ? undefined : 'insert')
  if (DOWNLOAD.test(path)) return named('objects', 'get')
  if (SERVICE_ACCOUNT.test(path)) return 'storage.serviceaccount.get'
  const { bucket, rest = '' } = API.exec(path)?.groups ?? {}
  if (bucket === undefined) return API.test(path) ? bucketsMethod(method) : xmlMethod(path, method)
  if (rest === '' || rest === '/') return named('buckets', VERBS[method])
  if (rest === '/iam') return named('buckets', method === 'PUT' ? 'setIamPolicy' : 'getIamPolicy')
  if (rest === '/iam/testPermissions') return 'storage.buckets.testIamPermissions'
  if (rest === '/o' || rest === '/o/') return method === 'GET' ? 'storage.objects.list' : undefined
  if (!rest.startsWith('/o/')) return undefined
  return named('objects', method === 'POST' ? serverSideWrite(rest) : VERBS[method])
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  PATCH: 'patch',
  PUT: 'update',
  DELETE: 'delete',
}

function bucketsMethod(method: string): RetryMethod | undefined {
  return method === 'GET' ? 'storage.buckets.list' : named('buckets', POSTED[method])
}

const POSTED: Readonly<Record<string, string>> = { POST: 'insert' }

function serverSideWrite(rest: string): string | undefined {
  if (/\/rewriteTo\/b\/[^/]+\/o\//.test(rest)) return 'rewrite'
  if (/\/copyTo\/b\/[^/]+\/o\//.test(rest)) return 'copy'
  if (/\/moveTo\/o\//.test(rest)) return 'move'
  return rest.endsWith('/compose') ? 'compose' : undefined
}

/** Go reads through the XML API and means the same method by it. */
function xmlMethod(path: string, method: string): RetryMethod | undefined {
  const resource = parseXmlPath(path)
  if (resource === undefined) return undefined
  if (resource.kind === 'object') return named('objects', XML_VERBS[method])
  return method === 'GET' ? 'storage.objects.list' : named('buckets', VERBS[method])
}

const XML_VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  PUT: 'insert',
  POST: 'insert',
  DELETE: 'delete',
}

function named(collection: string, verb: string | undefined): RetryMethod | undefined {
  const name = `storage.${collection}.${verb}`
  return isRetryMethod(name) ? name : undefined
}
