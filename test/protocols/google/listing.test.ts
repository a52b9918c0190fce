import { test } from 'tap'
import type { Json } from '../../support/conversation.ts'
import { upload } from '../../support/google.ts'
import { startServer, type TestServer } from '../../support/server.ts'

const namesOf = (page: Json): string[] => (page.items ?? []).map((item: Json) => item.name)

async function list(server: TestServer, query: string): Promise<Json> {
  const response = await server.ask(`GET /storage/v1/b/bkt/o?${query}`)
  if (response.status !== 200) throw new Error(`${response.status} ${response.text}`)
  return response.json()
}

test('objects by prefix, in UTF-8 byte order, page by page', async t => {
  const server = await startServer(t)
  const names = ['a/1', 'a/2', 'a/é', 'a/\u{1f600}', 'a/\uff5e', 'b']
  for (const name of [...names].reverse()) await upload(server, name, name)
  t.strictSame(await list(server, 'prefix=nothing'), { kind: 'storage#objects' })
  const all = await list(server, '')
  t.equal(all.kind, 'storage#objects')
  // U+FF5E before U+1F600: bytes, not UTF-16 units.
  t.strictSame(namesOf(all), ['a/1', 'a/2', 'a/é', 'a/\uff5e', 'a/\u{1f600}', 'b'])
  t.strictSame(namesOf(await list(server, 'prefix=a/')), namesOf(all).slice(0, 5))

  const collected: string[] = []
  let token = ''
  for (let pages = 0; pages < 10; pages += 1) {
    const page = await list(server, `maxResults=2&pageToken=${token}`)
    collected.push(...namesOf(page))
    token = page.nextPageToken ?? ''
    if (token === '') break
  }
  t.strictSame(collected, namesOf(all))
  t.equal((await server.ask('GET /storage/v1/b/bkt/o?pageToken=%20')).status, 400)
  t.equal((await server.ask('GET /storage/v1/b/bkt/o?maxResults=x')).status, 400)
  t.equal((await server.ask('GET /storage/v1/b/nope/o')).status, 404)
})

test('a delimiter folds names into prefixes, across pages', async t => {
  const server = await startServer(t)
  for (const name of ['a', 'd/', 'd/1', 'd/2', 'd/e/3', 'f/1', 'g']) await upload(server, name, 'x')
  const top = await list(server, 'delimiter=/')
  t.strictSame(
    [namesOf(top), top.prefixes],
    [
      ['a', 'g'],
      ['d/', 'f/'],
    ],
  )
  const below = await list(server, 'delimiter=/&prefix=d/')
  t.strictSame([namesOf(below), below.prefixes], [['d/', 'd/1', 'd/2'], ['d/e/']])
  const collected: string[] = []
  let token = ''
  do {
    const page = await list(server, `delimiter=/&maxResults=1&pageToken=${token}`)
    collected.push(...namesOf(page), ...(page.prefixes ?? []))
    token = page.nextPageToken ?? ''
  } while (token !== '')
  t.strictSame(collected, ['a', 'd/', 'f/', 'g'])
})

test('GCS-52: fields', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  const page = await list(server, 'fields=kind,items(id,name)')
  t.strictSame(Object.keys(page), ['kind', 'items'])
  t.strictSame(Object.keys(page.items[0]), ['id', 'name'])
  t.equal((await server.ask('GET /storage/v1/b/bkt/o?fields=items(')).status, 400)
})

test('GCS-51: 64-bit integers are strings, nothing is null', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  const page = await list(server, '')
  const bucket = (await server.ask('GET /storage/v1/b/bkt')).json()
  for (const resource of [page.items[0], bucket]) {
    for (const field of ['size', 'generation', 'metageneration', 'projectNumber']) {
      if (field in resource) t.type(resource[field], 'string', field)
    }
    t.notMatch(JSON.stringify(resource), 'null')
    t.notMatch(JSON.stringify(resource), '{}')
  }
})

test('§10.1: buckets: insert, again, get, list', async t => {
  const server = await startServer(t)
  const made = await server.ask(
    'POST /storage/v1/b?project=p',
    {},
    '{"name":"other","location":"EU"}',
  )
  t.equal(made.status, 200)
  t.match(made.json(), {
    kind: 'storage#bucket',
    id: 'other',
    name: 'other',
    metageneration: '1',
    selfLink: `${server.base}/storage/v1/b/other`,
    iamConfiguration: { publicAccessPrevention: 'inherited' },
  })
  const again = await server.ask('POST /storage/v1/b', {}, '{"name":"other"}')
  t.equal(again.status, 409)
  t.equal(
    again.json().error.message,
    'Your previous request to create the named bucket succeeded and you already own it.',
  )
  for (const name of ['a', 'UPPER', 'storage', '-dash', 'x'.repeat(64), '../x']) {
    const refused = await server.ask('POST /storage/v1/b', {}, JSON.stringify({ name }))
    t.equal(refused.status, 400, name)
    t.equal(refused.json().error.errors[0].reason, 'invalid')
  }
  t.equal(
    (await server.ask('POST /storage/v1/b', {}, '{}')).json().error.errors[0].reason,
    'required',
  )
  t.strictSame(namesOf((await server.ask('GET /storage/v1/b?project=p')).json()), ['bkt', 'other'])
  t.strictSame(namesOf((await server.ask('GET /storage/v1/b?prefix=o')).json()), ['other'])
  const first = (await server.ask('GET /storage/v1/b?maxResults=1')).json()
  t.strictSame(namesOf(first), ['bkt'])
  const second = (await server.ask(`GET /storage/v1/b?pageToken=${first.nextPageToken}`)).json()
  t.strictSame(namesOf(second), ['other'])
  const missing = await server.ask('GET /storage/v1/b/nope')
  t.equal(missing.status, 404)
  t.equal(missing.json().error.message, 'The specified bucket does not exist.')
  t.equal((await server.ask('DELETE /storage/v1/b')).status, 405)
})
