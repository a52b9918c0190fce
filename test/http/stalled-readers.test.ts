import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { Conversation } from '../support/conversation.ts'
import { upload } from '../support/google.ts'
import { sampleBytes, startServer, type TestServer } from '../support/server.ts'

const MiB = 1024 * 1024
const GET = 'GET /storage/v1/b/bkt/o/a?alt=media'

/** Until the server ended the connection; false if it does not in time. */
async function endsWithin(wire: Conversation, ms: number): Promise<boolean> {
  const isOver = sleep(ms, false, { ref: false })
  return Promise.race([wire.ended().then(() => true), isOver])
}

/** How many connections the server has. */
function connections({ app }: TestServer): Promise<number> {
  return new Promise((resolve, reject) => {
    app.server.server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}

test('P8: a reader that stops is ended', async t => {
  const server = await startServer(t, { bodyIdleMs: 400 })
  await upload(server, 'a', sampleBytes(40 * MiB))
  const wire = await server.connect()
  wire.socket.pause()
  wire.head(GET)
  const before = await connections(server)
  await sleep(2000)
  t.equal(await connections(server), before - 1)
  const [line] = server.log.filter(text => text.includes('"gone":true'))
  t.match(line, '"status":200')
  wire.close()
})

test('P8: a stop in an answer with many small ones before it is one, too', async t => {
  const server = await startServer(t, { bodyIdleMs: 400 })
  await upload(server, 'a', sampleBytes(2 * MiB))
  const wire = await server.connect()
  wire.socket.pause()
  for (let sent = 0; sent < 20; sent += 1) wire.head(GET)
  await sleep(2000)
  wire.socket.resume()
  t.ok(await endsWithin(wire, 3000))
  wire.close()
})

test('P8: a slow reader that moves gets all of it', async t => {
  const server = await startServer(t, { bodyIdleMs: 1500 })
  const length = 8 * MiB
  await upload(server, 'a', sampleBytes(length))
  // Not a Conversation, which takes whatever comes.
  const socket = connect(server.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(`${GET} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await once(socket, 'readable')
  const begin = performance.now()
  let received = 0
  for (let idle = 0; received < length && idle < 200; ) {
    const bytes: Buffer | null = socket.read(32 * 1024) ?? socket.read()
    received += bytes?.length ?? 0
    idle = bytes === null ? idle + 1 : 0
    await sleep(20)
  }
  t.ok(received >= length, `${received} bytes`)
  t.ok(performance.now() - begin > 3000, 'slowly')
})

test('P8: who waits for us is not ended', async t => {
  const server = await startServer(t, { bodyIdleMs: 300 })
  const { objects } = server.app.engine
  const list = objects.list.bind(objects)
  objects.list = async query => {
    await sleep(1500)
    return list(query)
  }
  const wire = await server.connect()
  wire.head('GET /storage/v1/b/bkt/o')
  t.equal((await wire.response()).status, 200)
  await sleep(1500)
  wire.head('GET /-/livez')
  t.equal((await wire.response()).status, 200)
  wire.close()
})
