import { test } from 'tap'
import { metadata, upload } from '../../support/google.ts'
import { sampleBytes, startServer } from '../../support/server.ts'
import {
  contentOf,
  createUpload,
  createUploads,
  type Item,
  sendChunk,
  status,
} from '../../support/ucloud.ts'

test('UCLOUD-01: one item, CHUNKED offered', async t => {
  const server = await startServer(t)
  for (const path of ['/api/files/upload', '/ucloud/ucloud/files/upload']) {
    const item = {
      id: '/1/folder/file.bin',
      type: 'FILE',
      supportedProtocols: ['CHUNKED', 'WEBSOCKET'],
      conflictPolicy: 'RENAME',
      resolvedCollection: { id: '1' },
    }
    const response = await server.ask(
      `POST ${path}`,
      { 'Content-Type': 'application/json; charset=utf-8', Authorization: 'Bearer x' },
      JSON.stringify({ items: [item] }),
    )
    t.equal(response.status, 200)
    t.equal(response.headers['content-type'], 'application/json; charset=UTF-8')
    const [answer, ...more] = response.json().responses
    t.strictSame(more, [])
    t.equal(answer.endpoint, `${server.base}/ucloud/ucloud/chunked/upload`)
    t.equal(answer.protocol, 'CHUNKED')
    t.match(answer.token, /^[\w-]{43}$/, '256 bits')
  }
})

test('UCLOUD-01: the endpoint is the public one, under the provider that was set', async t => {
  const server = await startServer(t, {
    publicUrl: 'https://up.example.org/base',
    ucloud: { provider: 'my-site', drives: { 1: { bucket: 'bkt', prefix: '' } } },
  })
  const [answer] = (await createUploads(server, [{ id: '/1/a' }])).json().responses
  t.equal(answer.endpoint, 'https://up.example.org/base/ucloud/my-site/chunked/upload')
  const path = '/ucloud/my-site/chunked'
  t.equal((await sendChunk(server, answer.token, 0, 'x', { path })).status, 200)
  t.not((await sendChunk(server, answer.token, 0, 'x')).status, 200)
})

test('UCLOUD-02: several items, in their order, each with its own token', async t => {
  const server = await startServer(t)
  const items = ['c', 'a', 'b'].map(name => ({ id: `/1/${name}` }))
  const { responses } = (await createUploads(server, items)).json()
  t.strictSame(
    responses.map(({ id }: { id: string }) => id),
    ['/1/c', '/1/a', '/1/b'],
  )
  t.equal(new Set(responses.map(({ token }: { token: string }) => token)).size, 3)
  for (const { token, id } of responses) await sendChunk(server, token, 0, id, { total: id.length })
  for (const name of ['a', 'b', 'c']) {
    t.equal((await contentOf(server, name))?.toString(), `/1/${name}`)
  }
  t.strictSame((await createUploads(server, [])).json(), { responses: [] })
})

test('UCLOUD-02: all or none', async t => {
  const server = await startServer(t)
  await upload(server, 'taken', 'x')
  const items = [
    { id: '/1/new', conflictPolicy: 'REJECT' },
    { id: '/1/taken', conflictPolicy: 'REJECT' },
  ]
  const refused = await createUploads(server, items)
  t.equal(refused.status, 409)
  t.equal((await metadata(server, 'new')).status, 404, 'nothing stands for it')
  const [first] = items
  t.equal((await createUploads(server, first === undefined ? [] : [first])).status, 200)
})

test('UCLOUD-03: without a type it is a file; folders need another protocol', async t => {
  const server = await startServer(t)
  const bare = { items: [{ id: '/1/a', supportedProtocols: ['CHUNKED'] }] }
  t.equal((await server.ask('POST /api/files/upload', {}, JSON.stringify(bare))).status, 200)
  const folder = await createUploads(server, [{ id: '/1/a', type: 'FOLDER' }])
  t.equal(folder.status, 400)
  t.equal(folder.json().errorCode, 'UNSUPPORTED_PROTOCOL')
})

test('UCLOUD-04: no common protocol', async t => {
  const server = await startServer(t)
  for (const supportedProtocols of [[], ['WEBSOCKET', 'WEBSOCKET_V2'], ['chunked'], ['?']]) {
    const response = await createUploads(server, [{ id: '/1/a', supportedProtocols }])
    t.equal(response.status, 400)
    t.equal(response.json().errorCode, 'UNSUPPORTED_PROTOCOL')
    t.type(response.json().why, 'string')
  }
})

