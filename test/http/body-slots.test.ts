import { once } from 'node:events'
import { test } from 'tap'
import type { Conversation } from '../support/conversation.ts'
import { G, initiate, metadata, put, query, upload } from '../support/google.ts'
import { startServer, type TestServer } from '../support/server.ts'

const SLOTS = 4

/** A body that has begun and stays: 3 of its G + 1 bytes have come. */
async function hold(server: TestServer, headers = {}): Promise<Conversation> {
  const session = await initiate(server, 'held.bin')
  const wire = await server.connect()
  wire.head(`PUT ${session}`, { 'Content-Length': G + 1, Expect: '100-continue', ...headers })
  const { status } = await wire.response()
  if (status !== 100) throw new Error(`not admitted: ${status}`)
  wire.send('abc')
  return wire
}

async function fill(server: TestServer, count = SLOTS): Promise<Conversation[]> {
  const held: Conversation[] = []
  for (let n = 0; n < count; n += 1) held.push(await hold(server))
  return held
}

/** Resolves once a body is taken, which is when the server has noticed what became of an earlier one. */
async function admitted(server: TestServer): Promise<void> {
  for (;;) {
    const { status } = await upload(server, 'probe.bin', 'x')
    if (status === 200) return
    if (status !== 503) throw new Error(`${status}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

test('beyond the limit a body is refused at once, before 100 Continue, and what has none is not', async t => {
  const server = await startServer(t, { maxBodies: SLOTS })
  const session = await initiate(server)
  const held = await fill(server)

  const refused = await upload(server, 'a.bin', 'abc')
  t.equal(refused.status, 503)
  t.equal(refused.headers['retry-after'], '5')
  t.match(refused.json(), { error: { errors: [{ reason: 'backendError' }] } })
  const xml = await server.ask('PUT /bkt/a', {}, 'abc')
  t.equal(xml.status, 503)
  t.match(xml.text, '<Code>ServiceUnavailable</Code>')
  t.equal((await server.ask('PUT /-/x', {}, 'abc')).status, 503)

  const polite = await server.connect()
  polite.head(`PUT ${session}`, { 'Content-Length': 3, Expect: '100-continue' })
  t.equal((await polite.response()).status, 503, 'and no 100 before it')
  polite.close()
  const endless = await server.connect()
  endless.head(`PUT ${session}`, { 'Transfer-Encoding': 'chunked' }).send('3\r\nabc\r\n')
  t.equal((await endless.response()).status, 503)
  endless.send('0\r\n\r\n')
  await endless.ended()

  t.equal((await query(server, session)).status, 308, 'a status query')
  t.equal((await metadata(server, 'a.bin')).status, 404, 'a read')
  t.equal((await server.ask('GET /-/readyz')).status, 200)
  t.equal((await initiate(server, 'b.bin')).startsWith('/upload'), true, 'a session without a body')

  held[0]?.send(Buffer.alloc(G - 2))
  t.equal((await held[0]?.response())?.status, 200, 'those inside are not disturbed')
  t.equal((await upload(server, 'a.bin', 'abc')).status, 200)
  for (const wire of held) wire.close()
})

test('a slot is free again however its request went', async t => {
  const server = await startServer(t, { maxBodies: SLOTS })
  for (let round = 0; round < 3; round += 1) {
    const [cut, closed, finished, ended] = await fill(server)
    t.equal((await upload(server, 'x', 'x')).status, 503, 'full')
    cut?.cut()
    closed?.close()
    finished?.send(Buffer.alloc(G - 2))
    t.equal((await finished?.response())?.status, 200)
    ended?.socket.end()
    await once(ended?.socket ?? server.app.server.server, 'close')
    await admitted(server)
  }
  // Refused on their headers, their resources and their content; on connections that go on, and on ones that do not.
  const session = await initiate(server)
  for (let n = 0; n < 3 * SLOTS; n += 1) {
    t.equal((await put(server, session, '5-7/8', 'abc')).status, 503, 'a gap')
    t.equal((await put(server, session, 'nonsense', 'abc')).status, 400)
    t.equal((await server.ask('POST /storage/v1/b', {}, '{')).status, 400)
    t.equal((await server.ask('PATCH /storage/v1/b/none', {}, '{}')).status, 404)
    t.equal((await server.ask('POST /batch', {}, 'x')).status, 400)
  }
  // All of them at once are still there.
  const held = await fill(server)
  t.equal((await upload(server, 'x', 'x')).status, 503, 'full, and not before')
  for (const wire of held) wire.close()
  await admitted(server)
})

test('the answer frees it, not the end of what the client still sends', async t => {
  const server = await startServer(t, { maxBodies: 1 }, { lingerMs: 60_000 })
  const session = await initiate(server)
  const wire = await server.connect()
  wire.head(`PUT ${session}`, { 'Content-Range': 'nonsense', 'Content-Length': 50_000_000 })
  t.equal((await wire.response()).status, 400)
  t.equal((await upload(server, 'x', 'x')).status, 200)
  wire.close()
})

test('the calls of a batch need none', async t => {
  const server = await startServer(t, { maxBodies: 1 })
  await upload(server, 'a', 'a')
  const call = 'PATCH /storage/v1/b/bkt/o/a HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{}'
  const part = `--x\r\nContent-Type: application/http\r\n\r\n${call}\r\n`
  const response = await server.ask(
    'POST /batch/storage/v1',
    { 'Content-Type': 'multipart/mixed; boundary=x' },
    `${part.repeat(20)}--x--\r\n`,
  )
  t.equal([...response.text.matchAll(/^HTTP\/1\.1 200/gm)].length, 20)
})
