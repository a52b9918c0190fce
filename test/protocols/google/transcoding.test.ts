import { gunzipSync, gzipSync } from 'node:zlib'
import { test } from 'tap'
import { read, upload } from '../../support/google.ts'
import { sampleBytes, startServer } from '../../support/server.ts'

const GZIP = '&contentEncoding=gzip'

test('GCS-60: without Accept-Encoding: gzip the bytes come decompressed', async t => {
  const server = await startServer(t)
  const text = 'hello, hello, hello, hello'
  const stored = gzipSync(text)
  await upload(server, 'a', stored, { 'Content-Type': 'text/plain' }, GZIP)
  for (const headers of [{}, { Range: 'bytes=3-5' }, { 'Accept-Encoding': 'br, gzip;q=0' }]) {
    const plain = await read(server, 'a', headers)
    t.equal(plain.status, 200)
    t.equal(plain.text, text)
    t.match(plain.headers, {
      'transfer-encoding': 'chunked',
      'content-type': 'text/plain',
      'x-guploader-response-body-transformations': 'gunzipped',
      'x-goog-stored-content-encoding': 'gzip',
      'x-goog-stored-content-length': String(stored.length),
      vary: /Accept-Encoding/,
    })
    for (const absent of ['content-length', 'content-encoding', 'content-range']) {
      t.notOk(absent in plain.headers, absent)
    }
  }
  const head = await server.ask('HEAD /storage/v1/b/bkt/o/a?alt=media')
  t.equal(head.status, 200)
  t.match(head.headers, { 'x-guploader-response-body-transformations': 'gunzipped' })
  t.notOk('content-length' in head.headers)
})

test('GCS-60: with it they come as they are stored, ranges too', async t => {
  const server = await startServer(t)
  const stored = gzipSync('hello')
  await upload(server, 'a', stored, {}, GZIP)
  const cases = [
    { 'Accept-Encoding': 'gzip' },
    { 'Accept-Encoding': 'deflate, GZIP;q=0.5' },
    { 'Accept-Encoding': '*' },
    { 'Cache-Control': 'no-cache, no-transform' },
  ]
  for (const headers of cases) {
    const raw = await read(server, 'a', headers as Record<string, string>)
    t.equal(raw.status, 200)
    t.ok(raw.body.equals(stored))
    t.match(raw.headers, {
      'content-encoding': 'gzip',
      'content-length': String(stored.length),
      'x-goog-stored-content-encoding': 'gzip',
    })
    t.notOk('x-guploader-response-body-transformations' in raw.headers)
  }
  const part = await read(server, 'a', { 'Accept-Encoding': 'gzip', Range: 'bytes=2-4' })
  t.equal(part.status, 206)
  t.ok(part.body.equals(stored.subarray(2, 5)))
  t.equal(part.headers['content-range'], `bytes 2-4/${stored.length}`)
})

test('GCS-60: what is no gzip object is never touched', async t => {
  const server = await startServer(t)
  const stored = gzipSync('hello')
  await upload(server, 'plain', stored)
  t.ok((await read(server, 'plain')).body.equals(stored))
  await upload(server, 'empty', '', {}, GZIP)
  t.equal((await read(server, 'empty')).headers['content-length'], '0')
})

test('a large object is decompressed as it is sent, whoever leaves in the middle', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(6 * 1024 * 1024)
  await upload(server, 'a', gzipSync(bytes, { level: 1 }), {}, GZIP)
  t.ok((await read(server, 'a')).body.equals(bytes))
  const wire = await server.connect()
  wire.head('GET /storage/v1/b/bkt/o/a?alt=media')
  wire.socket.once('data', () => wire.cut())
  await wire.ended()
  const raw = await read(server, 'a', { 'Accept-Encoding': 'gzip' })
  t.ok(gunzipSync(raw.body).equals(bytes))
})

test('content that is not gzip breaks off: it is never just short', async t => {
  const server = await startServer(t)
  const whole = gzipSync(sampleBytes(3 * 1024 * 1024))
  const damaged = Buffer.from(whole)
  damaged.fill(0xff, 1_000_000, 1_000_100)
  await upload(server, 'truncated', whole.subarray(0, 2_000_000), {}, GZIP)
  await upload(server, 'damaged', damaged, {}, GZIP)
  await upload(server, 'none', 'never was gzip', {}, GZIP)
  for (const name of ['truncated', 'damaged']) {
    await t.rejects(read(server, name), /connection ended/, name)
  }
  // Nothing was sent of it yet, so it can be said.
  const none = await read(server, 'none')
  t.equal(none.status, 500)
  t.equal(none.json().error.errors[0].reason, 'internalError')
  t.equal((await read(server, 'none', { 'Accept-Encoding': 'gzip' })).text, 'never was gzip')
})
