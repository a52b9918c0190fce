import { test } from 'tap'
import { metadata, read, upload } from '../../support/google.ts'
import { sampleBytes, startServer } from '../../support/server.ts'

test('GCS-56: delete is 204, again 404; a bucket that is not empty stays', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  const full = await server.ask('DELETE /storage/v1/b/bkt')
  t.equal(full.status, 409)
  t.equal(full.json().error.message, 'The bucket you tried to delete was not empty.')
  t.equal(full.json().error.errors[0].reason, 'conflict')
  const deleted = await server.ask('DELETE /storage/v1/b/bkt/o/a')
  t.equal(deleted.status, 204)
  t.equal(deleted.text, '')
  const again = await server.ask('DELETE /storage/v1/b/bkt/o/a')
  t.equal(again.status, 404)
  t.equal(again.json().error.message, 'No such object: bkt/a')
  t.equal((await server.ask('DELETE /storage/v1/b/bkt')).status, 204)
  t.equal((await server.ask('GET /storage/v1/b/bkt')).status, 404)
  t.equal((await server.ask('DELETE /storage/v1/b/bkt')).status, 404)
})

test('GCS-59: ranges', async t => {
  const server = await startServer(t)
  await upload(server, 'a', '0123456789')
  await upload(server, 'empty', '')
  const cases = [
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-30', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=8-100', 206, '89', 'bytes 8-9/10'],
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=4-2', 200, '0123456789', undefined],
    ['bytes=x', 200, '0123456789', undefined],
    ['items=0-1', 200, '0123456789', undefined],
    ['bytes=0-1,3-4', 200, '0123456789', undefined],
  ] as const
  for (const [range, status, text, contentRange] of cases) {
    const part = await read(server, 'a', { Range: range })
    t.equal(part.status, status, range)
    t.equal(part.text, text, range)
    t.equal(part.headers['content-range'], contentRange, range)
    t.equal(part.headers['content-length'], String(text.length))
  }
  const beyond = await read(server, 'a', { Range: 'bytes=10-' })
  t.equal(beyond.status, 416)
  t.equal(beyond.headers['content-range'], 'bytes */10')
  t.equal(beyond.json().error.errors[0].reason, 'requestedRangeNotSatisfiable')
  const empty = await read(server, 'empty', { Range: 'bytes=0-' })
  t.equal(empty.status, 416)
  t.equal(empty.headers['content-range'], 'bytes */0')
  t.equal((await read(server, 'empty')).status, 200)
})

test('GCS-62: a missing object is plain text for alt=media, and JSON otherwise', async t => {
  const server = await startServer(t)
  for (const path of [
    '/storage/v1/b/bkt/o/dir%2Fx?alt=media',
    '/download/storage/v1/b/bkt/o/dir%2Fx',
  ]) {
    const missing = await server.ask(`GET ${path}`)
    t.equal(missing.status, 404)
    t.match(missing.headers['content-type'], 'text/plain')
    t.equal(missing.text, 'No such object: bkt/dir/x')
  }
  const missing = await metadata(server, 'dir/x')
  t.equal(missing.status, 404)
  t.equal(missing.json().error.message, 'No such object: bkt/dir/x')
})

test('GCS-58: the headers of a media read; HEAD tells the same without the bytes', async t => {
  const server = await startServer(t)
  const { generation, etag } = (
    await upload(server, 'a', 'hello', { 'Content-Type': 'text/plain' })
  ).json()
  const got = await read(server, 'a')
  const expected = {
    'content-type': 'text/plain',
    'content-length': '5',
    'accept-ranges': 'bytes',
    etag,
    'x-goog-hash': 'crc32c=mnG7TA==,md5=XUFAKrxLKna5cZ2REBfFkg==',
    'x-goog-generation': generation,
    'x-goog-metageneration': '1',
    'x-goog-storage-class': 'STANDARD',
    'x-goog-stored-content-length': '5',
    'x-goog-stored-content-encoding': 'identity',
  }
  t.match(got.headers, expected)
  t.match(got.headers['last-modified'], /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
  t.equal(got.headers['content-range'], undefined)
  const head = await server.ask('HEAD /storage/v1/b/bkt/o/a?alt=media')
  t.equal(head.status, 200)
  t.match(head.headers, expected)
  t.equal((await server.ask('HEAD /storage/v1/b/bkt/o/a')).status, 200)
  t.equal((await server.ask('HEAD /storage/v1/b/bkt/o/b')).status, 404)
})

test('generation: the live one or 404', async t => {
  const server = await startServer(t)
  const first = (await upload(server, 'a', 'first')).json().generation
  const second = (await upload(server, 'a', 'second')).json().generation
  t.ok(BigInt(second) > BigInt(first))
  t.equal((await server.ask(`GET /storage/v1/b/bkt/o/a?generation=${second}`)).status, 200)
  t.equal((await server.ask(`GET /storage/v1/b/bkt/o/a?generation=${first}`)).status, 404)
  t.equal((await server.ask(`DELETE /storage/v1/b/bkt/o/a?generation=${first}`)).status, 404)
  t.equal((await server.ask('GET /storage/v1/b/bkt/o/a?generation=x')).status, 400)
  t.equal((await read(server, 'a')).text, 'second')
})

test('a large object comes whole, and a reader that leaves early hurts nobody', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(20 * 1024 * 1024)
  await upload(server, 'a', bytes)
  t.ok((await read(server, 'a')).body.equals(bytes))
  const wire = await server.connect()
  wire.head('GET /storage/v1/b/bkt/o/a?alt=media')
  wire.socket.once('data', () => wire.cut())
  await wire.ended()
  t.equal((await read(server, 'a', { Range: 'bytes=-1' })).status, 206)
})

test('methods that an object does not know are 405, and one may mean another', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  const refused = await server.ask('POST /storage/v1/b/bkt/o/a', {}, '{}')
  t.equal(refused.status, 405)
  t.equal(refused.headers['allow'], 'GET, HEAD, DELETE, PATCH, PUT')
  const overridden = await server.ask('POST /storage/v1/b/bkt/o/a', {
    'X-HTTP-Method-Override': 'DELETE',
  })
  t.equal(overridden.status, 204)
})

test('GCS-57: the mediaLink opens, has a query to append to, and the host that the client used', async t => {
  const server = await startServer(t)
  const { mediaLink } = (await upload(server, 'dir/a b?.txt', 'hello')).json()
  t.ok(mediaLink.startsWith(`${server.base}/download/storage/v1/b/bkt/o/dir%2Fa%20b%3F.txt?`))
  t.equal((await server.ask(`GET ${mediaLink}`)).text, 'hello')
  // rclone does this.
  t.equal((await server.ask(`GET ${mediaLink}&userProject=p`)).text, 'hello')
})

test('§1: a GET whose query became a posted form', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'hello')
  const get = {
    'X-HTTP-Method-Override': 'GET',
    'Content-Type': 'application/x-www-form-urlencoded',
  }
  const posted = await server.ask('POST /storage/v1/b/bkt/o/a', get, 'alt=media&x=y')
  t.equal(posted.text, 'hello')
  const listed = await server.ask(
    'POST /storage/v1/b/bkt/o',
    get,
    'prefix=a&fields=items%28name%29',
  )
  t.strictSame(listed.json(), { items: [{ name: 'a' }] })
})
