import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { G, initiate, put, query, read } from '../../support/google.ts'
import { sampleBytes, startServer } from '../../support/server.ts'

const SMALL_TEXT = (count: number) =>
  `Invalid request.  The number of bytes uploaded is required to be equal or greater than 262144, except for the final request (it's recommended to be the exact multiple of 262144).  The received request contained ${count} bytes, which does not meet this requirement.`

test('GCS-16: one PUT without Content-Range completes', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(G + 100)
  const session = await initiate(server)
  const done = await put(server, session, undefined, bytes)
  t.equal(done.status, 200)
  t.equal(done.headers['content-type'], 'application/json; charset=UTF-8')
  t.equal(done.headers['etag'], done.json().etag)
  t.equal(done.json().size, String(G + 100))
  t.same((await read(server, 'a.bin')).body, bytes)
})

test('GCS-17, GCS-18: two aligned chunks: 308 with Range and nothing else, then 200', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(2 * G)
  const session = await initiate(server)
  const first = await put(server, session, `0-${G - 1}/${2 * G}`, bytes.subarray(0, G))
  t.equal(first.status, 308)
  t.equal(first.phrase, 'Resume Incomplete')
  t.equal(first.headers['range'], 'bytes=0-262143')
  t.equal(first.headers['content-length'], '0')
  t.equal(first.headers['location'], undefined)
  t.equal(first.text, '')
  const second = await put(server, session, `${G}-${2 * G - 1}/${2 * G}`, bytes.subarray(G))
  t.equal(second.status, 200)
  t.same((await read(server, 'a.bin')).body, bytes)
})

test('GCS-19: chunks by POST with X-GUploader-No-308', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(G + 1)
  const session = await initiate(server)
  const no308 = { 'X-GUploader-No-308': 'yes' }
  const first = await server.ask(
    `POST ${session}`,
    { 'Content-Range': `bytes 0-${G - 1}/*`, ...no308 },
    bytes.subarray(0, G),
  )
  t.equal(first.status, 200)
  t.equal(first.headers['x-http-status-code-override'], '308')
  t.equal(first.headers['range'], 'bytes=0-262143')
  t.equal(first.text, '')
  const last = await server.ask(
    `POST ${session}`,
    { 'Content-Range': `bytes ${G}-${G}/${G + 1}`, ...no308 },
    bytes.subarray(G),
  )
  t.equal(last.status, 200)
  t.equal(last.headers['x-http-status-code-override'], undefined)
  t.equal(last.json().size, String(G + 1))
})

test('GCS-26: a-*/N, final and partial, and a-*/* with chunked transfer coding', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(3 * G)

  const known = await initiate(server, 'known')
  const partial = await put(server, known, `0-*/${3 * G}`, bytes.subarray(0, 2 * G + 10))
  t.equal(partial.status, 308)
  t.equal(partial.headers['range'], `bytes=0-${2 * G - 1}`)
  t.equal((await put(server, known, `${2 * G}-*/${3 * G}`, bytes.subarray(2 * G))).status, 200)
  t.same((await read(server, 'known')).body, bytes)

  const unknown = await initiate(server, 'unknown')
  const wire = await server.connect()
  wire.head(`PUT ${unknown}`, { 'Content-Range': 'bytes 0-*/*', 'Transfer-Encoding': 'chunked' })
  wire.send('5\r\nhello\r\n', '5\r\nworld\r\n', '0\r\n\r\n')
  const done = await wire.response()
  t.equal(done.status, 200)
  t.equal(done.json().size, '10')
  wire.close()
})

test('GCS-27: a small non-final chunk ends the session with the exact text, for good', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const small = await put(server, session, '0-1023/*', sampleBytes(1024))
  t.equal(small.status, 400)
  t.equal(small.headers['content-type'], 'text/plain; charset=utf-8')
  t.equal(small.text, SMALL_TEXT(1024))
  const good = await put(server, session, `0-${G - 1}/*`, sampleBytes(G))
  t.equal(good.status, 400)
  t.equal(good.text, SMALL_TEXT(1024))
  const asked = await query(server, session)
  t.equal(asked.status, 400)
  t.equal(asked.text, SMALL_TEXT(1024))
  t.equal((await read(server, 'a.bin')).status, 404)
})

