/**
 * What rival servers get wrong, one test each, over real sockets: the upload of a client that trusts them is short, mixed,
 * doubled or gone (design §8; gcs.md §17 has where each was seen). Everything here is also covered by rule elsewhere; these
 * tests are named after the defect.
 */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { GOOGLE } from '../src/engine/door-rules.ts'
import { bodyOf } from './support/body.ts'
import type { Response } from './support/conversation.ts'
import { Conversation } from './support/conversation.ts'
import { blobFiles, DAY, intentOf, openEngine } from './support/engine.ts'
import { FaultyFiles } from './support/faulty-files.ts'
import { begin, G, initiate, metadata, put, query, read, upload } from './support/google.ts'
import { sampleBytes, startServer, type TestServer } from './support/server.ts'
import { startServer as startProcess } from './support/server-process.ts'
import { SourceBytes } from './support/source-bytes.ts'
import { locationOf, persistedOf, UploadClient } from './support/upload-client.ts'

const md5Of = (bytes: Buffer) => createHash('md5').update(bytes).digest('base64')

/** Bytes that the server says it has. */
async function acknowledged(server: TestServer, session: string): Promise<number> {
  const { range } = (await query(server, session)).headers
  return range === undefined ? 0 : Number(range.slice('bytes=0-'.length)) + 1
}

test('fake-gcs-server, Firebase emulator: a status query that finalizes a short object', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  for (const question of ['*/*', `*/${G}`]) {
    t.equal((await put(server, session, question)).status, 308, question)
  }
  await put(server, session, `0-${G - 1}/*`, sampleBytes(G))
  for (const question of ['*/*', `*/${G + 1}`, `*/${G - 1}`]) {
    t.equal((await put(server, session, question)).status, 308, question)
    t.equal((await metadata(server, 'a.bin')).status, 404)
  }
})

test('fake-gcs-server, storage-testbench: a Range that is off by one, or missing for one byte', async t => {
  const server = await startServer(t)
  const session = await initiate(server, 'a.bin', { 'X-Upload-Content-Length': 5 })
  t.equal((await query(server, session)).headers['range'], undefined)
  const one = await put(server, session, '0-0/5', 'h')
  t.equal(one.headers['range'], 'bytes=0-0')
  t.equal((await query(server, session)).headers['range'], 'bytes=0-0')
  t.equal((await put(server, session, '1-3/5', 'ell')).headers['range'], 'bytes=0-3')
  t.equal((await put(server, session, '4-4/5', 'o')).status, 200)
  t.equal((await read(server, 'a.bin')).text, 'hello')
})

test('fake-gcs-server: the range that was declared is credited, not the one that came', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const short = await put(server, session, `0-${4 * G - 1}/*`, sampleBytes(2 * G))
  t.equal(short.status, 400)
  t.equal(await acknowledged(server, session), 0)
  const wire = await server.connect()
  const range = `bytes 0-${4 * G - 1}/*`
  wire.head(`PUT ${session}`, { 'Content-Range': range, 'Content-Length': 4 * G })
  wire.send(sampleBytes(2 * G + 10))
  while (wire.socket.writableLength > 0) await once(wire.socket, 'drain')
  wire.close()
  let now = 0
  while (now === 0) now = await acknowledged(server, session)
  t.ok(now <= 2 * G && now % G === 0, `${now} bytes`)
})

test('fake-gcs-server: an overlap is appended a second time', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(4 * G)
  const session = await initiate(server)
  const send = (from: number, to: number, total: number | '*') =>
    put(server, session, `${from}-${to - 1}/${total}`, bytes.subarray(from, to))
  await send(0, 2 * G, '*')
  await send(0, 2 * G, '*')
  await send(G, 3 * G, '*')
  const done = await send(2 * G, 4 * G, 4 * G)
  t.equal(done.json().size, String(4 * G))
  t.ok((await read(server, 'a.bin')).body.equals(bytes))
})

