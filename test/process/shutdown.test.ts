/**
 * SIGTERM in the middle of uploads (design P11): what arrived is kept, nothing is claimed that is not, the program exits
 * with 0, and every session goes on after a restart.
 */

import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { locationOf, persistedOf, UploadClient } from '../support/upload-client.ts'

const MIB = 1024 * 1024
const GRANULE = 256 * 1024
const CHECKPOINT = 32 * MIB

async function serverAndClient(
  t: Test,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly server: ServerProcess; readonly client: UploadClient }> {
  const server = await startServer(t, { dataDir: t.testdir(), env })
  const client = new UploadClient(server.url)
  t.teardown(() => client.close())
  return { server, client }
}

t.test('a body under way is cut, and what was promised of it stays', async t => {
  const { server, client } = await serverAndClient(t)
  const source = new SourceBytes('giant')
  const total = 2 * CHECKPOINT
  const session = locationOf(await client.initiate('giant', { total }))
  const watcher = new UploadClient(server.url)
  t.teardown(() => watcher.close())

  // A little more than a checkpoint arrives, and then nothing until the server goes.
  const isGone = Promise.withResolvers<void>()
  const answer = client
    .send(session, {
      method: 'PUT',
      headers: { 'content-range': `bytes 0-${total - 1}/${total}` },
      length: total,
      body: (async function* () {
        yield* source.slices(0, CHECKPOINT + 600_000)
        await isGone.promise
      })(),
    })
    .catch(() => undefined)
  let promised = 0
  while (promised < CHECKPOINT) {
    await sleep(20)
    promised = persistedOf(await watcher.query(session))
  }

  t.equal(await server.stop(), 0, 'exit code')
  isGone.resolve()
  const { status } = (await answer) ?? {}
  t.ok(status === undefined || status === 503, `a closed connection or 503, not ${status}`)

  await server.start()
  const kept = persistedOf(await client.query(session))
  t.ok(kept >= promised, `${kept} bytes are kept, ${promised} were promised`)
  t.equal(kept % GRANULE, 0)
  const contentRange = `bytes ${kept}-${total - 1}/${total}`
  const end = await client.chunk(session, { source, from: kept, to: total, contentRange })
  t.equal(end.status, 200)
  t.match(JSON.parse(end.body.toString()), { md5Hash: source.digests(total).md5 })
  t.match(await client.compare('giant', source), { length: total, difference: undefined })
})

t.test('clients at work are answered or cut, and every 308 holds', async t => {
  const { server, client } = await serverAndClient(t)
  const total = 12 * MIB
  const uploads = await Promise.all(
    Array.from({ length: 6 }, async (_, number) => {
      const name = `busy-${number}`
      const own = new UploadClient(server.url)
      t.teardown(() => own.close())
      const session = locationOf(await own.initiate(name, { total }))
      return { name, own, session, source: new SourceBytes(name), acknowledged: 0 }
    }),
  )
  const enough = Promise.withResolvers<void>()
  const atWork = uploads.map(async upload => {
    const { own, session, source } = upload
    while (upload.acknowledged < total) {
      const from = upload.acknowledged
      const to = Math.min(total, from + 2 * GRANULE)
      const contentRange = `bytes ${from}-${to - 1}/${total}`
      const answer = await own
        .chunk(session, { source, from, to, contentRange })
        .catch(() => undefined)
      if (answer === undefined || answer.status === 503) return
      upload.acknowledged = persistedOf(answer)
      if (upload.acknowledged >= 2 * MIB) enough.resolve()
    }
  })
  await enough.promise
  t.equal(await server.stop(), 0, 'exit code')
  await Promise.all(atWork)

  await server.start()
  for (const { name, session, source, acknowledged } of uploads) {
    const kept = persistedOf(await client.query(session))
    t.ok(kept >= acknowledged, `${name}: ${kept} bytes are kept, ${acknowledged} were acknowledged`)
    const contentRange = `bytes ${kept}-${total - 1}/${total}`
    const end = await client.chunk(session, { source, from: kept, to: total, contentRange })
    t.match(JSON.parse(end.body.toString()), { crc32c: source.digests(total).crc32c }, name)
  }
})

t.test('connections that do nothing, or read nothing, do not hold it', async t => {
  const { server, client } = await serverAndClient(t, { TIDEMARK_DRAIN: '1s' })
  const source = new SourceBytes('large')
  t.equal((await client.media('large', source, 40 * MIB)).status, 200)
  const idle = await open(t, server)
  const halfAsked = await open(t, server)
  halfAsked.write('GET /-/livez HTTP/1.1\r\nHost: half')
  const notReading = await open(t, server)
  notReading.write('GET /storage/v1/b/uploads/o/large?alt=media HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(notReading, 'readable')
  t.equal(await server.stop(), 0, 'exit code')
  idle.destroy()
})

t.test('a server that does nothing stops as well', async t => {
  const { server } = await serverAndClient(t)
  t.equal(await server.stop(), 0, 'exit code')
  await server.start()
  t.equal(await server.stop(), 0, 'and again')
})

async function open(t: Test, { port }: ServerProcess) {
  const socket = connect(port, '127.0.0.1')
  // How it ends is not the question here.
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}
