import { test } from 'tap'
import type { Response } from '../../support/conversation.ts'
import { begin, metadata, put, upload } from '../../support/google.ts'
import { startServer, type TestServer } from '../../support/server.ts'

const change = (
  server: TestServer,
  method: string,
  resource: unknown,
  query = '',
  headers = {},
): Promise<Response> =>
  server.ask(`${method} /storage/v1/b/bkt/o/a${query}`, headers, JSON.stringify(resource))

test('GCS-53: PATCH merges, null deletes, the metageneration goes up and the generation stays', async t => {
  const server = await startServer(t)
  const made = (await upload(server, 'a', 'hello', { 'Content-Type': 'text/plain' })).json()
  const first = await change(server, 'PATCH', {
    cacheControl: 'no-store',
    metadata: { one: '1', two: '2' },
    // Not the client's to say.
    generation: '5',
    size: '7',
    name: 'b',
    acl: [{ entity: 'allUsers', role: 'READER' }],
  })
  t.equal(first.status, 200)
  const after = first.json()
  t.match(after, {
    name: 'a',
    size: '5',
    generation: made.generation,
    metageneration: '2',
    contentType: 'text/plain',
    cacheControl: 'no-store',
    metadata: { one: '1', two: '2' },
    md5Hash: made.md5Hash,
    timeCreated: made.timeCreated,
  })
  t.not(after.etag, made.etag)
  t.equal(first.headers['etag'], after.etag)
  t.strictSame((await metadata(server, 'a')).json(), after)

  const second = await change(server, 'PATCH', {
    cacheControl: null,
    metadata: { one: null, three: '3' },
  })
  t.strictSame(second.json().metadata, { two: '2', three: '3' })
  t.notOk('cacheControl' in second.json())
  t.equal(second.json().metageneration, '3')
  t.notOk('metadata' in (await change(server, 'PATCH', { metadata: null })).json())
  t.equal(
    (await change(server, 'PATCH', { contentType: null })).json().contentType,
    'application/octet-stream',
  )
  const missing = await server.ask('PATCH /storage/v1/b/bkt/o/nothing', {}, '{}')
  t.equal(missing.status, 404)
  t.equal(missing.json().error.message, 'No such object: bkt/nothing')
})

test('GCS-53: POST that means PATCH is the same', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  const patched = await change(server, 'POST', { metadata: { a: '1' } }, '', {
    'X-HTTP-Method-Override': 'PATCH',
  })
  t.match(patched.json(), { metageneration: '2', metadata: { a: '1' } })
})

test('§3: PUT replaces what can be said', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x', { 'Content-Type': 'text/plain', 'x-goog-meta-a': '1' })
  const put = (await change(server, 'PUT', { contentLanguage: 'de', metadata: { b: '2' } })).json()
  t.match(put, {
    metageneration: '2',
    contentLanguage: 'de',
    contentType: 'application/octet-stream',
  })
  t.strictSame(put.metadata, { b: '2' })
})

test('every writable field is kept, wherever it comes', async t => {
  const server = await startServer(t)
  const said = {
    contentType: 'text/plain',
    cacheControl: 'no-store',
    contentDisposition: 'attachment; filename="é.txt"',
    contentEncoding: 'identity',
    contentLanguage: 'de',
    customTime: '2026-01-02T03:04:05.678901Z',
    storageClass: 'NEARLINE',
    eventBasedHold: true,
    temporaryHold: false,
    retention: { mode: 'Unlocked', retainUntilTime: '2027-01-02T03:04:05Z' },
    contexts: { custom: { team: { value: 'x' } } },
    metadata: { key: 'värde', empty: '', ['__proto__']: 'mine' },
  }
  const begun = await begin(server, 'a', {}, said)
  const session = (begun.headers['location'] ?? '').replace(server.base, '')
  const done = (await put(server, session, undefined, 'hello')).json()
  for (const [field, value] of Object.entries(said)) t.strictSame(done[field], value, field)

  await upload(server, 'a', 'x')
  const patched = (await change(server, 'PATCH', said)).json()
  for (const [field, value] of Object.entries(said)) t.strictSame(patched[field], value, field)
  const less = (
    await change(server, 'PATCH', {
      contexts: { custom: { team: null, other: { value: 'y' } } },
      retention: { mode: 'Locked' },
      temporaryHold: null,
    })
  ).json()
  t.strictSame(less.contexts, { custom: { other: { value: 'y' } } })
  t.strictSame(less.retention, { mode: 'Locked', retainUntilTime: '2027-01-02T03:04:05Z' })
  t.notOk('temporaryHold' in less)
  const none = (await change(server, 'PATCH', { contexts: null, retention: null })).json()
  for (const field of ['contexts', 'retention', 'retentionExpirationTime']) t.notOk(field in none)
})

