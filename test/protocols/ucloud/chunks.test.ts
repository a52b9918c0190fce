import { createHash } from 'node:crypto'
import { test } from 'tap'
import { metadata, upload } from '../../support/google.ts'
import { sampleBytes, startServer } from '../../support/server.ts'
import {
  CHUNKED,
  contentOf,
  createUpload,
  offsetOf,
  sendChunk,
  status,
} from '../../support/ucloud.ts'

const OK = { status: 200, text: '{}' }

test('UCLOUD-07: one chunk with the total size', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(100_000)
  for (const [n, path] of [CHUNKED, '/ucloud/ucloud/chunked'].entries()) {
    const token = await createUpload(server, `/1/a${n}`)
    const response = await sendChunk(server, token, 0, bytes, { total: bytes.length, path })
    t.match(response, OK)
    t.equal(response.headers['content-type'], 'application/json; charset=UTF-8')
    t.ok((await contentOf(server, `a${n}`))?.equals(bytes))
    const direct = (await upload(server, 'direct', bytes)).json()
    const { md5Hash, crc32c, size } = (await metadata(server, `a${n}`)).json()
    t.strictSame({ md5Hash, crc32c, size }, pick(direct))
  }
  function pick({ md5Hash, crc32c, size }: Record<string, string>) {
    return { md5Hash, crc32c, size }
  }
})

test('UCLOUD-08: three chunks; nothing is to be seen before the last', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(30_000)
  const token = await createUpload(server)
  for (const from of [0, 10_000, 20_000]) {
    if (from > 0) t.equal(await contentOf(server, 'a.bin'), undefined)
    const chunk = bytes.subarray(from, from + 10_000)
    t.match(await sendChunk(server, token, from, chunk, { total: 30_000 }), OK)
  }
  t.ok((await contentOf(server, 'a.bin'))?.equals(bytes))
})

test('UCLOUD-09: the Content-Type means nothing', async t => {
  const server = await startServer(t)
  const bytes = Buffer.from('{"not": "parsed"')
  const types = [undefined, 'application/octet-stream', 'application/json', 'multipart/form-data']
  for (const [n, type] of types.entries()) {
    const token = await createUpload(server, `/1/${n}`)
    const headers: Record<string, string> = type === undefined ? {} : { 'Content-Type': type }
    t.match(await sendChunk(server, token, 0, bytes, { total: bytes.length, headers }), OK)
    t.ok((await contentOf(server, String(n)))?.equals(bytes), type ?? 'none')
  }
})

test('UCLOUD-10: -1 appends, beside explicit offsets, and completes', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(500)
  const token = await createUpload(server)
  const part = (n: number) => bytes.subarray(n * 100, n * 100 + 100)
  t.match(await sendChunk(server, token, -1, part(0)), OK)
  t.match(await sendChunk(server, token, -1, part(1)), OK)
  t.match(await sendChunk(server, token, 200, part(2)), OK)
  t.match(await sendChunk(server, token, -1, part(3), { total: 500 }), OK)
  t.match(await sendChunk(server, token, -1, part(4)), OK)
  t.strictSame((await status(server, token)).json().complete, true)
  t.ok((await contentOf(server, 'a.bin'))?.equals(bytes))
})

test('UCLOUD-11: a chunk that is sent again changes nothing', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(300)
  const token = await createUpload(server)
  const first = bytes.subarray(0, 200)
  for (let round = 0; round < 3; round += 1) {
    t.match(await sendChunk(server, token, 0, first, { total: 300 }), OK)
    t.equal(await offsetOf(server, token), 200)
  }
  t.match(await sendChunk(server, token, 100, first.subarray(100), { total: 300 }), OK)
  t.match(await sendChunk(server, token, 200, bytes.subarray(200), { total: 300 }), OK)
  t.ok((await contentOf(server, 'a.bin'))?.equals(bytes))
})

test('UCLOUD-12: an overwrite changes only its bytes; the checksums are of what there is then', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  const expected = Buffer.from(sampleBytes(1000))
  await sendChunk(server, token, 0, expected.subarray(0, 900), { total: 1000 })
  const patches = [
    [100, 50],
    [0, 10],
    [120, 200],
    [850, 100],
  ] as const
  for (const [at, length] of patches) {
    const patch = sampleBytes(length, `patch ${at}`)
    t.match(await sendChunk(server, token, at, patch, { total: 1000 }), OK)
    patch.copy(expected, at)
    t.equal(await offsetOf(server, token), Math.max(900, at + length))
  }
  t.match(await sendChunk(server, token, 950, expected.subarray(950), { total: 1000 }), OK)
  t.ok((await contentOf(server, 'a.bin'))?.equals(expected))
  const { md5Hash, crc32c } = (await metadata(server, 'a.bin')).json()
  t.equal(md5Hash, createHash('md5').update(expected).digest('base64'))
  t.equal(crc32c, (await upload(server, 'same', expected)).json().crc32c)
})

test('UCLOUD-13: N appends, N+1 leaves a zero byte, N+2 is refused', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  t.match(await sendChunk(server, token, 0, 'abc'), OK)
  t.match(await sendChunk(server, token, 3, 'de'), OK)
  t.match(await sendChunk(server, token, 6, 'gh'), OK)
  t.equal((await contentOf(server, 'a.bin'))?.toString(), 'abcde\0gh')
  const refused = await sendChunk(server, token, 10, 'x')
  t.equal(refused.status, 400)
  t.equal(refused.json().errorCode, 'OFFSET_OUT_OF_RANGE')
  t.equal((await sendChunk(server, token, Number.MAX_SAFE_INTEGER, 'x')).status, 400)
  t.equal((await contentOf(server, 'a.bin'))?.toString(), 'abcde\0gh', 'nothing changed')
  t.match(await sendChunk(server, token, 9, ''), OK, 'no bytes, nothing to be led by a zero')
  t.equal(await offsetOf(server, token), 8)
})

