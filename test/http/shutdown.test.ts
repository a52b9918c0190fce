import { once } from 'node:events'
import { test } from 'tap'
import { Conversation } from '../support/conversation.ts'
import { read, upload } from '../support/google.ts'
import { sampleBytes, startServer } from '../support/server.ts'

test('a reader that does not read is not waited for longer than TIDEMARK_DRAIN', async t => {
  const server = await startServer(t, { drainMs: 400 })
  await upload(server, 'a', sampleBytes(20 * 1024 * 1024))
  const wire = await server.connect()
  wire.head('GET /storage/v1/b/bkt/o/a?alt=media')
  await once(wire.socket, 'data')
  wire.socket.pause()
  await server.stop()
  wire.socket.resume()
  await wire.ended()
  t.ok(wire.unread.length < 20 * 1024 * 1024)
  await server.start()
  t.equal((await read(server, 'a', { Range: 'bytes=-1' })).status, 206)
})

test('a request on its way when the end begins is answered, and is the last of its connection', async t => {
  const server = await startServer(t)
  const wire = await server.connect()
  wire.head('POST /upload/storage/v1/b/bkt/o?uploadType=resumable&name=a', { 'Content-Length': 10 })
  await once(server.app.server.server, 'request')
  const stopped = server.stop()
  wire.send('not  JSON!')
  const answer = await wire.response()
  t.equal(answer.headers['connection'], 'close')
  t.ok(answer.status >= 400)
  await wire.ended()
  await stopped
})

test('no connection is taken any more', async t => {
  const server = await startServer(t)
  const { port } = server
  await server.stop()
  await t.rejects(Conversation.open(port), { code: 'ECONNREFUSED' })
})