test('what cannot be said is 400, and changes nothing', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  await change(server, 'PATCH', { metadata: { a: 'x'.repeat(8000) } })
  const wrong = [
    { storageClass: 'COSY' },
    { customTime: '2026-01-02' },
    { eventBasedHold: 'yes' },
    { temporaryHold: 1 },
    { retention: { mode: 'Firm', retainUntilTime: '2027-01-02T03:04:05Z' } },
    { retention: { mode: 'Locked' } },
    { retention: 'x' },
    { contexts: { custom: { a: 'x' } } },
    { contexts: { custom: { a: { value: 'x'.repeat(257) } } } },
    {
      contexts: { custom: Object.fromEntries([...Array(51).keys()].map(k => [k, { value: 'x' }])) },
    },
    { contexts: { custom: [] } },
    { contentDisposition: 'a\r\nb' },
    { cacheControl: 'x'.repeat(5000) },
    { metadata: { a: 1 } },
    // Each alone would do; together they are more than 8 KiB.
    { metadata: { b: 'x'.repeat(500) } },
    [],
    'x',
  ]
  for (const resource of wrong) {
    const refused = await change(server, 'PATCH', resource)
    t.equal(refused.status, 400, JSON.stringify(resource).slice(0, 60))
  }
  t.equal((await change(server, 'PATCH', {}, '?predefinedAcl=everyone')).status, 400)
  t.equal((await metadata(server, 'a')).json().metageneration, '2')
})

test('§9.1: conditions and generations on changes', async t => {
  const server = await startServer(t)
  const { generation } = (await upload(server, 'a', 'x')).json()
  const refused = [
    ['?ifMetagenerationMatch=2', 412],
    ['?ifMetagenerationNotMatch=1', 412],
    ['?ifGenerationMatch=1', 412],
    [`?ifGenerationNotMatch=${generation}`, 412],
    ['?ifGenerationMatch=x', 400],
    ['?generation=1', 404],
  ] as const
  for (const method of ['PATCH', 'PUT']) {
    for (const [query, status] of refused) {
      t.equal((await change(server, method, {}, query)).status, status, `${method} ${query}`)
    }
  }
  const good = `?ifMetagenerationMatch=1&ifGenerationMatch=${generation}&generation=${generation}`
  t.equal((await change(server, 'PATCH', {}, good)).json().metageneration, '2')
})

test('changes that meet lose nothing', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  const wires = await Promise.all([...Array(8)].map(() => server.connect()))
  const statuses = await Promise.all(
    wires.map(async (wire, at) => {
      const body = JSON.stringify({ metadata: { [`key${at}`]: 'x' } })
      wire.head('PATCH /storage/v1/b/bkt/o/a', { 'Content-Length': body.length }).send(body)
      const { status } = await wire.response()
      wire.close()
      return status
    }),
  )
  t.strictSame(new Set(statuses), new Set([200]))
  const after = (await metadata(server, 'a')).json()
  t.equal(Object.keys(after.metadata).length, 8)
  t.equal(after.metageneration, '9')
})

test('projection=full and fields, on reads and changes', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  const full = (await server.ask('GET /storage/v1/b/bkt/o/a?projection=full')).json()
  t.match(full, { owner: { entity: 'project-owners-0' }, acl: [{ role: 'OWNER' }] })
  const patched = (await change(server, 'PATCH', {}, '?projection=full&fields=owner')).json()
  t.strictSame(patched, { owner: full.owner })
  t.equal((await server.ask('GET /storage/v1/b/bkt/o/a?projection=noAcl')).json().acl, undefined)
})
