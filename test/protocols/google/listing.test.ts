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

test('GCS-54: objects by prefix, in UTF-8 byte order, page by page', async t => {
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

test('GCS-54: a delimiter folds names into prefixes, across pages', async t => {
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

test('GCS-54: startOffset is in, endOffset is not', async t => {
  const server = await startServer(t)
  for (const name of ['a', 'b', 'd/1', 'd/2', 'é', 'z']) await upload(server, name, 'x')
  t.strictSame(namesOf(await list(server, 'startOffset=b&endOffset=%C3%A9')), [
    'b',
    'd/1',
    'd/2',
    'z',
  ])
  t.strictSame(namesOf(await list(server, 'startOffset=c&prefix=d/&endOffset=d/2')), ['d/1'])
  t.strictSame(await list(server, 'startOffset=z&endOffset=b'), { kind: 'storage#objects' })
  const folded = await list(server, 'delimiter=/&startOffset=d/2')
  t.strictSame([namesOf(folded), folded.prefixes], [['z', 'é'], ['d/']])
  // Go sends what it has no value for.
  const empty = 'delimiter=&endOffset=&matchGlob=&pageToken=&prefix=&startOffset=&versions=false'
  t.equal(namesOf(await list(server, `${empty}&includeFoldersAsPrefixes=false`)).length, 6)
})

test('includeTrailingDelimiter: what is named as its prefix is an item, too', async t => {
  const server = await startServer(t)
  for (const name of ['d/', 'd/1', 'e/1']) await upload(server, name, 'x')
  const page = await list(server, 'delimiter=/&includeTrailingDelimiter=True')
  t.strictSame([namesOf(page), page.prefixes], [['d/'], ['d/', 'e/']])
})

test('one version each, and nothing that was deleted', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  await upload(server, 'a', 'y')
  t.strictSame(namesOf(await list(server, 'versions=true')), ['a'])
  t.strictSame(await list(server, 'softDeleted=true'), { kind: 'storage#objects' })
  t.strictSame(namesOf(await list(server, 'softDeleted=false')), ['a'])
  t.equal((await server.ask('GET /storage/v1/b/nope/o?softDeleted=true')).status, 404)
})

test('projection=full', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  const [item] = (await list(server, 'projection=full')).items
  t.match(item, { owner: {}, acl: [{ role: 'OWNER' }] })
  t.notOk('acl' in (await list(server, 'projection=noAcl')).items[0])
})

test('matchGlob: names and the prefixes that stand for others are matched alike', async t => {
  const server = await startServer(t)
  const names = [
    'img/brand.jpg',
    'img/empty-dir/readme.txt',
    'img/hi-res/deep/party-09.jpg',
    'img/hi-res/party-01.jpg',
    'img/low-res/party-01.jpg',
    'other/file',
  ]
  for (const name of names) await upload(server, name, 'x')
  const glob = async (pattern: string, more = '') => {
    const page = await list(server, `matchGlob=${encodeURIComponent(pattern)}${more}`)
    return [namesOf(page), page.prefixes ?? []]
  }
  const jpegs = names.filter(name => name.endsWith('.jpg'))
  t.strictSame(await glob('img/**.jpg'), [jpegs, []])
  t.strictSame(await glob('img/**/party-0[!2-9].jpg'), [jpegs.slice(2), []])
  t.strictSame(await glob('{img,other}/*'), [['img/brand.jpg', 'other/file'], []])
  t.strictSame(await glob('other/file'), [['other/file'], []])
  t.strictSame(await glob('img/*', '&prefix=img/b'), [['img/brand.jpg'], []])
  t.strictSame(await glob('img/*', '&prefix=other'), [[], []])
  t.strictSame(await glob('img/**.jpg', '&startOffset=img/hi&endOffset=img/low'), [
    jpegs.slice(1, 3),
    [],
  ])
  // Google does these so.
  const below = '&delimiter=/&prefix=img/'
  t.strictSame(await glob('img/**.jpg', below), [['img/brand.jpg'], []])
  const folders = ['img/empty-dir/', 'img/hi-res/', 'img/low-res/']
  t.strictSame(await glob('img/*/', below), [[], folders])
  t.strictSame(await glob('*/', '&delimiter=/'), [[], ['img/', 'other/']])
  t.strictSame(await glob('img/*', '&delimiter=/'), [['img/brand.jpg'], []])
  t.strictSame(await glob('img/**', '&delimiter=/'), [['img/brand.jpg'], folders])
  t.strictSame(await glob('img/', '&delimiter=/'), [[], ['img/']])

  const collected: string[] = []
  let token = ''
  do {
    const page = await list(server, `matchGlob=**.jpg&maxResults=1&pageToken=${token}`)
    t.ok(namesOf(page).length <= 1)
    collected.push(...namesOf(page))
    token = page.nextPageToken ?? ''
  } while (token !== '')
  t.strictSame(collected, jpegs)
  t.equal((await server.ask('GET /storage/v1/b/bkt/o?matchGlob=%5Ba')).status, 400)
  t.equal((await server.ask('GET /storage/v1/b/bkt/o?matchGlob=a&delimiter=b')).status, 400)
  t.equal((await server.ask('GET /storage/v1/b/nope/o?matchGlob=a&prefix=b')).status, 404)
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
