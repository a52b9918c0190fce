import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { test } from 'tap'
import type { Conversation } from '../../support/conversation.ts'
import { G, initiate, metadata, put, query, read, upload } from '../../support/google.ts'
import { sampleBytes, startServer, type TestServer } from '../../support/server.ts'

test('GCS-35: a cut keeps whole granules, and the upload goes on from there', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(5 * G + 1000)
  const session = await initiate(server)
  for (const how of ['cut', 'close'] as const) {
    const from = await persistedOf(server, session)
    const wire = await begin(server, session, from, bytes.length)
    wire.send(bytes.subarray(from, from + 2 * G + 5000))
    await arrived(wire)
    wire[how]()
    const now = await settled(server, session, from)
    t.equal(now % G, 0)
    t.ok(now <= from + 2 * G + 5000, `${now} bytes are persisted`)
  }
  const from = await persistedOf(server, session)
  const range = `${from}-${bytes.length - 1}/${bytes.length}`
  t.equal((await put(server, session, range, bytes.subarray(from))).status, 200)
  t.ok((await read(server, 'a.bin')).body.equals(bytes))
})

test('GCS-35: a cut after the last byte may complete; a short body with a clean end may not', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const wire = await server.connect()
  wire.head(`PUT ${session}`, {
    'Content-Range': `bytes 0-*/${2 * G}`,
    'Transfer-Encoding': 'chunked',
  })
  wire.send(`${G.toString(16)}\r\n`, sampleBytes(G), '\r\n0\r\n\r\n')
  const partial = await wire.response()
  t.equal(partial.status, 308)
  t.equal(partial.headers['range'], `bytes=0-${G - 1}`)
  wire.close()
})

test('a media upload that is cut leaves nothing', async t => {
  const server = await startServer(t)
  const wire = await server.connect()
  wire.head('POST /upload/storage/v1/b/bkt/o?uploadType=media&name=a', { 'Content-Length': 2 * G })
  wire.send(sampleBytes(G))
  await arrived(wire)
  wire.cut()
  await after(100)
  t.equal((await metadata(server, 'a')).status, 404)
})

test('GCS-42: a restart between chunks keeps what is persisted, and the checksums', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(2 * G + 77)
  const session = await initiate(server, 'a.bin', {}, { metadata: { k: 'v' } })
  await put(server, session, `0-${G - 1}/${bytes.length}`, bytes.subarray(0, G))
  await server.restart()
  t.equal((await query(server, session)).headers['range'], 'bytes=0-262143')
  await put(server, session, `${G}-${2 * G - 1}/*`, bytes.subarray(G, 2 * G))
  await server.restart()
  const done = await put(server, session, `${2 * G}-${bytes.length - 1}/*`, bytes.subarray(2 * G))
  t.equal(done.status, 200)
  const once = (await upload(server, 'once', bytes)).json()
  t.equal(done.json().md5Hash, once.md5Hash)
  t.equal(done.json().crc32c, once.crc32c)
  t.strictSame(done.json().metadata, { k: 'v' })
  t.ok((await read(server, 'a.bin')).body.equals(bytes))
})

test('GCS-43, P3: the newer of two writers wins, and bytes never mix', async t => {
  const server = await startServer(t)
  const [old, young] = [Buffer.alloc(4 * G, 'o'), Buffer.alloc(4 * G, 'y')]
  const session = await initiate(server)
  const first = await begin(server, session, 0, old.length)
  first.send(old.subarray(0, G + 100))
  await arrived(first)
  const done = await put(server, session, `0-${4 * G - 1}/${4 * G}`, young)
  t.equal(done.status, 200)
  const loser = await first.response()
  t.ok([503, 200].includes(loser.status), `the loser got ${loser.status}`)
  first.close()
  const stored = (await read(server, 'a.bin')).body
  const kept = stored.indexOf('y')
  t.ok(kept === 0 || kept === G, `${kept} bytes of the first are kept`)
  t.ok(stored.equals(Buffer.concat([old.subarray(0, kept), young.subarray(kept)])))
})

test('P3: a wrong retry and a query evict nobody', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(2 * G)
  const session = await initiate(server)
  const writer = await begin(server, session, 0, bytes.length)
  writer.send(bytes.subarray(0, G))
  await arrived(writer)
  t.equal((await put(server, session, `${4 * G}-${5 * G - 1}/*`, sampleBytes(G))).status, 503)
  t.equal((await put(server, session, '0-5/x', 'wrong!')).status, 400)
  t.equal((await query(server, session)).status, 308)
  writer.send(bytes.subarray(G))
  t.equal((await writer.response()).status, 200)
  writer.close()
  t.ok((await read(server, 'a.bin')).body.equals(bytes))
})

test('P8: a body that falls silent is 408, what arrived is kept, the session goes on', async t => {
  const server = await startServer(t, { bodyIdleMs: 150 })
  const bytes = sampleBytes(3 * G)
  const session = await initiate(server)
  const wire = await begin(server, session, 0, bytes.length)
  wire.send(bytes.subarray(0, G + 10))
  const silent = await wire.response()
  t.equal(silent.status, 408)
  t.equal(silent.json().error.errors[0].reason, 'uploadBrokenConnection')
  t.equal(silent.headers['connection'], 'close')
  await wire.ended()
  t.equal(await persistedOf(server, session), G)

  const never = await begin(server, session, G, bytes.length)
  t.equal((await never.response()).status, 408)
  never.close()

  // Slow is not silent.
  const slow = await begin(server, session, G, bytes.length)
  for (let sent = G; sent < bytes.length; sent += G / 2) {
    slow.send(bytes.subarray(sent, sent + G / 2))
    await after(60)
  }
  t.equal((await slow.response()).status, 200)
  slow.close()
})