test('UCLOUD-04: what is no bulk request of uploads', async t => {
  const server = await startServer(t)
  const bodies = [
    '',
    'x',
    '{}',
    '{"items":{}}',
    '{"items":[{}]}',
    '{"items":[{"id":"/1/a"}]}',
    '{"items":[{"id":1,"supportedProtocols":["CHUNKED"]}]}',
    '{"items":[{"id":"/1/a","supportedProtocols":["CHUNKED"],"type":"DIRECTORY"}]}',
    '{"items":[{"id":"/1/a","supportedProtocols":["CHUNKED"],"conflictPolicy":"ASK"}]}',
    JSON.stringify({ items: Array(1001).fill({ id: '/1/a', supportedProtocols: ['CHUNKED'] }) }),
  ]
  for (const body of bodies) {
    const response = await server.ask('POST /api/files/upload', {}, body)
    t.equal(response.status, 400, body.slice(0, 80))
    t.match(response.json(), { errorCode: 'BAD_REQUEST', why: /./ })
  }
  t.equal((await server.ask('POST /api/files/upload', {}, 'x'.repeat(2 ** 21))).status, 413)
})

test('UCLOUD-05: REJECT and REPLACE', async t => {
  const server = await startServer(t)
  await upload(server, 'a.txt', 'old')
  const refused = await createUploads(server, [{ id: '/1/a.txt', conflictPolicy: 'REJECT' }])
  t.equal(refused.status, 409)
  t.equal(refused.json().errorCode, 'ALREADY_EXISTS')

  const token = await createUpload(server, '/1/a.txt', 'REPLACE')
  t.equal((await contentOf(server, 'a.txt'))?.toString(), 'old')
  await sendChunk(server, token, 0, 'ne', { total: 3 })
  t.equal((await contentOf(server, 'a.txt'))?.toString(), 'old', 'until the new one is whole')
  await sendChunk(server, token, 2, 'w', { total: 3 })
  t.equal((await contentOf(server, 'a.txt'))?.toString(), 'new')

  const rejecting = await createUploads(server, [{ id: '/1/b.txt', conflictPolicy: 'REJECT' }])
  t.equal(rejecting.status, 200)
})

test('UCLOUD-05: RENAME counts, before the last dot', async t => {
  const server = await startServer(t)
  const renamed = async (id: string, conflictPolicy?: string) => {
    const item: Item = conflictPolicy === undefined ? { id } : { id, conflictPolicy }
    const [{ token, id: path }] = (await createUploads(server, [item])).json().responses
    await sendChunk(server, token, 0, path, { total: path.length })
    return path
  }
  for (const name of ['a.txt', 'x/y.tar.gz', 'v1.0/none', 'name']) await upload(server, name, 'old')
  t.equal(await renamed('/1/a.txt', 'RENAME'), '/1/a(1).txt')
  t.equal(await renamed('/1/a.txt', 'MERGE_RENAME'), '/1/a(2).txt')
  t.equal(await renamed('/1/a.txt'), '/1/a(3).txt', 'nothing said is no order to overwrite')
  t.equal(await renamed('/1/x/y.tar.gz', 'RENAME'), '/1/x/y.tar(1).gz')
  t.equal(await renamed('/1/v1.0/none', 'RENAME'), '/1/v1.0/none(1)')
  t.equal(await renamed('/1/name', 'RENAME'), '/1/name(1)')
  t.equal(await renamed('/1/free', 'RENAME'), '/1/free')
  t.equal((await contentOf(server, 'a(2).txt'))?.toString(), '/1/a(2).txt')
  t.equal((await contentOf(server, 'a.txt'))?.toString(), 'old')
})

