import { test } from 'tap'
import { begin, initiate, metadata, put, query, upload } from '../support/google.ts'
import { ALL, startGuarded } from '../support/keys.ts'
import { startServer } from '../support/server.ts'

/** So long that no test sees its end. */
const HOUR = 3_600_000

test('one request too many is refused in the form of its door, and says when to come back', async t => {
  const server = await startServer(t, { requestRate: { count: 2, perMs: HOUR } })
  t.equal((await metadata(server, 'a')).status, 404)
  t.equal((await metadata(server, 'a')).status, 404)
  const json = await metadata(server, 'a')
  t.equal(json.status, 429)
  t.match(json.json(), { error: { code: 429, errors: [{ reason: 'rateLimitExceeded' }] } })
  const seconds = Number(json.headers['retry-after'])
  t.ok(seconds > 3000 && seconds <= 3600, `retry-after ${seconds}`)
  t.notOk('x-ratelimit-limit' in json.headers, 'nothing that Google does not say')

  const xml = await server.ask('GET /bkt/a')
  t.equal(xml.status, 429)
  t.match(xml.text, '<Code>SlowDown</Code>')
  t.equal(xml.headers['retry-after'], String(seconds), 'the same count')

  const noDoor = await server.ask('GET /retry_test/x')
  t.equal(noDoor.status, 429)
})

test('a browser may read the refusal, and its preflight is answered', async t => {
  const server = await startServer(t, { requestRate: { count: 1, perMs: HOUR } })
  const origin = { Origin: 'https://app.example' }
  await metadata(server, 'a')
  const path = '/storage/v1/b/bkt/o/a'
  const refused = await server.ask(`GET ${path}`, origin)
  t.equal(refused.status, 429)
  t.equal(refused.headers['access-control-allow-origin'], 'https://app.example')
  t.match(refused.headers['access-control-expose-headers'], 'Retry-After')
  t.equal((await server.ask(`OPTIONS ${path}`, origin)).status, 204)
})

test('operations are never counted', async t => {
  const server = await startServer(t, { requestRate: { count: 1, perMs: HOUR } })
  for (let n = 0; n < 5; n += 1) t.equal((await server.ask('GET /-/livez')).status, 200)
  t.equal((await metadata(server, 'a')).status, 404)
  t.equal((await metadata(server, 'a')).status, 429)
  t.equal((await server.ask('GET /-/readyz')).status, 200)
})

test('content has a rate of its own: sessions are opened by the one, and written by the other', async t => {
  const server = await startServer(t, {
    requestRate: { count: 2, perMs: HOUR },
    chunkRate: { count: 3, perMs: HOUR },
  })
  const session = await initiate(server)
  t.equal((await upload(server, 'm', 'media')).status, 200)
  t.equal((await query(server, session)).status, 308)
  t.equal((await put(server, session, '0-3/4', 'abcd')).status, 200)
  t.equal((await upload(server, 'm', 'media')).status, 429)
  t.equal((await query(server, session)).status, 429)
  t.equal((await metadata(server, 'm')).status, 200)
  t.equal((await begin(server)).status, 429)
})

test('refused before 100 Continue and before the body; nothing of it is kept', async t => {
  const server = await startServer(t, { chunkRate: { count: 1, perMs: HOUR } })
  const session = await initiate(server)
  t.equal((await query(server, session)).status, 308)

  const polite = await server.connect()
  polite.head(`PUT ${session}`, { 'Content-Length': 4, Expect: '100-continue' })
  t.equal((await polite.response()).status, 429, 'and no 100 before it')
  polite.close()

  const eager = await server.connect()
  eager.head(`PUT ${session}`, { 'Content-Length': 20_000_000 })
  for (let n = 0; n < 20; n += 1) eager.send(Buffer.alloc(1_000_000))
  t.equal((await eager.response()).status, 429)
  await eager.ended()

  const kept = await server.connect()
  kept.head(`PUT ${session}`, { 'Content-Length': 4 }).send('abcd')
  t.equal((await kept.response()).status, 429)
  kept.head('GET /storage/v1/b/bkt/o/a.bin')
  t.equal((await kept.response()).status, 404, 'the connection goes on, and there is no object')
  kept.close()
})

