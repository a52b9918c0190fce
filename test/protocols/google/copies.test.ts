import { test } from 'tap'
import type { Response } from '../../support/conversation.ts'
import { metadata, read, upload } from '../../support/google.ts'
import { startServer, type TestServer } from '../../support/server.ts'

function compose(
  server: TestServer,
  sources: readonly unknown[],
  { name = 'all', query = '', destination = {}, more = {} } = {},
): Promise<Response> {
  const body = { kind: 'storage#composeRequest', destination, sourceObjects: sources, ...more }
  return server.ask(
    `POST /storage/v1/b/bkt/o/${encodeURIComponent(name)}/compose${query}`,
    {},
    JSON.stringify(body),
  )
}

const post = (server: TestServer, path: string, resource?: object): Promise<Response> =>
  server.ask(
    `POST /storage/v1/b/bkt/o/${path}`,
    {},
    resource === undefined ? undefined : JSON.stringify(resource),
  )

test('GCS-63, GCS-47: compose of 1, 2 and 32 sources; 33 are refused', async t => {
  const server = await startServer(t)
  await upload(server, 'one', 'hello')
  await upload(server, 'two', ' world')
  const both = await compose(server, [{ name: 'one' }, { name: 'two' }], {
    name: 'dir/both',
    destination: { contentType: 'text/plain', metadata: { a: '1' } },
  })
  t.equal(both.status, 200)
  const resource = both.json()
  t.match(resource, {
    kind: 'storage#object',
    name: 'dir/both',
    size: '11',
    // gcs.md §19: of 'hello world'.
    crc32c: 'yZRlqg==',
    componentCount: 2,
    contentType: 'text/plain',
    metadata: { a: '1' },
    metageneration: '1',
  })
  t.notOk('md5Hash' in resource)
  t.equal((await read(server, 'dir/both')).text, 'hello world')
  t.equal((await read(server, 'dir/both')).headers['x-goog-hash'], 'crc32c=yZRlqg==')

  const single = (await compose(server, [{ name: 'one' }])).json()
  t.match(single, {
    componentCount: 1,
    crc32c: 'mnG7TA==',
    contentType: 'application/octet-stream',
  })
  t.notOk('md5Hash' in single)

  const most = await compose(server, Array(32).fill({ name: 'dir/both' }))
  t.match(most.json(), { size: String(32 * 11), componentCount: 64 })
  t.equal((await read(server, 'all')).text, 'hello world'.repeat(32))
  const tooMany = await compose(server, Array(33).fill({ name: 'one' }))
  t.equal(tooMany.status, 400)
  t.equal(tooMany.json().error.errors[0].reason, 'invalid')
  t.equal(
    tooMany.json().error.message,
    'The number of source components provided (33) exceeds the maximum (32)',
  )
})

test('GCS-63: an object can be composed onto itself: appending', async t => {
  const server = await startServer(t)
  await upload(server, 'log', 'a')
  await upload(server, 'next', 'b')
  for (const expected of ['ab', 'abb', 'abbb']) {
    t.equal(
      (await compose(server, [{ name: 'log' }, { name: 'next' }], { name: 'log' })).status,
      200,
    )
    t.equal((await read(server, 'log')).text, expected)
  }
  t.equal((await metadata(server, 'log')).json().componentCount, 4)
})