test('storage-testbench, fake-gcs-server: a gap is accepted', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(3 * G)
  const session = await initiate(server)
  await put(server, session, `0-${G - 1}/*`, bytes.subarray(0, G))
  const gap = await put(server, session, `${2 * G}-${3 * G - 1}/${3 * G}`, bytes.subarray(2 * G))
  t.equal(gap.status, 503)
  t.equal(await acknowledged(server, session), G)
  t.equal((await metadata(server, 'a.bin')).status, 404)
})

test('node-uploadx: the last chunk alone is taken for the whole, zeros before it', async t => {
  const server = await startServer(t)
  const session = await initiate(server, 'a.bin', { 'X-Upload-Content-Length': 3 * G })
  const last = await put(server, session, `${2 * G}-${3 * G - 1}/${3 * G}`, sampleBytes(G))
  t.equal(last.status, 503)
  t.equal((await metadata(server, 'a.bin')).status, 404)
  t.equal(await acknowledged(server, session), 0)
})

test('node-uploadx: two parallel PUTs, both told that theirs is stored', async t => {
  const server = await startServer(t)
  const bodies = [Buffer.alloc(G, 'a'), Buffer.alloc(G, 'b')] as const
  const session = await initiate(server)
  const [slow, fast] = await Promise.all([server.connect(), server.connect()])
  const head = { 'Content-Range': `bytes 0-${G - 1}/${G}`, 'Content-Length': G }
  slow.head(`PUT ${session}`, { ...head, Expect: '100-continue' })
  t.equal((await slow.response()).status, 100, 'it is the writer')
  slow.send(bodies[0].subarray(0, G / 2))
  const done = await fast.head(`PUT ${session}`, head).send(bodies[1]).response()
  t.equal(done.status, 200)
  t.equal(done.json().md5Hash, md5Of(bodies[1]))
  slow.send(bodies[0].subarray(G / 2))
  t.equal((await slow.response()).status, 503, 'who came too late is told so')
  t.ok((await read(server, 'a.bin')).body.equals(bodies[1]))
  slow.close()
  fast.close()
})

test('node-uploadx: of two PUTs at the very same time one is stored, and never a mixture', async t => {
  const server = await startServer(t)
  const bodies = [Buffer.alloc(3 * G, 'a'), Buffer.alloc(3 * G, 'b')] as const
  const wires = await Promise.all([server.connect(), server.connect()])
  for (let round = 0; round < 20; round += 1) {
    const session = await initiate(server, `${round}`)
    const answers = await Promise.all(
      wires.map((wire, n) => {
        const body = bodies[n] ?? Buffer.alloc(0)
        const hash = `md5=${md5Of(body)}`
        const range = `bytes 0-${3 * G - 1}/${3 * G}`
        const head = { 'Content-Range': range, 'Content-Length': 3 * G, 'X-Goog-Hash': hash }
        return wire.head(`PUT ${session}`, head).send(body).response()
      }),
    )
    const stored = await read(server, `${round}`)
    const generations = new Set(successes(answers).map(answer => answer.json().generation))
    t.ok(generations.size <= 1, 'one version')
    for (const answer of successes(answers)) t.equal(answer.json().md5Hash, md5Of(stored.body))
    const isWhole = bodies.some(body => body.equals(stored.body))
    t.ok(isWhole || stored.status === 404, 'all of one, or, where its checksum says so, nothing')
  }
  for (const wire of wires) wire.close()
})

function successes(answers: readonly Response[]): readonly Response[] {
  return answers.filter(({ status }) => status === 200)
}