test('UCLOUD-13: N+1 on an empty file, with a total, and with the bytes of a large chunk', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  const bytes = sampleBytes(3_000_000)
  t.match(await sendChunk(server, token, 1, bytes, { total: bytes.length + 1 }), OK)
  const expected = Buffer.concat([Buffer.alloc(1), bytes])
  t.ok((await contentOf(server, 'a.bin'))?.equals(expected))
  const { md5Hash } = (await metadata(server, 'a.bin')).json()
  t.equal(md5Hash, createHash('md5').update(expected).digest('base64'))
  const again = await sendChunk(server, token, 1, bytes, { total: bytes.length + 1 })
  t.match(again, OK, 'and is known when it comes again')
})

test('UCLOUD-14: offsets that are none', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  const wrong = ['-2', 'abc', '1.5', '', '9007199254740992', '1e3', '0x10', '+1', '-0', '1, 1']
  for (const offset of [...wrong, '99999999999999999999']) {
    const response = await sendChunk(server, token, offset, 'x')
    t.equal(response.status, 400, offset)
    t.equal(response.json().errorCode, 'INVALID_OFFSET')
  }
  const absent = await server.ask(`POST ${CHUNKED}`, { 'Chunked-Upload-Token': token }, 'x')
  t.equal(absent.json().errorCode, 'INVALID_OFFSET')
  t.match(await sendChunk(server, token, '000', 'x'), OK)
})

test('UCLOUD-15: a token that is missing or that nobody has', async t => {
  const server = await startServer(t)
  const missing = await server.ask(`POST ${CHUNKED}`, { 'Chunked-Upload-Offset': 0 }, 'x')
  t.equal(missing.status, 400)
  t.match(missing.json(), { errorCode: 'MISSING_TOKEN', why: /./ })
  t.equal((await sendChunk(server, '', 0, 'x')).status, 400)
  const unknown = await sendChunk(server, 'nobody', 0, 'x')
  t.equal(unknown.status, 404)
  t.match(unknown.json(), { errorCode: 'SESSION_NOT_FOUND', why: /./ })
  t.equal((await status(server, 'nobody')).status, 404)
  t.equal((await server.ask('GET /ucloud/ucloud/chunked/status')).status, 400)
})

test('UCLOUD-21: without a total every answer leaves a readable object', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  t.equal((await contentOf(server, 'a.bin'))?.length, 0)
  const expected = Buffer.from(sampleBytes(400_000))
  for (let from = 0; from < expected.length; from += 100_000) {
    t.match(await sendChunk(server, token, from, expected.subarray(from, from + 100_000)), OK)
    t.ok((await contentOf(server, 'a.bin'))?.equals(expected.subarray(0, from + 100_000)))
  }
  const patch = sampleBytes(5000, 'patch')
  patch.copy(expected, 99_000)
  t.match(await sendChunk(server, token, 99_000, patch), OK)
  t.ok((await contentOf(server, 'a.bin'))?.equals(expected))
  const shown = (await metadata(server, 'a.bin')).json()
  t.equal(shown.crc32c, (await upload(server, 'same', expected)).json().crc32c)
  t.match((await status(server, token)).json(), { offset: 400_000, totalSize: null })

  server.ahead = 49 * 3_600_000
  await server.app.engine.sweep()
  t.equal((await sendChunk(server, token, -1, 'x')).status, 404)
  t.ok((await contentOf(server, 'a.bin'))?.equals(expected), 'the file outlives its session')
})

test('UCLOUD-21: an object shown by an upload is listed and deleted like any other', async t => {
  const server = await startServer(t)
  const token = await createUpload(server, '/1/dir/a.bin')
  await sendChunk(server, token, 0, 'abc')
  const list = (await server.ask('GET /storage/v1/b/bkt/o?prefix=dir/')).json()
  t.match(list.items, [{ name: 'dir/a.bin', size: '3' }])
  t.equal((await server.ask('DELETE /storage/v1/b/bkt/o/dir%2Fa.bin')).status, 204)
  t.match(await sendChunk(server, token, -1, 'def'), OK)
  t.equal((await contentOf(server, 'dir/a.bin'))?.toString(), 'abcdef', 'nothing was lost of it')
})

test('UCLOUD-34: the user’s name makes no difference', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  const headers = { 'UCloud-Username': Buffer.from('jörg#1').toString('base64') }
  t.match(await sendChunk(server, token, 0, 'abc', { headers }), OK)
  t.match(await sendChunk(server, token, 3, 'def', { headers: { 'UCloud-Username': '' } }), OK)
  t.match(await sendChunk(server, token, 6, 'ghi'), OK)
  t.equal((await contentOf(server, 'a.bin'))?.toString(), 'abcdefghi')
})

test('P9: no token is in the log', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  await sendChunk(server, token, 0, 'abc')
  await sendChunk(server, token, 99, 'abc')
  const paths = { items: [{ id: '/1/a.bin' }] }
  const created = await server.ask('POST /api/files/download', {}, JSON.stringify(paths))
  const { endpoint } = created.json().responses[0]
  await server.ask(`GET ${endpoint}`)
  await server.restart()
  const log = server.log.join('')
  t.match(log, '"route":"/ucloud/ucloud/chunked/upload"')
  t.match(log, /"session":"[\w-]{10}"/)
  for (const secret of [token, new URL(endpoint).searchParams.get('token') ?? '']) {
    t.equal(log.includes(secret.slice(0, 20)), false)
  }
})