test('GCS-28: an unaligned chunk keeps whole granules', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(600_000)
  const session = await initiate(server)
  const first = await put(server, session, '0-299999/*', bytes.subarray(0, 300_000))
  t.equal(first.status, 308)
  t.equal(first.headers['range'], 'bytes=0-262143')
  const gap = await put(server, session, '300000-599999/600000', bytes.subarray(300_000))
  t.equal(gap.status, 503)
  const rest = await put(server, session, '262144-599999/600000', bytes.subarray(G))
  t.equal(rest.status, 200)
  t.same((await read(server, 'a.bin')).body, bytes)
})

test('GCS-29: a gap is 503 in plain text, and the session goes on', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const gap = await put(server, session, '4-7/*', 'late')
  t.equal(gap.status, 503)
  t.equal(gap.headers['content-type'], 'text/plain; charset=utf-8')
  t.equal(
    gap.text,
    'Invalid request.  According to the Content-Range header, the upload offset is 4 byte(s), which exceeds already uploaded size of 0 byte(s).',
  )
  t.equal((await query(server, session)).headers['range'], undefined)
  t.equal((await put(server, session, '0-4/5', 'hello')).status, 200)
  t.equal((await read(server, 'a.bin')).text, 'hello')
})

test('GCS-30, GCS-31: bytes sent again are skipped; the first version stays', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(4 * G)
  const session = await initiate(server)
  t.equal(
    (await put(server, session, `0-${2 * G - 1}/${4 * G}`, bytes.subarray(0, 2 * G))).status,
    308,
  )
  const again = await put(server, session, `0-${2 * G - 1}/${4 * G}`, bytes.subarray(0, 2 * G))
  t.equal(again.status, 308)
  t.equal(again.headers['range'], `bytes=0-${2 * G - 1}`)

  const overlap = Buffer.from(bytes.subarray(G, 3 * G))
  overlap.fill(0, 0, G)
  const tail = await put(server, session, `${G}-${3 * G - 1}/${4 * G}`, overlap)
  t.equal(tail.status, 308)
  t.equal(tail.headers['range'], `bytes=0-${3 * G - 1}`)
  t.equal(
    (await put(server, session, `${3 * G}-${4 * G - 1}/${4 * G}`, bytes.subarray(3 * G))).status,
    200,
  )
  t.same((await read(server, 'a.bin')).body, bytes)
})

test('GCS-32: a body of another length than its range is 400 and changes nothing', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const short = await put(server, session, '0-9/10', 'short')
  t.equal(short.status, 400)
  t.equal(
    short.text,
    'Invalid request.  There were 5 byte(s) in the request body.  There should have been 10 byte(s) (starting at offset 0 and ending at offset 9) according to the Content-Range header.',
  )
  t.equal((await put(server, session, '0-3/10', 'too long')).status, 400)
  t.equal((await query(server, session)).headers['range'], undefined)

  // The same with a length that the request does not declare.
  for (const body of [sampleBytes(G - 1), sampleBytes(G + 1)]) {
    const wire = await server.connect()
    wire.head(`PUT ${session}`, {
      'Content-Range': `bytes 0-${G - 1}/${2 * G}`,
      'Transfer-Encoding': 'chunked',
    })
    wire.send(`${body.length.toString(16)}\r\n`, body, '\r\n0\r\n\r\n')
    t.equal((await wire.response()).status, 400)
    wire.close()
  }
  t.equal((await query(server, session)).headers['range'], undefined)
})

