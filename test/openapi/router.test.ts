/**
 * openapi.yaml and the router, in both directions: what is served is described, and what is described is served. The router
 * itself knows trees only (`/storage/v1/b/*`); what Google's door has below them it says in its tables.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { RESERVED_BUCKETS } from '../../src/engine/names.ts'
import { BUCKET_PARTS } from '../../src/protocols/google/bucket-parts.ts'
import { BUCKET, BUCKETS } from '../../src/protocols/google/buckets.ts'
import { OBJECTS } from '../../src/protocols/google/object-list.ts'
import { OBJECT_PARTS } from '../../src/protocols/google/object-parts.ts'
import { DOWNLOAD, OBJECT } from '../../src/protocols/google/objects.ts'
import { PROJECT_PARTS } from '../../src/protocols/google/projects.ts'
import { SESSION } from '../../src/protocols/google/session.ts'
import { UPLOADS } from '../../src/protocols/google/upload.ts'
import { XML_BUCKET, XML_OBJECT } from '../../src/protocols/google/xml.ts'
import { apiDocument } from '../support/openapi/document.ts'
import { NOT_DESCRIBED } from '../support/openapi/watch.ts'
import { startServer, type Test } from '../support/server.ts'

interface Route {
  readonly methods: readonly string[]
  readonly url: string
}

const api = apiDocument()

/** Everything that a server with all its doors registers, as it does. */
async function routes(t: Test): Promise<readonly Route[]> {
  const found: Route[] = []
  const watch = (message: unknown) => {
    const { fastify } = message as { readonly fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url }) => {
      found.push({ methods: [method].flat(), url })
    })
  }
  subscribe('fastify.initialization', watch)
  await startServer(t, { faults: true })
  unsubscribe('fastify.initialization', watch)
  return found.filter(({ url }) => !NOT_DESCRIBED.some(prefix => url.startsWith(prefix)))
}

/** `app.all`, or what says no to every method but one. */
const isForAll = ({ methods }: Route) => methods.length > 4

test('every route is described', async t => {
  for (const route of await routes(t)) {
    const { url, methods } = route
    const tree = url.replace(/\/\*$/, '')
    if (tree !== url) {
      const isDescribed = api.operations.some(({ template }) => template.startsWith(`${tree}/`))
      const isAlias = api.aliases.some(({ path }) => path === tree)
      t.ok(isDescribed || isAlias, `${url} is a tree that is described, or an alias of one`)
      continue
    }
    const path = url.replaceAll(/:\w+/g, 'x')
    const described = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(
      method => api.candidates(method, path).length > 0,
    )
    if (isForAll(route)) t.ok(described.length > 0, `${url} is described`)
    else {
      // Preflights are described once for all.
      const own = methods.filter(method => method !== 'OPTIONS')
      t.same(described, described.concat(own).filter(isFirst), `${methods} ${url}`)
    }
  }
})

test('every operation and every alias has a route', async t => {
  const registered = await routes(t)
  const isServed = (path: string, method?: string): boolean =>
    registered.some(route => {
      const { url, methods } = route
      const pattern = url.replaceAll(/[.$]/g, '\\$&').replaceAll(/:\w+/g, '[^/]+')
      // The catch-all is the XML API's: it takes nothing from anybody.
      const isXml = url === '/*'
      if (isXml && !path.startsWith('/{bucket}')) return false
      const isThere = new RegExp(`^${pattern.replace(/\*$/, '.*')}$`).test(path)
      return isThere && (method === undefined || methods.includes(method))
    })
  for (const { id, methods, template, parameters } of api.operations) {
    // What is a parameter to clients may be a setting to the server, and literal to the router.
    const filled = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      String(parameters.find(parameter => parameter.name === name)?.example),
    )
    for (const method of methods) {
      const isThere = isServed(template, method) || isServed(filled, method)
      t.ok(isThere, `${id}: ${method} ${template}`)
    }
  }
  for (const { path, as } of api.aliases) {
    t.ok(isServed(path) || isServed(`${path}/x`), `the alias ${path}`)
    for (const tree of as) t.ok(isServed(tree) || isServed(`${tree}/x`), `${path} as ${tree}`)
  }
})