test('P10: a full disk is 503 with Retry-After, and the session goes on', async t => {
  const server = await startServer(t, { reserveBytes: 2 ** 50 })
  const refused = await server.ask('POST /upload/storage/v1/b/bkt/o?uploadType=resumable&name=a')
  t.equal(refused.status, 503)
  t.equal(refused.json().error.errors[0].reason, 'backendError')
  t.match(refused.headers['retry-after'], /^\d+$/)
  t.equal((await upload(server, 'a', 'x')).status, 503)
})

test('P11: at the end bodies are cut, kept and answered; nothing claims a chunk that is not kept', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(4 * G)
  const session = await initiate(server)
  const wire = await begin(server, session, 0, bytes.length)
  wire.send(bytes.subarray(0, G + 1000))
  await arrived(wire)
  const idle = await server.connect()
  const stopped = server.stop()
  const answer = await wire.response()
  t.equal(answer.status, 503)
  t.equal(answer.headers['connection'], 'close')
  await wire.ended()
  await idle.ended()
  await stopped
  await server.start()
  t.equal(await persistedOf(server, session), G)
  t.equal((await put(server, session, `${G}-${4 * G - 1}/${4 * G}`, bytes.subarray(G))).status, 200)
  t.ok((await read(server, 'a.bin')).body.equals(bytes))
})

test('Expect: 100-continue: a 100 for what is taken, none for what is refused', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const expecting = { Expect: '100-continue', 'Content-Length': 5 }
  const taken = await server.connect()
  taken.head(`PUT ${session}`, { ...expecting, 'Content-Range': 'bytes 0-4/5' })
  t.equal((await taken.response()).status, 100)
  taken.send('hello')
  t.equal((await taken.response()).status, 200)
  taken.close()
  const refused = {
    gap: [session.replace(/upload_id=.*/, 'upload_id=unknown'), 'bytes 0-4/5', 404],
    range: [await initiate(server, 'b'), 'bytes 7-11/12', 503],
    length: [await initiate(server, 'c'), 'bytes 0-8/9', 400],
    query: [await initiate(server, 'd'), 'bytes */*', 400],
  } as const
  for (const [what, [path, range, status]] of Object.entries(refused)) {
    const wire = await server.connect()
    wire.head(`PUT ${path}`, { ...expecting, 'Content-Range': range })
    t.equal((await wire.response()).status, status, what)
    wire.close()
  }
})

test('an early refusal leaves the connection usable, and a large one can be read', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const wire = await server.connect()
  wire.head(`PUT ${session}`, { 'Content-Range': `bytes ${G}-${2 * G - 1}/*`, 'Content-Length': G })
  t.equal((await wire.response()).status, 503)
  wire.send(sampleBytes(G))
  wire.head(`PUT ${session}`, { 'Content-Range': 'bytes */*', 'Content-Length': 0 })
  t.equal((await wire.response()).status, 308)
  wire.head(`PUT ${session}`, {
    'Content-Range': `bytes ${G}-${81 * G - 1}/*`,
    'Content-Length': 80 * G,
  })
  for (let sent = 0; sent < 80; sent += 1) wire.send(sampleBytes(G))
  const large = await wire.response()
  t.equal(large.status, 503)
  t.match(large.text, 'the upload offset is 262144 byte(s)')
  await wire.ended()
})

test('what is behind the end of a declared body is no part of it', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const wire = await server.connect()
  wire.head(`PUT ${session}`, { 'Content-Range': 'bytes 0-4/5', 'Content-Length': 5 })
  wire.send('hello and more')
  const done = await wire.response()
  t.equal(done.status, 200)
  t.equal(done.headers['connection'], 'close')
  await wire.ended()
  t.equal((await read(server, 'a.bin')).text, 'hello')
})

test('P7: a long body is checkpointed: it shows while the body is under way', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const total = 40 * 1024 * 1024
  const wire = await begin(server, session, 0, total)
  wire.send(sampleBytes(36 * 1024 * 1024))
  await settled(server, session, 0)
  const persisted = await persistedOf(server, session)
  t.ok(persisted > 0 && persisted % G === 0, `${persisted} bytes`)
  wire.cut()
})

/** A chunk that runs from `from` to the end; its body is still to be sent. */
/** The server's ends of connections. */
const serverSide = new WeakMap<Conversation, Socket>()

async function begin(server: TestServer, session: string, from: number, total: number) {
  const accepted = once(server.app.server.server, 'connection')
  const wire = await server.connect()
  const [socket] = await accepted
  serverSide.set(wire, socket)
  return wire.head(`PUT ${session}`, {
    'Content-Range': `bytes ${from}-${total - 1}/${total}`,
    'Content-Length': total - from,
  })
}

/** What was sent has been read by the server, which has had its turn: a reset throws away what is still between the two. */
async function arrived(wire: Conversation): Promise<void> {
  const { socket } = wire
  while (socket.writableLength > 0) await once(socket, 'drain')
  const other = serverSide.get(wire)
  while (other !== undefined && other.bytesRead < socket.bytesWritten) await after(20)
  await after(100)
}

async function persistedOf(server: TestServer, session: string): Promise<number> {
  const { range } = (await query(server, session)).headers
  return range === undefined ? 0 : Number(/^bytes=0-(\d+)$/.exec(range)?.[1]) + 1
}

/** What is persisted once it is more than `before`. */
async function settled(server: TestServer, session: string, before: number): Promise<number> {
  for (;;) {
    const persisted = await persistedOf(server, session)
    if (persisted > before) return persisted
    await after(20)
  }
}