test('each address has its own count; an IPv6 network of 64 bits is one address', async t => {
  const server = await startServer(t, {
    trustProxy: true,
    requestRate: { count: 1, perMs: HOUR },
  })
  const from = async (address: string) =>
    (await server.ask('GET /storage/v1/b/bkt', { 'X-Forwarded-For': address })).status
  t.equal(await from('192.0.2.1'), 200)
  t.equal(await from('192.0.2.1'), 429)
  t.equal(await from('192.0.2.2'), 200)
  t.equal(await from('::ffff:192.0.2.2'), 429, 'the same address in other words')
  t.equal(await from('2001:db8:0:1::1'), 200)
  t.equal(await from('2001:db8:0:1:ffff::2'), 429)
  t.equal(await from('2001:db8:0:2::1'), 200)
})

test('what a stranger says of his address does not count', async t => {
  const server = await startServer(t, { requestRate: { count: 1, perMs: HOUR } })
  const from = async (address: string) =>
    (await server.ask('GET /storage/v1/b/bkt', { 'X-Forwarded-For': address })).status
  t.equal(await from('192.0.2.1'), 200)
  t.equal(await from('192.0.2.2'), 429)
})

test('each call of a batch counts', async t => {
  const server = await startServer(t, { requestRate: { count: 3, perMs: HOUR } })
  const call = 'GET /storage/v1/b/bkt HTTP/1.1\r\n\r\n'
  const part = `--x\r\nContent-Type: application/http\r\n\r\n${call}\r\n`
  const response = await server.ask(
    'POST /batch/storage/v1',
    { 'Content-Type': 'multipart/mixed; boundary=x' },
    `${part.repeat(4)}--x--\r\n`,
  )
  t.equal(response.status, 200)
  const statuses = [...response.text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)
  t.same(statuses, ['200', '200', '429', '429'])
  t.match(response.text, /^retry-after: \d+\r$/m)
})

test('with keys, a principal counts for itself, wherever it is and whoever is there with it', async t => {
  const { server, as } = await startGuarded(
    t,
    { one: ALL, two: ALL },
    { trustProxy: true, requestRate: { count: 2, perMs: HOUR } },
  )
  const path = 'GET /storage/v1/b/bkt'
  const from = (address: string) => ({ 'X-Forwarded-For': address })
  t.equal((await server.ask(path, { ...as.one, ...from('192.0.2.1') })).status, 200)
  t.equal((await server.ask(path, { ...as.one, ...from('192.0.2.2') })).status, 200)
  const refused = await server.ask(path, { ...as.one, ...from('192.0.2.3') })
  t.equal(refused.status, 429)
  t.equal(refused.json().error.errors[0].reason, 'userRateLimitExceeded')
  t.equal((await server.ask(path, { ...as.two, ...from('192.0.2.1') })).status, 200)

  // Who tries keys is counted by address, and learns no more after so many.
  const guess = { Authorization: 'Bearer guessed', ...from('192.0.2.1') }
  for (const status of [401, 401, 429]) t.equal((await server.ask(path, guess)).status, status)
})

test('the other doors say which of their routes bring content', async t => {
  const server = await startServer(t, { chunkRate: { count: 1, perMs: HOUR } })
  const segment = () =>
    server.ask('POST /dxl/opendxl-file-transfer/service/file-transfer/file/store')
  const chunk = () => server.ask('POST /ucloud/ucloud/chunked/upload')
  t.not((await segment()).status, 429)
  t.equal((await segment()).status, 429)
  t.equal((await chunk()).status, 429)
})