test('tusd, tus-node-server on S3: an acknowledged offset that moves backwards', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(6 * G)
  const session = await initiate(server)
  const send = (from: number, to: number) =>
    put(server, session, `${from}-${to - 1}/*`, bytes.subarray(from, to))
  await send(0, 3 * G)
  let persisted = await acknowledged(server, session)
  const disturb = [
    () => send(0, G),
    () => send(G, 2 * G + 5),
    () => send(4 * G, 5 * G),
    () => put(server, session, `0-${G - 1}/*`, 'short'),
    () => put(server, session, '5-4/x', 'nonsense'),
    () => send(2 * G, 4 * G),
    () => server.restart(),
    () => send(3 * G, 3 * G + G + 17),
  ]
  for (const [n, act] of disturb.entries()) {
    await act()
    const now = await acknowledged(server, session)
    t.ok(now >= persisted, `after disturbance ${n}: ${now}, before ${persisted}`)
    persisted = now
  }
  const rest = `${persisted}-${6 * G - 1}/${6 * G}`
  t.equal((await put(server, session, rest, bytes.subarray(persisted))).status, 200)
  t.ok((await read(server, 'a.bin')).body.equals(bytes))
})

test('fake-gcs-server: a checksum declared at the start is forgotten after the first chunk', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(2 * G)
  for (const declared of [{ md5Hash: md5Of(Buffer.from('other')) }, { crc32c: 'AAAAAA==' }]) {
    const session = await initiate(server, 'a.bin', {}, declared)
    await put(server, session, `0-${G - 1}/${2 * G}`, bytes.subarray(0, G))
    const last = await put(server, session, `${G}-${2 * G - 1}/${2 * G}`, bytes.subarray(G))
    t.equal(last.status, 400)
    t.equal((await metadata(server, 'a.bin')).status, 404)
  }
})

test('fake-gcs-server: a cancelled session goes on', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  await put(server, session, `0-${G - 1}/*`, sampleBytes(G))
  t.equal((await server.ask(`DELETE ${session}`)).status, 499)
  const last = await put(server, session, `${G}-${2 * G - 1}/${2 * G}`, sampleBytes(G))
  t.equal(last.status, 499)
  t.equal((await query(server, session)).status, 499)
  t.equal((await metadata(server, 'a.bin')).status, 404)
})

test('tus-node-server’s FileStore: the sweeper deletes finished uploads', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(2 * G)
  const session = await initiate(server)
  await put(server, session, `0-${2 * G - 1}/${2 * G}`, bytes)
  await upload(server, 'b', bytes)
  for (const days of [1, 3, 30, 3650]) {
    server.ahead = days * DAY
    await server.app.engine.sweep()
    await server.restart()
    for (const name of ['a.bin', 'b']) {
      t.ok((await read(server, name)).body.equals(bytes), `${name} after ${days} days`)
    }
  }
})

test('a file per session: a sweep of 10,000 sessions stalls every request', async t => {
  const server = await startServer(t, { logLevel: 'warn' })
  const { engine } = server.app
  for (let made = 0; made < 10_000; made += 1000) {
    const some = Array.from({ length: 1000 }, (_, n) =>
      engine.create(GOOGLE, intentOf(`${made + n}`)),
    )
    await Promise.all(some)
  }
  const session = await initiate(server, 'kept')
  server.ahead = 3 * DAY
  let isSwept = false
  const sweeping = engine.sweep().then(() => {
    isSwept = true
  })
  let answered = 0
  while (!isSwept) {
    t.equal((await upload(server, 'meanwhile', 'x')).status, 200)
    if (!isSwept) answered += 1
  }
  await sweeping
  t.ok(answered >= 5, `${answered} uploads were done while it ran`)
  t.equal((await query(server, session)).status, 404, 'and it did its work')
})

