/** With TIDEMARK_AUTH=keys: every request needs a key; what more it takes is the scopes to begin and to read. */

import { test } from 'tap'
import { AXIOS_ACCEPT, chunk, command, MSGPACK_TYPE, packed } from '../../support/gws.ts'
import { ALL, startGuarded } from '../../support/keys.ts'

const SECRET = 'the neighbour wrote this'
const HALVES = { totalSize: 6, chunkCount: 2 }

test('what a key may, and what a uid is enough for', async t => {
  const { server, as } = await startGuarded(
    t,
    {
      adder: { scopes: ['create'], prefix: 'gws/' },
      reader: { scopes: ['read'] },
      lister: { scopes: ['list'] },
      elsewhere: { ...ALL, prefix: 'other/' },
      otherBucket: { ...ALL, buckets: ['uploads'] },
    },
    { buckets: ['bkt', 'uploads'] },
  )
  const first = chunk({ ...HALVES, chunkNumber: 0, content: Buffer.from('abc') })
  for (const who of [{}, { Authorization: 'Bearer x' }]) {
    const refused = await command(server, 'uploadChunk', first, who)
    t.match([refused.status, refused.json()], [401, { status: 401, error: { code: 401 } }])
    t.ok(refused.headers['www-authenticate'])
  }
  for (const who of [as.reader, as.lister]) {
    t.equal((await command(server, 'uploadChunk', first, who)).status, 403)
  }
  for (const who of [as.elsewhere, as.otherBucket]) {
    t.equal((await command(server, 'uploadChunk', first, who)).status, 404)
  }
  const { uploadUid } = (await command(server, 'uploadChunk', first, as.adder)).json()
  t.match(uploadUid, /^\w{64}$/)
  const second = chunk({ ...HALVES, uploadUid, chunkNumber: 1, content: Buffer.from('def') })
  t.equal((await command(server, 'uploadChunk', second)).status, 401)
  t.equal((await command(server, 'uploadChunk', second, as.lister)).status, 200)
  const state = await command(server, 'uploadStatus', { uploadUid }, as.reader)
  t.match(state.json(), { received: [0, 1], finalized: false })
  t.equal((await command(server, 'uploadGet', { uploadUid })).status, 401)
  const { path } = (await command(server, 'uploadGet', { uploadUid }, as.adder)).json()

  const get = async (who: Readonly<Record<string, string>>) => {
    const { status, text } = await server.ask(`GET ${path}`, who)
    return [status, status === 200 ? text : '']
  }
  t.strictSame(await get(as.reader), [200, 'abcdef'])
  t.strictSame(await get({}), [401, ''])
  t.strictSame(await get(as.adder), [403, ''], 'a uid is not enough to read')
  t.strictSame(await get(as.elsewhere), [404, ''])
  t.strictSame(await get(as.otherBucket), [404, ''])
})

test('nothing of a message is taken in without a key', async t => {
  const { server } = await startGuarded(t, { one: ALL })
  const wire = await server.connect()
  const headers = { 'Content-Type': MSGPACK_TYPE, Accept: AXIOS_ACCEPT }
  const length = 15_000_000
  wire.head('POST /gws/_/uploadChunk', {
    ...headers,
    'Content-Length': length,
    Expect: '100-continue',
  })
  t.equal((await wire.response()).status, 401)
  await wire.ended()
})

test('a file name leads nowhere', async t => {
  const { server, as } = await startGuarded(
    t,
    { root: ALL, tenant: { ...ALL, prefix: 'gws/' } },
    { buckets: ['bkt'] },
  )
  const upload = '/upload/storage/v1/b/bkt/o?uploadType=media&name=theirs'
  t.equal((await server.ask(`POST ${upload}`, as.root, SECRET)).status, 200)
  const names = [
    '../theirs',
    '../../theirs',
    '/theirs',
    '..\\..\\theirs',
    'gws/../theirs',
    '..',
    '\0theirs',
  ]
  for (const fileName of names) {
    const message = packed(chunk({ fileName }))
    const headers = { 'Content-Type': MSGPACK_TYPE, Accept: 'application/json', ...as.tenant }
    const begun = await server.ask('POST /_/uploadChunk', headers, message)
    t.equal(begun.status, 200, JSON.stringify(fileName))
    const { uploadUid } = begun.json()
    t.equal((await command(server, 'uploadGet', { uploadUid }, as.tenant)).status, 200)
  }
  const { items } = (await server.ask('GET /storage/v1/b/bkt/o', as.root)).json()
  const found = items.map(({ name }: { name: string }) => name)
  t.equal(found.filter((name: string) => name.startsWith('gws/')).length, names.length)
  t.equal(found.length, names.length + 1)
  t.equal((await server.ask('GET /storage/v1/b/bkt/o/theirs?alt=media', as.root)).text, SECRET)
})