test('GCS-33: totals that contradict each other are 400', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(2 * G)
  const session = await initiate(server)
  t.equal((await put(server, session, '0-10/10', sampleBytes(11))).status, 400)
  t.equal((await put(server, session, `0-${G - 1}/${2 * G}`, bytes.subarray(0, G))).status, 308)
  const changed = await put(server, session, `${G}-${2 * G - 1}/${3 * G}`, bytes.subarray(G))
  t.equal(changed.status, 400)
  t.equal((await put(server, session, `${G}-${2 * G - 1}/${2 * G}`, bytes.subarray(G))).status, 200)

  const declared = await initiate(server, 'b.bin', { 'X-Upload-Content-Length': 2 * G })
  t.equal((await put(server, declared, `0-${G - 1}/${3 * G}`, bytes.subarray(0, G))).status, 400)
  const first = await put(server, declared, `0-${G - 1}/*`, bytes.subarray(0, G))
  t.equal(first.status, 308)
  t.equal((await put(server, declared, `${G}-${3 * G - 1}/*`, sampleBytes(2 * G))).status, 400)
  // §6.10 row o.
  const beyond = await put(server, declared, `${G}-${3 * G - 1}/${2 * G}`, sampleBytes(2 * G))
  t.equal(beyond.status, 400)
  t.equal((await query(server, declared)).headers['range'], `bytes=0-${G - 1}`)
})

test('GCS-34: reaching X-Upload-Content-Length with /* completes', async t => {
  const server = await startServer(t)
  const session = await initiate(server, 'a.bin', { 'X-Upload-Content-Length': 2 * G })
  t.equal((await put(server, session, `0-${G - 1}/*`, sampleBytes(G))).status, 308)
  const done = await put(server, session, `${G}-${2 * G - 1}/*`, sampleBytes(G))
  t.equal(done.status, 200)
  t.equal(done.headers['range'], undefined)
})

test('§0.1 number 16: chunks compressed for the way count decompressed bytes', async t => {
  const server = await startServer(t)
  const bytes = Buffer.alloc(2 * G + 5, 'gzip me ')
  const gzip = { 'Content-Encoding': 'gzip' }
  const session = await initiate(server)
  const packed = gzipSync(bytes.subarray(0, G))
  const first = await put(server, session, `0-${G - 1}/${bytes.length}`, packed, gzip)
  t.equal(first.status, 308)
  t.equal(first.headers['range'], `bytes=0-${G - 1}`)
  const wrong = gzipSync(bytes.subarray(0, 10))
  t.equal((await put(server, session, `${G}-${2 * G - 1}/*`, wrong, gzip)).status, 400)
  const broken = await put(server, session, `${G}-${2 * G - 1}/*`, 'not gzip', gzip)
  t.equal(broken.status, 400)
  t.equal(broken.json().error.errors[0].reason, 'invalid')
  const rest = gzipSync(bytes.subarray(G))
  t.equal((await put(server, session, `${G}-*/${bytes.length}`, rest, gzip)).status, 200)
  t.ok((await read(server, 'a.bin')).body.equals(bytes))

  const whole = await initiate(server, 'whole')
  const done = await put(server, whole, undefined, gzipSync(bytes), gzip)
  t.equal(done.json().size, String(bytes.length))

  // Begun with contentEncoding=gzip, the compressed bytes are the object.
  const begun = await server.ask(
    'POST /upload/storage/v1/b/bkt/o?uploadType=resumable&name=sent&contentEncoding=gzip',
  )
  const asSent = await put(
    server,
    begun.headers['location'] ?? '',
    undefined,
    gzipSync(bytes),
    gzip,
  )
  t.equal(asSent.json().size, String(gzipSync(bytes).length))
  t.equal(asSent.json().contentEncoding, 'gzip')
})

test('design §4: a session whose total is below the granule takes chunks of any size', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const first = await put(server, session, '0-2/6', 'abc')
  t.equal(first.status, 308)
  t.equal(first.headers['range'], 'bytes=0-2')
  t.equal((await put(server, session, '3-5/6', 'def')).status, 200)
  t.equal((await read(server, 'a.bin')).text, 'abcdef')
})
