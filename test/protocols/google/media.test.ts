import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { metadata, read, upload } from '../../support/google.ts'
import { sampleBytes, startServer } from '../../support/server.ts'

test('GCS-01: a media upload answers the full resource and reads back identical', async t => {
  const server = await startServer(t)
  const done = await upload(server, 'dir/a.txt', 'hello', {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Goog-Meta-Owner': 'me',
  })
  t.equal(done.status, 200)
  t.equal(done.headers['content-type'], 'application/json; charset=UTF-8')
  t.ok(done.headers['x-guploader-uploadid'])
  const resource = done.json()
  t.equal(done.headers['etag'], resource.etag)
  const { generation } = resource
  t.match(generation, /^\d{16}$/)
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
  const { timeCreated, updated, timeStorageClassUpdated, timeFinalized, etag, ...rest } = resource
  for (const value of [timeCreated, updated, timeStorageClassUpdated, timeFinalized]) {
    t.match(value, time)
  }
  t.match(etag, /^[A-Za-z0-9+/]+=*$/)
  t.strictSame(rest, {
    kind: 'storage#object',
    id: `bkt/dir/a.txt/${generation}`,
    selfLink: `${server.base}/storage/v1/b/bkt/o/dir%2Fa.txt`,
    mediaLink: `${server.base}/download/storage/v1/b/bkt/o/dir%2Fa.txt?generation=${generation}&alt=media`,
    name: 'dir/a.txt',
    bucket: 'bkt',
    generation,
    metageneration: '1',
    contentType: 'text/plain; charset=utf-8',
    storageClass: 'STANDARD',
    size: '5',
    md5Hash: 'XUFAKrxLKna5cZ2REBfFkg==',
    crc32c: 'mnG7TA==',
    metadata: { owner: 'me' },
  })
  t.equal((await read(server, 'dir/a.txt')).text, 'hello')
  t.strictSame((await metadata(server, 'dir/a.txt')).json(), resource)
})

test('GCS-02: media without a name, and no or an unknown uploadType', async t => {
  const server = await startServer(t)
  const nameless = await server.ask('POST /upload/storage/v1/b/bkt/o?uploadType=media', {}, 'x')
  t.equal(nameless.status, 400)
  t.equal(nameless.json().error.errors[0].reason, 'required')
  t.equal(nameless.json().error.message, 'Required parameter: name')
  const untyped = await server.ask('POST /upload/storage/v1/b/bkt/o?name=a', {}, 'x')
  t.equal(untyped.status, 400)
  t.equal(untyped.json().error.errors[0].reason, 'required')
  const other = await server.ask('POST /upload/storage/v1/b/bkt/o?uploadType=x&name=a', {}, 'x')
  t.equal(other.status, 400)
  t.equal(other.json().error.errors[0].reason, 'invalid')
})

test('GCS-03: a missing bucket is 404 on all upload types', async t => {
  const server = await startServer(t)
  for (const type of ['media', 'resumable', 'multipart']) {
    const body = type === 'resumable' ? '{}' : 'x'
    const missing = await server.ask(
      `POST /upload/storage/v1/b/nope/o?uploadType=${type}&name=a`,
      {},
      body,
    )
    t.equal(missing.status, 404, type)
    t.equal(missing.json().error.errors[0].reason, 'notFound')
    t.equal(missing.json().error.message, 'The specified bucket does not exist.')
  }
})

test('GCS-45: Content-MD5 and x-goog-hash on media are verified', async t => {
  const server = await startServer(t)
  const good = { 'Content-MD5': 'XUFAKrxLKna5cZ2REBfFkg==', 'x-goog-hash': 'crc32c=mnG7TA==' }
  t.equal((await upload(server, 'good', 'hello', good)).status, 200)
  const bad = await upload(server, 'bad', 'hallo', { 'Content-MD5': 'XUFAKrxLKna5cZ2REBfFkg==' })
  t.equal(bad.status, 400)
  t.equal(bad.json().error.errors[0].reason, 'invalid')
  t.match(bad.json().error.message, 'Provided MD5 hash "XUFAKrxLKna5cZ2REBfFkg==" doesn\'t match')
  t.equal((await metadata(server, 'bad')).status, 404)
  for (const malformed of ['short', 'XUFAKrxLKna5cZ2REBfFkg', '!!!!']) {
    const refused = await upload(server, 'bad', 'hello', { 'Content-MD5': malformed })
    t.equal(refused.status, 400)
  }
})