test('GCS-63: what compose refuses, and its conditions', async t => {
  const server = await startServer(t)
  const { generation } = (await upload(server, 'one', 'x')).json()
  const wrong = [
    [[], 400],
    [[{}], 400],
    [['one'], 400],
    [[{ name: 'one', generation: 'x' }], 400],
    [[{ name: 'nothing' }], 404],
    [[{ name: 'one', generation: '1' }], 404],
    [[{ name: 'one', objectPreconditions: { ifGenerationMatch: '1' } }], 412],
    [[{ name: 'one' }, { name: 'one', objectPreconditions: { ifGenerationMatch: 1 } }], 412],
  ] as const
  for (const [sources, status] of wrong) {
    t.equal((await compose(server, sources)).status, status, JSON.stringify(sources))
  }
  const source = { name: 'one', generation, objectPreconditions: { ifGenerationMatch: generation } }
  t.equal((await compose(server, [source], { query: '?ifGenerationMatch=1' })).status, 412)
  t.equal((await metadata(server, 'all')).status, 404)
  const made = await compose(server, [source], { query: '?ifGenerationMatch=0&fields=name' })
  t.strictSame(made.json(), { name: 'all' })
  // As Node writes it.
  const again = await compose(server, [{ ...source, generation: Number(generation) }], {
    query: '?ifGenerationMatch=0',
  })
  t.equal(again.status, 412)
  t.equal((await compose(server, [source], { destination: { storageClass: 'x' } })).status, 400)
  t.equal((await compose(server, [source], { query: '?destinationPredefinedAcl=x' })).status, 400)
  t.equal((await post(server, 'all/compose')).status, 400)
})

test('compose can delete its sources afterwards, but never its own result', async t => {
  const server = await startServer(t)
  await upload(server, 'one', 'a')
  await upload(server, 'two', 'b')
  const sources = [{ name: 'one' }, { name: 'two' }, { name: 'two' }]
  const more = { deleteSourceObjects: true }
  t.equal((await compose(server, sources, { name: 'one', more })).status, 200)
  t.equal((await read(server, 'one')).text, 'abb')
  t.equal((await metadata(server, 'two')).status, 404)
})

test('GCS-63: rewrite is done at once; without a body the metadata comes along', async t => {
  const server = await startServer(t)
  await server.ask('POST /storage/v1/b', {}, '{"name":"other"}')
  const source = (
    await upload(server, 'dir/a', 'hello', { 'Content-Type': 'text/plain', 'x-goog-meta-a': '1' })
  ).json()
  const answer = await post(server, 'dir%2Fa/rewriteTo/b/other/o/x%2Fb')
  t.equal(answer.status, 200)
  const { resource, ...rest } = answer.json()
  t.strictSame(rest, {
    kind: 'storage#rewriteResponse',
    totalBytesRewritten: '5',
    objectSize: '5',
    done: true,
  })
  t.match(resource, {
    bucket: 'other',
    name: 'x/b',
    contentType: 'text/plain',
    metadata: { a: '1' },
    md5Hash: source.md5Hash,
    crc32c: source.crc32c,
    metageneration: '1',
  })
  const copied = '/storage/v1/b/other/o/x%2Fb?alt=media'
  t.equal((await server.ask(`GET ${copied}`)).text, 'hello')
  // The bytes are shared: they stay when the source goes.
  t.equal((await server.ask('DELETE /storage/v1/b/bkt/o/dir%2Fa')).status, 204)
  t.equal((await server.ask(`GET ${copied}`)).text, 'hello')
})

test('GCS-63: a body that says something is all that is said of the copy', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x', { 'Content-Type': 'text/plain', 'x-goog-meta-a': '1' })
  const over = (await post(server, 'a/rewriteTo/b/bkt/o/b', { contentType: 'a/b' })).json()
  t.equal(over.resource.contentType, 'a/b')
  t.notOk('metadata' in over.resource)
  // Python sends the name of the new object, which says nothing of it.
  const named = (await post(server, 'a/rewriteTo/b/bkt/o/b', { name: 'b' })).json()
  t.match(named.resource, { contentType: 'text/plain', metadata: { a: '1' } })
  const copied = (await post(server, 'a/copyTo/b/bkt/o/c', { metadata: { b: '2' } })).json()
  t.equal(copied.kind, 'storage#object')
  t.strictSame(copied.metadata, { b: '2' })
  t.match((await post(server, 'a/copyTo/b/bkt/o/c')).json(), { metadata: { a: '1' } })
  const self = (await post(server, 'a/rewriteTo/b/bkt/o/a', { storageClass: 'COLDLINE' })).json()
  t.match(self.resource, { name: 'a', storageClass: 'COLDLINE' })
  t.equal((await read(server, 'a')).text, 'x')
  t.equal((await post(server, 'a/copyTo/b/bkt/o/d', { storageClass: 'x' })).status, 400)
})