test('UCLOUD-05: two uploads that are on their way do not get the same free name', async t => {
  const server = await startServer(t)
  const items = Array.from({ length: 3 }, () => ({ id: '/1/a.txt', conflictPolicy: 'RENAME' }))
  const { responses } = (await createUploads(server, items)).json()
  const expected = ['/1/a.txt', '/1/a(1).txt', '/1/a(2).txt']
  t.strictSame(
    responses.map(({ id }: { id: string }) => id),
    expected,
  )
  // With a total nothing stands for them any more, but the names are still theirs.
  for (const { token } of responses) await sendChunk(server, token, 0, 'x', { total: 2 })
  const [fourth] = (await createUploads(server, items.slice(0, 1))).json().responses
  t.equal(fourth.id, '/1/a(3).txt')
  const rejected = await createUploads(server, [{ id: '/1/a.txt', conflictPolicy: 'REJECT' }])
  t.equal(rejected.status, 409)
  for (const [n, { token }] of responses.entries()) {
    await sendChunk(server, token, 1, String(n), { total: 2 })
  }
  t.equal((await contentOf(server, 'a(2).txt'))?.toString(), 'x2')
})

test('UCLOUD-06: paths are normalised and stay in their drive', async t => {
  const drives = {
    1: { bucket: 'bkt', prefix: '' },
    20: { bucket: 'bkt', prefix: 'media/in' },
  }
  const server = await startServer(t, { ucloud: { provider: 'ucloud', drives } })
  const stored = [
    ['/1/a', 'a', '/1/a'],
    ['//1///b/./c', 'b/c', '/1/b/c'],
    ['/1/x/../d', 'd', '/1/d'],
    ['1/e', 'e', '/1/e'],
    ['/20/f', 'media/in/f', '/20/f'],
    ['/20/x/../../20/../20/g', 'media/in/g', '/20/g'],
    ['/1/%2e%2e/h', '%2e%2e/h', '/1/%2e%2e/h'],
    ['/1/ü 👩‍🚀', 'ü 👩‍🚀', '/1/ü 👩‍🚀'],
  ] as const
  for (const [id, name, normal] of stored) {
    const [answer] = (await createUploads(server, [{ id }])).json().responses
    t.equal(answer.id, normal)
    await sendChunk(server, answer.token, 0, id, { total: Buffer.byteLength(id) })
    t.equal((await contentOf(server, name))?.toString(), id, name)
  }
  for (const id of ['/2/a', '/home/a', '/1/../etc/passwd', '/01/a', '/__proto__/a']) {
    const response = await createUploads(server, [{ id }])
    t.equal(response.status, 404, id)
    t.equal(response.json().errorCode, 'NOT_FOUND')
  }
  const refused = ['', '/', '/1', '/1/', '/1/..', '/1/../a', '/1/a\0b', '/1/a\nb']
  for (const id of [...refused, `/1/${'ü'.repeat(128)}`, `/1/${'x/'.repeat(600)}`]) {
    const response = await createUploads(server, [{ id }])
    t.equal(response.status, 400, JSON.stringify(id.slice(0, 20)))
    t.equal(response.json().errorCode, 'INVALID_PATH')
  }
})

test('the bucket of a drive exists from the first start', async t => {
  const drives = { 5: { bucket: 'elsewhere', prefix: 'in' } }
  const server = await startServer(t, { ucloud: { provider: 'ucloud', drives } })
  const token = await createUpload(server, '/5/a')
  t.equal((await sendChunk(server, token, 0, 'x', { total: 1 })).status, 200)
  const object = await server.ask('GET /storage/v1/b/elsewhere/o/in%2Fa?alt=media')
  t.equal(object.text, 'x')
})

test('UCLOUD-30: an abandoned session gives its name back', async t => {
  const server = await startServer(t)
  const token = await createUpload(server, '/1/a')
  await sendChunk(server, token, 0, sampleBytes(10), { total: 20 })
  server.ahead = 49 * 3_600_000
  await server.app.engine.sweep()
  t.equal((await status(server, token)).status, 404)
  const [again] = (await createUploads(server, [{ id: '/1/a' }])).json().responses
  t.equal(again.id, '/1/a')
})

test('P10, §8.6: no room on the disk is 507', async t => {
  const server = await startServer(t, { reserveBytes: 2 ** 60 })
  const response = await createUploads(server, [{ id: '/1/a' }])
  t.equal(response.status, 507)
  t.match(response.json(), { errorCode: 'NO_SPACE', why: /./ })
})

test('a door that is switched off is not there', async t => {
  const server = await startServer(t, { doors: [] })
  t.not((await createUploads(server, [{ id: '/1/a' }])).status, 200)
})
