import { test } from 'tap'
import { upload } from '../../support/google.ts'
import { startServer } from '../../support/server.ts'

test('R16: what clients ask before they do anything else', async t => {
  const server = await startServer(t)
  await upload(server, 'dir/a', 'x')
  const get = async (path: string) => {
    const response = await server.ask(`GET /storage/v1/${path}`)
    t.equal(response.status, 200, path)
    return response.json()
  }
  t.strictSame(await get('b/bkt/storageLayout'), {
    kind: 'storage#storageLayout',
    bucket: 'bkt',
    location: 'US',
    locationType: 'multi-region',
    hierarchicalNamespace: { enabled: false },
  })
  t.match(await get('b/bkt/iam'), {
    kind: 'storage#policy',
    resourceId: 'projects/_/buckets/bkt',
    bindings: [{ role: 'roles/storage.legacyBucketOwner' }],
  })
  const permissions = ['storage.buckets.get', 'storage.objects.create']
  const query = permissions.map(permission => `permissions=${permission}`).join('&')
  const allowed = { kind: 'storage#testIamPermissionsResponse', permissions }
  t.strictSame(await get(`b/bkt/iam/testPermissions?${query}`), allowed)
  t.strictSame(await get(`b/bkt/o/dir%2Fa/iam/testPermissions?${query}`), allowed)
  t.match(await get('b/bkt/o/dir%2Fa/iam'), { kind: 'storage#policy' })
  t.match(await get('projects/p/serviceAccount?userProject=q'), {
    kind: 'storage#serviceAccount',
    email_address: /@/,
  })
  t.strictSame(await get('projects/p/hmacKeys'), { kind: 'storage#hmacKeysMetadata' })
  t.strictSame(await get('b/bkt/notificationConfigs'), { kind: 'storage#notifications' })
  t.match(await get('b/bkt/acl'), { kind: 'storage#bucketAccessControls', items: [{}] })
  t.match(await get('b/bkt/defaultObjectAcl'), { kind: 'storage#objectAccessControls' })
  t.match(await get('b/bkt/o/dir%2Fa/acl'), {
    kind: 'storage#objectAccessControls',
    items: [{ role: 'OWNER', object: 'dir/a' }],
  })
  t.match(await get('b/bkt/o/dir%2Fa/acl/project-owners-0'), { role: 'OWNER' })
  t.equal((await server.ask('GET /b/bkt/storageLayout')).status, 200)
})

test('of what is not there probes say so; what cannot be changed is 501', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  const cases = [
    ['GET /storage/v1/b/nope/storageLayout', 404],
    ['GET /storage/v1/b/nope/iam', 404],
    ['GET /storage/v1/b/bkt/o/nothing/acl', 404],
    ['HEAD /storage/v1/b/bkt/iam', 405],
    ['HEAD /storage/v1/b/bkt/o/a/iam', 405],
    ['PUT /storage/v1/b/bkt/iam', 501],
    ['POST /storage/v1/b/bkt/acl', 501],
    ['POST /storage/v1/b/bkt/o/a/acl', 501],
    ['GET /storage/v1/b/bkt/folders', 501],
    ['POST /storage/v1/b/bkt/lockRetentionPolicy', 501],
    ['GET /storage/v1/projects/p/nothing', 501],
    ['POST /storage/v1/projects/p/hmacKeys', 501],
    ['POST /storage/v1/projects/p/serviceAccount', 405],
    ['GET /storage/v1/b/bkt/o?filter=contexts.a:*', 501],
  ] as const
  for (const [request, status] of cases) {
    t.equal((await server.ask(request)).status, status, request)
  }
})

test('GCS-76: user projects are nobody’s business', async t => {
  const server = await startServer(t)
  const headers = { 'X-Goog-User-Project': 'p', 'X-Goog-Api-Client': 'x', 'X-Unknown': 'y' }
  await upload(server, 'a', 'x', headers)
  for (const path of ['b', 'b/bkt', 'b/bkt/o', 'b/bkt/o/a', 'b/bkt/storageLayout']) {
    const request = `GET /storage/v1/${path}?userProject=p&prettyPrint=false&quotaUser=x&a=%ZZ`
    t.equal((await server.ask(request, headers)).status, 200, path)
  }
})
