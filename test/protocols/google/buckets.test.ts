import { test } from 'tap'
import { settingsOf } from '../../../src/protocols/google/bucket-resource.ts'
import { Refusal } from '../../../src/protocols/google/refusal.ts'
import type { Response } from '../../support/conversation.ts'
import { upload } from '../../support/google.ts'
import { startServer, type TestServer } from '../../support/server.ts'

const ask = (server: TestServer, request: string, resource?: object): Promise<Response> =>
  server.ask(request, {}, resource === undefined ? undefined : JSON.stringify(resource))

test('§10.1: what an owner sets is kept', async t => {
  const server = await startServer(t)
  const set = {
    name: 'other',
    location: 'europe-west3',
    storageClass: 'NEARLINE',
    labels: { team: 'x' },
    cors: [{ origin: ['*'], method: ['GET'], responseHeader: ['Range'], maxAgeSeconds: 60 }],
    versioning: { enabled: false },
    lifecycle: { rule: [{ action: { type: 'Delete' }, condition: { age: 0 } }] },
    website: { mainPageSuffix: 'index.html' },
    iamConfiguration: { uniformBucketLevelAccess: { enabled: true } },
    retentionPolicy: { retentionPeriod: 60 },
    defaultEventBasedHold: false,
    // Not the client's to say.
    metageneration: '7',
    projectNumber: '1',
    acl: [{ entity: 'allUsers', role: 'READER' }],
  }
  const made = await ask(server, 'POST /storage/v1/b?project=p', set)
  t.equal(made.status, 200)
  const { metageneration, projectNumber, acl, retentionPolicy, iamConfiguration, ...kept } = set
  const resource = made.json()
  t.match(resource, { ...kept, location: 'EUROPE-WEST3', locationType: 'region' })
  t.match(resource, {
    metageneration: '1',
    projectNumber: '0',
    retentionPolicy: { retentionPeriod: '60' },
    iamConfiguration: {
      uniformBucketLevelAccess: { enabled: true },
      bucketPolicyOnly: { enabled: true },
      publicAccessPrevention: 'inherited',
    },
  })
  t.notOk('acl' in resource)
  t.strictSame((await ask(server, 'GET /storage/v1/b/other')).json(), resource)
  const [, listed] = (await ask(server, 'GET /storage/v1/b?project=p')).json().items
  t.notMatch(listed, { name: 'bkt' })
  await server.restart()
  const { selfLink, ...again } = (await ask(server, 'GET /storage/v1/b/other')).json()
  t.match(resource, again)
})

test('PATCH merges, PUT replaces, and a bucket stays where it lies', async t => {
  const server = await startServer(t)
  await ask(server, 'POST /storage/v1/b', {
    name: 'other',
    location: 'EU',
    labels: { a: '1', b: '2' },
  })
  const patched = await ask(server, 'PATCH /storage/v1/b/other', {
    labels: { a: null, c: '3' },
    versioning: { enabled: true },
    location: 'US',
    name: 'more',
  })
  t.equal(patched.status, 200)
  const resource = patched.json()
  t.match(resource, {
    name: 'other',
    metageneration: '2',
    location: 'EU',
    locationType: 'multi-region',
    versioning: { enabled: true },
  })
  t.strictSame(resource.labels, { b: '2', c: '3' })
  t.equal(patched.headers['etag'], resource.etag)
  const overridden = await server.ask(
    'POST /storage/v1/b/other',
    { 'X-HTTP-Method-Override': 'PATCH' },
    '{"labels":null,"cors":[],"lifecycle":{"rule":[]}}',
  )
  for (const field of ['labels', 'cors', 'lifecycle']) t.notOk(field in overridden.json(), field)
  const put = (
    await ask(server, 'PUT /storage/v1/b/other', { website: { notFoundPage: '404' } })
  ).json()
  t.match(put, { metageneration: '4', location: 'EU', website: { notFoundPage: '404' } })
  t.notOk('versioning' in put)
  t.equal((await ask(server, 'PATCH /storage/v1/b/nope', {})).status, 404)
  t.equal((await ask(server, 'POST /storage/v1/b/other', {})).status, 405)
  t.equal((await ask(server, 'PATCH /storage/v1/b/other', { labels: 'x' })).status, 400)
})

test('§9.1: conditions on the metageneration, and on the ETag of a read', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  const bucket = 'http://x/storage/v1/b/bkt'
  const cases = [
    ['GET', '?ifMetagenerationMatch=2', 412],
    ['GET', '?ifMetagenerationMatch=1', 200],
    ['GET', '?ifMetagenerationNotMatch=1', 304],
    ['GET', '?ifMetagenerationMatch=x', 400],
    ['PATCH', '?ifMetagenerationMatch=2', 412],
    ['PUT', '?ifMetagenerationNotMatch=1', 412],
    ['DELETE', '?ifMetagenerationMatch=2', 412],
    ['DELETE', '?ifMetagenerationNotMatch=1', 412],
    ['DELETE', '?ifMetagenerationMatch=1', 409],
  ] as const
  for (const [method, query, status] of cases) {
    const body = method === 'PATCH' || method === 'PUT' ? {} : undefined
    t.equal((await ask(server, `${method} ${bucket}${query}`, body)).status, status, method + query)
  }
  const { etag } = (await ask(server, `GET ${bucket}`)).json()
  const known = await server.ask(`GET ${bucket}`, { 'If-None-Match': etag })
  t.equal(known.status, 304)
  t.equal(known.text, '')
  t.equal((await server.ask(`GET ${bucket}`, { 'If-Match': '"x"' })).status, 412)
})

test('projection=full says who may use a bucket; an unknown ACL is refused', async t => {
  const server = await startServer(t)
  const full = (await ask(server, 'GET /storage/v1/b/bkt?projection=full')).json()
  t.match(full, { acl: [{ role: 'OWNER' }], defaultObjectAcl: [{}], owner: {} })
  const listed = (await ask(server, 'GET /storage/v1/b?projection=full&fields=items(acl)')).json()
  t.strictSame(listed, { items: [{ acl: full.acl }] })
  const made = 'POST /storage/v1/b?predefinedAcl='
  t.equal((await ask(server, `${made}everyone`, { name: 'one' })).status, 400)
  t.equal((await ask(server, `${made}publicReadWrite`, { name: 'one' })).status, 200)
  t.strictSame((await ask(server, 'GET /storage/v1/b?softDeleted=true')).json(), {
    kind: 'storage#buckets',
  })
})

test('settings that cannot be are 400', t => {
  for (const wrong of [
    { storageClass: 'COSY' },
    { location: 5 },
    { website: [] },
    { lifecycle: 'x' },
    { labels: { a: 'x'.repeat(70_000) } },
  ]) {
    t.throws(() => settingsOf(wrong), Refusal, JSON.stringify(wrong).slice(0, 40))
  }
  const kept = { labels: { a: '1' }, lifecycle: { rule: [{ condition: { isLive: true } }] } }
  const nothing = { website: {}, versioning: null, rpo: '', logging: { logBucket: null } }
  t.strictSame(settingsOf({ ...kept, ...nothing, cors: 'x', unknown: 1 }), kept)
  t.end()
})