test('GCS-77: bodies over 1 MiB and names over 100 characters pass', async t => {
  const server = await startServer(t)
  const name = 'long/'.repeat(100)
  const bytes = sampleBytes(3 * 1024 * 1024)
  t.equal((await upload(server, name, bytes)).status, 200)
  t.same((await read(server, name)).body, bytes)
})

test('neither Content-Length nor chunked: 411', async t => {
  const server = await startServer(t)
  const wire = await server.connect()
  wire.head('POST /upload/storage/v1/b/bkt/o?uploadType=media&name=a')
  const refused = await wire.response()
  t.equal(refused.status, 411)
  t.equal(refused.json().error.errors[0].reason, 'lengthRequired')
  wire.head('POST /upload/storage/v1/b/bkt/o?uploadType=media&name=a', {
    'Transfer-Encoding': 'chunked',
  })
  wire.send('5\r\nhello\r\n0\r\n\r\n')
  t.equal((await wire.response()).json().size, '5')
  wire.close()
})

test("§0.1 number 16: a gzip body is decoded, unless its encoding is the object's own", async t => {
  const server = await startServer(t)
  const bytes = Buffer.from('hello '.repeat(100_000))
  const gzip = { 'Content-Encoding': 'gzip' }
  const decoded = await upload(server, 'decoded', gzipSync(bytes), gzip)
  t.equal(decoded.status, 200)
  t.equal(decoded.json().size, String(bytes.length))
  t.same((await read(server, 'decoded')).body, bytes)

  const asSent = await upload(server, 'sent', gzipSync(bytes), gzip, '&contentEncoding=gzip')
  t.equal(asSent.json().contentEncoding, 'gzip')
  t.equal(asSent.json().size, String(gzipSync(bytes).length))

  const broken = await upload(server, 'broken', 'not gzip', gzip)
  t.equal(broken.status, 400)
  t.equal(broken.json().error.errors[0].reason, 'invalid')
  const half = await upload(server, 'broken', gzipSync(bytes).subarray(0, 500), gzip)
  t.equal(half.status, 400)
  t.equal((await metadata(server, 'broken')).status, 404)
})

test('a Content-Type that is no media type is kept as it is', async t => {
  const server = await startServer(t)
  const odd = await upload(server, 'a', 'x', { 'Content-Type': 'whatever' })
  t.equal(odd.json().contentType, 'whatever')
  t.equal((await upload(server, 'b', 'x')).json().contentType, 'application/octet-stream')
})

test('encryption keys are refused, an unknown ACL too', async t => {
  const server = await startServer(t)
  const keyed = await upload(server, 'a', 'x', { 'x-goog-encryption-algorithm': 'AES256' })
  t.equal(keyed.status, 400)
  t.match(keyed.json().error.message, 'x-goog-encryption-algorithm')
  t.equal((await upload(server, 'a', 'x', {}, '&predefinedAcl=everyone')).status, 400)
  t.equal((await metadata(server, 'a')).status, 404)
})

test('GCS-76: unknown parameters and headers are ignored', async t => {
  const server = await startServer(t)
  const more =
    '&userProject=p&predefinedAcl=publicRead&prettyPrint=false&%24.xgafv=2&key=%ZZ&alt=json&x=%'
  const done = await upload(
    server,
    'a',
    'x',
    { 'X-Unknown': 'y', 'x-goog-user-project': 'p' },
    more,
  )
  t.equal(done.status, 200)
})