test('GCS-63: conditions on source and destination', async t => {
  const server = await startServer(t)
  const { generation } = (await upload(server, 'a', 'x')).json()
  const existing = (await upload(server, 'b', 'y')).json()
  const cases = [
    ['?ifGenerationMatch=0', 412],
    [`?ifGenerationMatch=${generation}`, 412],
    [`?ifGenerationNotMatch=${existing.generation}`, 412],
    ['?ifMetagenerationMatch=2', 412],
    ['?ifSourceGenerationMatch=1', 412],
    [`?ifSourceGenerationNotMatch=${generation}`, 412],
    ['?ifSourceMetagenerationMatch=2', 412],
    ['?ifSourceMetagenerationNotMatch=1', 412],
    ['?sourceGeneration=1', 404],
    ['?ifSourceGenerationMatch=x', 400],
    ['?destinationPredefinedAcl=x', 400],
  ] as const
  for (const verb of ['rewriteTo/b/bkt/o/b', 'copyTo/b/bkt/o/b', 'moveTo/o/b']) {
    for (const [query, status] of cases) {
      t.equal((await post(server, `a/${verb}${query}`)).status, status, `${verb} ${query}`)
    }
    t.equal((await post(server, `nothing/${verb}`)).status, 404)
  }
  t.equal((await post(server, 'a/rewriteTo/b/nope/o/b')).status, 404)
  t.equal((await read(server, 'b')).text, 'y')
  const all = `?sourceGeneration=${generation}&ifSourceGenerationMatch=${generation}&ifGenerationMatch=${existing.generation}`
  t.equal((await post(server, `a/copyTo/b/bkt/o/b${all}`)).status, 200)
  t.equal((await read(server, 'b')).text, 'x')
})

test('moveTo renames in one step, onto what is there, too', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x', { 'x-goog-meta-a': '1' })
  await upload(server, 'dir/b', 'y')
  const moved = await post(server, 'a/moveTo/o/dir%2Fb')
  t.match(moved.json(), { kind: 'storage#object', name: 'dir/b', metadata: { a: '1' } })
  t.equal((await metadata(server, 'a')).status, 404)
  t.equal((await read(server, 'dir/b')).text, 'x')
  t.equal((await post(server, 'dir%2Fb/moveTo/o/.')).status, 400)
})

test('GCS-45: compose verifies what the destination asserts of the content', async t => {
  const server = await startServer(t)
  await upload(server, 'one', 'hello')
  await upload(server, 'two', ' world')
  const parts = [{ name: 'one' }, { name: 'two' }]
  for (const destination of [{ crc32c: 'AAAAAA==' }, { md5Hash: '1B2M2Y8AsgTpgAmY7PhCfg==' }]) {
    const refused = await compose(server, parts, { destination })
    t.equal(refused.status, 400)
    t.match(refused.json(), { error: { errors: [{ reason: 'invalid' }] } })
    t.equal((await server.ask('GET /storage/v1/b/bkt/o/all')).status, 404)
  }
  const echo = { crc32c: 'AAAAAA==', generation: '1' }
  t.equal((await compose(server, parts, { destination: echo })).status, 200, 'an echo is none')
  const right = { crc32c: 'yZRlqg==', md5Hash: 'XrY7u+Ae7tCTyyK7j1rNww==' }
  t.equal((await compose(server, parts, { destination: right })).status, 200)
})

test('a copy whose body is `null` says nothing, as Go does', async t => {
  const server = await startServer(t)
  await upload(server, 'one', 'hello')
  const path = 'POST /storage/v1/b/bkt/o/one/rewriteTo/b/bkt/o/two'
  const copied = await server.ask(path, { 'Content-Type': 'application/json' }, 'null\n')
  t.equal(copied.status, 200)
})
