/**
 * The discovery document of what is served here, at the two paths where clients look for it:
 * `googleapiclient.discovery.build('storage', 'v1', discoveryServiceUrl=…)` makes a client of it that speaks to the address
 * it was fetched from. The document itself is data, in the files beside this one.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Query } from '../../http/query.ts'
import { METHODS, type Method, PARAMETERS } from './discovery-methods.ts'
import { SCHEMAS } from './discovery-schemas.ts'
import type { Door } from './door.ts'
import { json, methodNotAllowed, Refusal } from './refusal.ts'

const AUTH = 'https://www.googleapis.com/auth/'

const SCOPES: Readonly<Record<string, string>> = {
  'cloud-platform': 'See, edit, configure and delete your Google Cloud data',
  'cloud-platform.read-only': 'View your data across Google Cloud services',
  'devstorage.full_control': 'Manage your data and permissions in Cloud Storage',
  'devstorage.read_only': 'View your data in Cloud Storage',
  'devstorage.read_write': 'Manage your data in Cloud Storage',
}

const STANDARD_PARAMETERS = {
  alt: {
    type: 'string',
    location: 'query',
    default: 'json',
    enum: ['json', 'media'],
    enumDescriptions: ['Metadata, as JSON.', 'The bytes of an object.'],
    description: 'What to answer.',
  },
  fields: { type: 'string', location: 'query', description: 'Which fields to answer.' },
  key: { type: 'string', location: 'query', description: 'An API key. Ignored.' },
  oauth_token: { type: 'string', location: 'query', description: 'An OAuth 2.0 token.' },
  prettyPrint: { type: 'boolean', location: 'query', default: 'true', description: 'Ignored.' },
  quotaUser: { type: 'string', location: 'query', description: 'Ignored.' },
  uploadType: { type: 'string', location: 'query', description: 'media, multipart, resumable.' },
  userIp: { type: 'string', location: 'query', description: 'Ignored.' },
}

interface DescribedResource {
  methods?: Record<string, object>
  resources?: Resources
}

type Resources = Record<string, DescribedResource>

export function discovery(app: FastifyInstance, door: Door): void {
  const config = { access: 'public' } as const
  app.all('/discovery/v1/apis/storage/v1/rest', { config }, answer)
  app.all('/$discovery/rest', { config }, (request, reply) => {
    const version = (request.query as Query).get('version') ?? 'v1'
    if (version !== 'v1') throw new Refusal(json(404, 'notFound', 'Not Found'))
    return answer(request, reply)
  })

  function answer(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (request.method !== 'GET') throw methodNotAllowed('GET')
    return reply
      .type('application/json; charset=UTF-8')
      .send(JSON.stringify(discoveryDocument(door.base(request))))
  }
}

/** `base` is the address that the client used. */
export function discoveryDocument(base: string): object {
  return {
    kind: 'discovery#restDescription',
    discoveryVersion: 'v1',
    id: 'storage:v1',
    name: 'storage',
    version: 'v1',
    title: 'Cloud Storage JSON API',
    description: 'Stores and retrieves potentially large, immutable data objects.',
    documentationLink: 'https://developers.google.com/storage/docs/json_api/',
    ownerDomain: 'google.com',
    ownerName: 'Google',
    protocol: 'rest',
    rootUrl: `${base}/`,
    servicePath: 'storage/v1/',
    baseUrl: `${base}/storage/v1/`,
    basePath: '/storage/v1/',
    batchPath: 'batch/storage/v1',
    auth: { oauth2: { scopes: scopes() } },
    parameters: STANDARD_PARAMETERS,
    schemas: SCHEMAS,
    resources: resources(),
  }
}

function scopes(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(SCOPES).map(([scope, description]) => [`${AUTH}${scope}`, { description }]),
  )
}

/** `projects.serviceAccount.get` is a method of a resource within a resource. */
function resources(): Resources {
  const top: Resources = {}
  for (const [id, method] of Object.entries(METHODS)) {
    const names = id.split('.')
    const name = names.pop() ?? ''
    let resource: DescribedResource = { resources: top }
    for (const below of names) {
      resource.resources ??= {}
      resource = resource.resources[below] ??= {}
    }
    resource.methods ??= {}
    resource.methods[name] = describe(id, method)
  }
  return top
}

function describe(id: string, method: Method): object {
  const [httpMethod = '', path = ''] = method.call.split(' ')
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const parameters = [...inPath, ...(method.query ?? []), 'userProject'].map(name => {
    const location = inPath.includes(name) ? 'path' : 'query'
    const parameter = PARAMETERS[name] ?? { type: 'string' }
    const isRequired = location === 'path' || parameter['required'] === true
    return [name, { ...parameter, location, ...(isRequired && { required: true }) }] as const
  })
  const required = parameters.filter(([, parameter]) => 'required' in parameter)
  const { does, request, response, extra } = method
  return {
    id: `storage.${id}`,
    description: does,
    httpMethod,
    path,
    parameterOrder: required.map(([name]) => name),
    parameters: Object.fromEntries(parameters),
    ...(request && { request: { $ref: request } }),
    ...(response && { response: { $ref: response } }),
    scopes: Object.keys(SCOPES)
      .filter(scope => httpMethod === 'GET' || !/read.only$/.test(scope))
      .map(scope => `${AUTH}${scope}`),
    ...extra,
  }
}