test("Google's door answers what is described of it, and nothing else", t => {
  const b = '/storage/v1/b'
  const o = `${b}/{bucket}/o`
  const object = `${o}/{object}`
  const answered = [
    ...each(BUCKETS, b),
    ...each(BUCKET, `${b}/{bucket}`),
    ...parts(BUCKET_PARTS, `${b}/{bucket}`),
    ...each(OBJECTS, o),
    ...each(OBJECT, object),
    ...parts(OBJECT_PARTS, object).map(line => line.replace('*', '{entity}')),
    `POST ${object}/compose`,
    `POST ${o}/{sourceObject}/rewriteTo/b/{destinationBucket}/o/{destinationObject}`,
    `POST ${o}/{sourceObject}/copyTo/b/{destinationBucket}/o/{destinationObject}`,
    `POST ${o}/{sourceObject}/moveTo/o/{destinationObject}`,
    ...parts(PROJECT_PARTS, '/storage/v1/projects/{project}'),
    ...each(DOWNLOAD, '/download/storage/v1/b/{bucket}/o/{object}'),
    ...each(XML_BUCKET, '/{bucket}'),
    ...each(XML_OBJECT, '/{bucket}/{object}'),
  ]
  const trees = /^\/(?:storage|download|\{bucket\})(?:\/|$)/
  t.same(described(trees).sort(), answered.sort(), 'resources')

  t.same(
    api.operation('uploadChunk').methods.concat(api.operation('cancelUpload').methods).sort(),
    Object.keys(SESSION).sort(),
    'sessions',
  )
  const types = described(/^\/(?:resumable\/)?upload\//)
    .filter(line => line.startsWith('POST'))
    .flatMap(line => uploadTypesOf(line.split(' ')[1] ?? ''))
  t.same(types.filter(isFirst).sort(), Object.keys(UPLOADS).sort(), 'kinds of uploads')
  t.end()
})

test('first segments that are no bucket', t => {
  const parameter = api.operation('headBucketXml').parameters[0]
  const excluded = parameter?.['x-tidemark-not'] as readonly string[]
  t.same([...excluded].sort(), ['-', '_', '$discovery', ...RESERVED_BUCKETS].sort())
  t.end()
})

test('every component is used', t => {
  const text = JSON.stringify(api.source)
  for (const [kind, components] of Object.entries(api.source['components'] ?? {})) {
    for (const name of Object.keys(components)) {
      const use = kind === 'securitySchemes' ? `{"${name}":[]}` : `"#/components/${kind}/${name}"`
      t.ok(text.includes(use), `${kind}/${name}`)
    }
  }
  t.end()
})

/** `METHOD template` of what is described under these paths. */
function described(paths: RegExp): string[] {
  return api.operations
    .filter(({ template }) => paths.test(template))
    .flatMap(({ methods, template }) => methods.map(method => `${method} ${template}`))
}

function each(methods: Readonly<Record<string, unknown>>, template: string): string[] {
  return Object.keys(methods).map(method => `${method} ${template}`)
}

function parts(below: Readonly<Record<string, unknown>>, template: string): string[] {
  return Object.keys(below).map(part => `GET ${template}/${part}`)
}

function uploadTypesOf(template: string): readonly string[] {
  const begins = api.operations.find(
    ({ methods, template: own }) => own === template && methods[0] === 'POST',
  )
  const parameter = begins?.parameters.find(({ name }) => name === 'uploadType')
  return (parameter?.schema['enum'] as readonly string[]) ?? []
}

function isFirst(value: string, at: number, all: readonly string[]): boolean {
  return all.indexOf(value) === at
}