test('rustus: a chunk is stored twice after a kill between its data and its record', async t => {
  const dataDir = join(t.testdir(), 'data')
  const server = await startProcess(t, { dataDir })
  const client = new UploadClient(server.url)
  t.teardown(() => client.close())
  const source = new SourceBytes('rustus')
  const total = 48 * G
  const session = locationOf(await client.initiate('a.bin'))
  // All but the last byte: the data is written, and nothing of it can be recorded yet.
  const wire = await Conversation.open(server.port)
  const { pathname, search } = new URL(session)
  wire.head(`PUT ${pathname}${search}`, {
    'Content-Range': `bytes 0-${total - 1}/${total}`,
    'Content-Length': total,
  })
  for (const slice of source.slices(0, total - 1)) wire.send(slice)
  while ((await bytesOnDisk(dataDir)) < total / 4) await sleep(5)
  await server.kill()
  wire.close()
  t.ok((await bytesOnDisk(dataDir)) >= total / 4, 'the data is there')
  await server.start()
  const persisted = persistedOf(await client.query(session))
  const contentRange = `bytes 0-${total - 1}/${total}`
  const again = await client.chunk(session, { source, from: 0, to: total, contentRange })
  t.equal(again.status, 200, `from ${persisted} on`)
  const stored = await client.compare('a.bin', source)
  t.equal(stored.length, total)
  t.equal(stored.difference, undefined)
})

async function bytesOnDisk(dataDir: string): Promise<number> {
  const files = await blobFiles(dataDir)
  const sizes = await Promise.all(files.map(async path => (await stat(path)).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

test('tusd and all the others: what is finished, or acknowledged, is only in the page cache', async t => {
  const files = new FaultyFiles()
  const { engine, directory } = await openEngine(t, { files })
  const surviving = async () => {
    const paths = await blobFiles(directory)
    return paths.reduce((sum, path) => sum + files.survivingBytes(path), 0)
  }
  await engine.put(GOOGLE, intentOf('whole'), bodyOf(sampleBytes(3 * G)))
  t.equal(await surviving(), 3 * G, 'of an upload in one request')
  const { token } = await engine.create(GOOGLE, intentOf('chunks'))
  const chunk = (offset: number, last: boolean) =>
    engine.append(GOOGLE, token, { body: bodyOf(sampleBytes(2 * G)), offset, last })
  t.match(await chunk(0, false), { persisted: 2 * G })
  t.equal(await surviving(), 5 * G, 'of a chunk')
  t.match(await chunk(2 * G, true), { state: 'done' })
  t.equal(await surviving(), 7 * G, 'of the last one')
})

test('fake-gcs-server: a completed session is 404 to the client that lost the answer', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(2 * G)
  const session = await initiate(server)
  await put(server, session, `0-${G - 1}/${2 * G}`, bytes.subarray(0, G))
  const last = () => put(server, session, `${G}-${2 * G - 1}/${2 * G}`, bytes.subarray(G))
  const done = await last()
  const again = [await last(), await query(server, session), await put(server, session, '*/5')]
  await upload(server, 'a.bin', 'overwritten by somebody else')
  await server.restart()
  again.push(await last(), await query(server, session))
  for (const answer of again) {
    t.equal(answer.status, 200)
    t.equal(answer.text, done.text)
  }
})

test('Firebase emulator: an object is there before it is complete', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(2 * G)
  const list = async () =>
    (await server.ask('GET /storage/v1/b/bkt/o?fields=items(name,size)')).json()
  const session = await initiate(server)
  await put(server, session, `0-${G - 1}/${2 * G}`, bytes.subarray(0, G))
  t.equal((await metadata(server, 'a.bin')).status, 404)
  t.equal((await read(server, 'a.bin')).status, 404)
  t.strictSame(await list(), {})
  await put(server, session, `${G}-${2 * G - 1}/${2 * G}`, bytes.subarray(G))
  t.strictSame(await list(), { items: [{ name: 'a.bin', size: String(2 * G) }] })

  t.equal((await begin(server, 'a.bin')).status, 200)
  const over = await initiate(server)
  await put(server, over, `0-${G - 1}/*`, sampleBytes(G, 'other'))
  t.ok(
    (await read(server, 'a.bin')).body.equals(bytes),
    'the version before it is whole until then',
  )
})
