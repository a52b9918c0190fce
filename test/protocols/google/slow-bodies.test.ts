import { test } from 'tap'
import { G, initiate, query } from '../../support/google.ts'
import { startServer } from '../../support/server.ts'

/** Never silent for long, never done. */
const SETTINGS = { bodyIdleMs: 1000, minRate: 100_000 }

test('P8: a body that trickles is ended like a silent one, and whole granules of it are kept', async t => {
  const server = await startServer(t, SETTINGS)
  const session = await initiate(server)
  const wire = await server.connect()
  wire.head(`PUT ${session}`, { 'Content-Length': 10 * G }).send(Buffer.alloc(G + 5))
  const trickle = setInterval(() => wire.send('x'), 20)
  t.teardown(() => clearInterval(trickle))
  const response = await wire.response()
  t.equal(response.status, 408)
  t.equal(response.json().error.errors[0].reason, 'uploadBrokenConnection')
  t.equal((await query(server, session)).headers['range'], `bytes=0-${G - 1}`)
})

test('so is metadata that trickles, and chunked coding with nothing in it', async t => {
  const server = await startServer(t, SETTINGS)
  const wire = await server.connect()
  wire.head('POST /storage/v1/b', { 'Content-Length': 100_000 })
  const chunked = await server.connect()
  chunked.head('POST /upload/storage/v1/b/bkt/o?uploadType=media&name=a', {
    'Transfer-Encoding': 'chunked',
  })
  const trickle = setInterval(() => {
    wire.send(' ')
    chunked.send(`1;${'extension'.repeat(10)}\r\nx\r\n`)
  }, 20)
  t.teardown(() => clearInterval(trickle))
  t.equal((await wire.response()).status, 408)
  t.equal((await chunked.response()).status, 408)
})
