import { test } from 'tap'
import type { Json } from '../../support/conversation.ts'
import { startServer } from '../../support/server.ts'

const PATHS = ['/discovery/v1/apis/storage/v1/rest', '/$discovery/rest?version=v1']

test('the discovery document, at both of its paths', async t => {
  const server = await startServer(t)
  for (const path of PATHS) {
    const answer = await server.ask(`GET ${path}`, { Origin: 'http://page' })
    t.equal(answer.status, 200)
    t.equal(answer.headers['content-type'], 'application/json; charset=UTF-8')
    t.equal(answer.headers['access-control-allow-origin'], 'http://page')
    t.match(answer.json(), {
      kind: 'discovery#restDescription',
      id: 'storage:v1',
      rootUrl: `${server.base}/`,
      baseUrl: `${server.base}/storage/v1/`,
      servicePath: 'storage/v1/',
      batchPath: 'batch/storage/v1',
    })
  }
  t.equal((await server.ask('GET /$discovery/rest?version=v2')).status, 404)
  t.equal((await server.ask(`POST ${PATHS[0]}`)).status, 405)
})

test('it hangs together: references, path parameters, required ones', async t => {
  const server = await startServer(t)
  const document = (await server.ask(`GET ${PATHS[0]}`)).json()
  const schemas = new Set(Object.keys(document.schemas))
  for (const [, reference] of JSON.stringify(document).matchAll(/"\$ref":"(\w+)"/g)) {
    t.ok(schemas.has(reference ?? ''), String(reference))
  }
  const methods: Json[] = []
  const collect = ({ methods: own = {}, resources = {} }: Json) => {
    methods.push(...Object.values(own))
    for (const resource of Object.values(resources)) collect(resource)
  }
  collect(document)
  t.ok(methods.length > 20)
  for (const { id, path, parameters, parameterOrder } of methods) {
    for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
      t.match(parameters[name], { location: 'path', required: true }, id)
      t.ok(parameterOrder.includes(name), id)
    }
  }
  const { objects, buckets, projects } = document.resources
  t.strictSame(objects.methods.insert.mediaUpload.protocols, {
    simple: { multipart: true, path: '/upload/storage/v1/b/{bucket}/o' },
    resumable: { multipart: true, path: '/resumable/upload/storage/v1/b/{bucket}/o' },
  })
  t.equal(objects.methods.get.supportsMediaDownload, true)
  t.strictSame(buckets.methods.testIamPermissions.parameterOrder, ['bucket', 'permissions'])
  t.equal(projects.resources.serviceAccount.methods.get.id, 'storage.projects.serviceAccount.get')
})

test('what it names is answered: no read of it is 404, 405 or 501', async t => {
  const server = await startServer(t)
  await server.ask('POST /upload/storage/v1/b/bkt/o?uploadType=media&name=a', {}, 'x')
  const document = (await server.ask(`GET ${PATHS[0]}`)).json()
  for (const resource of Object.values<Json>(document.resources)) {
    for (const { httpMethod, path, id } of Object.values<Json>(resource.methods ?? {})) {
      if (httpMethod !== 'GET') continue
      const target = path.replace('{bucket}', 'bkt').replace('{object}', 'a')
      t.equal((await server.ask(`GET /${document.servicePath}${target}`)).status, 200, id)
    }
  }
})
