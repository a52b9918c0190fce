/** Clients that fall silent or behind in the middle of a chunk. */

import { test } from 'tap'
import { sampleBytes, startServer } from '../../support/server.ts'
import { beginChunk, contentOf, createUpload, offsetOf, sendChunk } from '../../support/ucloud.ts'

const OK = { status: 200, text: '{}' }

test('UCLOUD-26: a client that stalls is told so, and its session goes on', async t => {
  const server = await startServer(t, { bodyIdleMs: 300 })
  const bytes = sampleBytes(300_000)
  const token = await createUpload(server)
  for (const length of [bytes.length, 20_000_000]) {
    const wire = await beginChunk(server, token, 0, length)
    wire.send(bytes.subarray(0, 100_000))
    const response = await wire.response()
    t.equal(response.status, 408)
    t.match(response.json(), { errorCode: 'CHUNK_TIMEOUT', why: /./ })
    t.equal(response.headers['connection'], 'close')
    await wire.ended()
    t.equal(await offsetOf(server, token), 100_000, 'what came is kept')
  }
  const appending = await beginChunk(server, token, -1, 1000)
  appending.send('x'.repeat(500))
  t.equal((await appending.response()).status, 408)
  t.equal(await offsetOf(server, token), 100_000, 'but not of one that appends')
  t.match(await sendChunk(server, token, 0, bytes, { total: bytes.length }), OK)
  t.ok((await contentOf(server, 'a.bin'))?.equals(bytes))
})

test('UCLOUD-27: a trickle is too slow, never 200, to the last byte', async t => {
  const server = await startServer(t)
  const large = await createUpload(server, '/1/large')
  const small = await createUpload(server, '/1/small')
  // Less than 20 kB/s, and never silent.
  const wires = [
    { wire: await beginChunk(server, large, 0, 32_000_000), piece: 'x'.repeat(500) },
    { wire: await beginChunk(server, small, 0, 1000, { total: 1000 }), piece: 'x' },
  ]
  const trickle = setInterval(() => {
    for (const { wire, piece } of wires) wire.send(piece)
  }, 100)
  t.teardown(() => clearInterval(trickle))
  for (const { wire } of wires) {
    const response = await wire.response()
    t.equal(response.status, 408)
    t.equal(response.json().errorCode, 'CHUNK_TIMEOUT')
  }
  clearInterval(trickle)
  for (const { wire } of wires) wire.close()
  t.match((await contentOf(server, 'large'))?.toString(), /^x+$/, 'what came is kept, and shown')
  t.match(await sendChunk(server, small, -1, 'x', { total: 1000 }), OK, 'and it goes on')
})
