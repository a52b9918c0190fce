import { test } from 'tap'
import { G, initiate, metadata, put, query } from '../../support/google.ts'
import { sampleBytes, startServer } from '../../support/server.ts'

test('GCS-20: a query with X-GUploader-No-308', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const no308 = { 'X-GUploader-No-308': 'yes' }
  const empty = await put(server, session, '*/*', '', no308)
  t.equal(empty.status, 200)
  t.equal(empty.headers['x-http-status-code-override'], '308')
  t.equal(empty.headers['range'], undefined)
  await put(server, session, `0-${G - 1}/*`, sampleBytes(G))
  const some = await put(server, session, '*/*', '', no308)
  t.equal(some.status, 200)
  t.equal(some.headers['x-http-status-code-override'], '308')
  t.equal(some.headers['range'], 'bytes=0-262143')
})

test('GCS-21: a query tells what is persisted and finishes nothing', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const empty = await query(server, session)
  t.equal(empty.status, 308)
  t.equal(empty.headers['range'], undefined)
  t.equal(empty.headers['location'], undefined)
  t.equal(empty.headers['content-length'], '0')
  await put(server, session, `0-${G - 1}/*`, sampleBytes(G))
  t.equal((await query(server, session)).headers['range'], 'bytes=0-262143')
  const posted = await server.ask(`POST ${session}`, { 'Content-Range': 'bytes */*' })
  t.equal(posted.status, 308)
  t.equal((await metadata(server, 'a.bin')).status, 404)
})

test('GCS-22: bytes */N finishes only when N is what is persisted, and fixes nothing otherwise', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  await put(server, session, `0-${2 * G - 1}/*`, sampleBytes(2 * G))
  for (const total of [4 * G, G, 0]) {
    const asked = await put(server, session, `*/${total}`)
    t.equal(asked.status, 308, `*/${total}`)
    t.equal(asked.headers['range'], `bytes=0-${2 * G - 1}`)
  }
  // The total is still open: a data request may fix another one.
  t.equal(
    (await put(server, session, `${2 * G}-${3 * G - 1}/${5 * G}`, sampleBytes(G))).status,
    308,
  )

  const other = await initiate(server, 'other')
  await put(server, other, `0-${G - 1}/*`, sampleBytes(G))
  const done = await put(server, other, `*/${G}`)
  t.equal(done.status, 200)
  t.equal(done.json().size, String(G))
  // §6.10 row l2.
  t.equal((await put(server, other, `*/${2 * G}`)).json().size, String(G))
  t.equal((await put(server, other, '*/1')).json().size, String(G))
})

test('GCS-23: empty objects', async t => {
  const server = await startServer(t)
  for (const range of ['*/0', undefined]) {
    const session = await initiate(server, 'empty')
    const done = await put(server, session, range)
    t.equal(done.status, 200)
    t.equal(done.json().size, '0')
    t.equal(done.json().crc32c, 'AAAAAA==')
    t.equal(done.json().md5Hash, '1B2M2Y8AsgTpgAmY7PhCfg==')
  }
  const session = await initiate(server, 'bare')
  const wire = await server.connect()
  wire.head(`PUT ${session}`)
  t.equal((await wire.response()).status, 200)
  wire.close()
})

test('GCS-24: a query with a body', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  for (const range of ['*/*', '*/5', '*/0']) {
    const refused = await put(server, session, range, 'hello')
    t.equal(refused.status, 400)
    t.equal(refused.headers['content-type'], 'text/plain; charset=utf-8')
    t.equal(refused.text, 'Client sent query request with a non-empty body.')
  }
  const wire = await server.connect()
  wire.head(`PUT ${session}`, { 'Content-Range': 'bytes */*', 'Transfer-Encoding': 'chunked' })
  wire.send('5\r\nhello\r\n0\r\n\r\n')
  t.equal((await wire.response()).text, 'Client sent query request with a non-empty body.')
  wire.close()
  const quiet = await server.connect()
  quiet.head(`PUT ${session}`, { 'Content-Range': 'bytes */*', 'Transfer-Encoding': 'chunked' })
  quiet.send('0\r\n\r\n')
  t.equal((await quiet.response()).status, 308)
  quiet.close()
})

test('GCS-25: what cannot be read is 400, but what the session is comes first', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const wrong = [
    'bytes 0--1/0',
    'bytes 0-0/0',
    'bytes 5-4/10',
    'items 0-1/2',
    'bytes 0-1',
    'bytes 1-2/2',
    '',
  ]
  for (const range of wrong) {
    const refused = await server.ask(`PUT ${session}`, { 'Content-Range': range }, 'x')
    t.equal(refused.status, 400, range)
    t.equal(refused.headers['content-type'], 'text/plain; charset=utf-8')
    t.equal(refused.text, 'Failed to parse Content-Range header.')
  }
  t.equal((await put(server, session, undefined, 'x')).status, 200)
  const after = await server.ask(`PUT ${session}`, { 'Content-Range': 'nonsense' }, 'x')
  t.equal(after.status, 200)
  const unknown = await server.ask(`PUT ${session}x`, { 'Content-Range': 'nonsense' }, 'x')
  t.equal(unknown.status, 404)
})
