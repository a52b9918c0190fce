/** Chunks that are cut, and chunks beside each other, over real sockets. */

import type { Socket } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { sampleBytes, startServer, type TestServer } from '../../support/server.ts'
import {
  beginChunk,
  CHUNKED,
  chunkHeaders,
  contentOf,
  createUpload,
  offsetOf,
  sendChunk,
} from '../../support/ucloud.ts'

const OK = { status: 200, text: '{}' }
const MB = 1_000_000

/** Resolves when the session takes chunks again. */
async function free(server: TestServer, token: string): Promise<void> {
  while ((await sendChunk(server, token, 0, '')).status === 409) await after(10)
}

test('UCLOUD-25: a cut keeps what arrived; the chunk sent again is right', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(6 * MB)
  const total = bytes.length
  const token = await createUpload(server)
  t.match(await sendChunk(server, token, 0, bytes.subarray(0, MB), { total }), OK)
  for (const how of ['cut', 'close'] as const) {
    const wire = await beginChunk(server, token, MB, 5 * MB, { total })
    wire.send(bytes.subarray(MB, 4 * MB))
    await after(200)
    wire[how]()
    await free(server, token)
    const kept = await offsetOf(server, token)
    t.ok(kept > MB && kept <= 4 * MB, `${kept} bytes`)
  }
  t.match(await sendChunk(server, token, MB, bytes.subarray(MB), { total }), OK)
  t.ok((await contentOf(server, 'a.bin'))?.equals(bytes))
})

test('UCLOUD-25: a cut overwrite keeps what arrived of it, and the old bytes behind it', async t => {
  const server = await startServer(t)
  const [old, young] = [Buffer.alloc(2 * MB, 'o'), Buffer.alloc(2 * MB, 'y')]
  const token = await createUpload(server)
  t.match(await sendChunk(server, token, 0, old), OK)
  const wire = await beginChunk(server, token, 0, 2 * MB)
  wire.send(young.subarray(0, MB))
  await after(100)
  wire.cut()
  await free(server, token)
  t.equal(await offsetOf(server, token), 2 * MB)
  const content = (await contentOf(server, 'a.bin'))?.toString()
  t.match(content, /^y+o+$/)
  t.equal(content?.length, 2 * MB)
})

test('UCLOUD-25, P7: of an appending chunk that is cut nothing is kept: it will be sent again', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(3 * MB)
  const token = await createUpload(server)
  t.match(await sendChunk(server, token, -1, bytes.subarray(0, MB)), OK)
  const wire = await beginChunk(server, token, -1, 2 * MB)
  wire.send(bytes.subarray(MB, 2 * MB))
  await after(100)
  wire.cut()
  await free(server, token)
  t.equal(await offsetOf(server, token), MB)
  t.match(await sendChunk(server, token, -1, bytes.subarray(MB)), OK)
  t.ok((await contentOf(server, 'a.bin'))?.equals(bytes), 'once')
})

test('UCLOUD-28: of two chunks at a time one is refused, whatever it asks for', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(200_000)
  const total = bytes.length
  const token = await createUpload(server)
  const first = await beginChunk(server, token, 0, 100_000, { total })
  first.send(bytes.subarray(0, 50_000))
  for (const offset of [0, 50_000, 100_000, -1]) {
    const second = await sendChunk(server, token, offset, bytes.subarray(100_000), { total })
    t.equal(second.status, 409, `${offset}`)
    t.equal(second.json().errorCode, 'UPLOAD_IN_PROGRESS')
  }
  t.equal(await offsetOf(server, token), 0, 'a question disturbs nobody')
  const other = await createUpload(server, '/1/other')
  t.match(await sendChunk(server, other, 0, 'x', { total: 1 }), OK, 'other sessions go on')
  first.send(bytes.subarray(50_000, 100_000))
  t.match(await first.response(), OK)
  t.match(await sendChunk(server, token, 100_000, bytes.subarray(100_000), { total }), OK)
  t.ok((await contentOf(server, 'a.bin'))?.equals(bytes))
})

test('UCLOUD-28: many at once leave a consistent session', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  const wires = await Promise.all(Array.from({ length: 8 }, () => server.connect()))
  const bodies = wires.map((_, n) => Buffer.alloc(100_000, String(n)))
  const statuses = await Promise.all(
    wires.map(async (wire, n) => {
      const headers = { 'Content-Length': 100_000 }
      wire.head(`POST ${CHUNKED}`, chunkHeaders(token, 0, { headers })).send(bodies[n] ?? '')
      return (await wire.response()).status
    }),
  )
  t.ok(statuses.includes(200))
  t.strictSame(
    [...new Set(statuses)].filter(code => code !== 200 && code !== 409),
    [],
  )
  const content = await contentOf(server, 'a.bin')
  t.ok(
    bodies.some(body => content?.equals(body)),
    'the bytes of one of them, whole',
  )
})

test('UCLOUD-32: two sessions for one path do not mix their bytes', async t => {
  const server = await startServer(t)
  const [a, b] = [Buffer.alloc(200_000, 'a'), Buffer.alloc(150_000, 'b')]
  const first = await createUpload(server, '/1/a.bin', 'REPLACE')
  const second = await createUpload(server, '/1/a.bin', 'REPLACE')
  await sendChunk(server, first, 0, a.subarray(0, 100_000), { total: a.length })
  await sendChunk(server, second, 0, b.subarray(0, 100_000), { total: b.length })
  t.match(await sendChunk(server, first, 100_000, a.subarray(100_000)), OK)
  t.ok((await contentOf(server, 'a.bin'))?.equals(a))
  t.match(await sendChunk(server, second, 100_000, b.subarray(100_000)), OK)
  t.ok((await contentOf(server, 'a.bin'))?.equals(b))
})

test('UCLOUD-31: chunks that are on their way are not in memory', async t => {
  const server = await startServer(t, { bufferBytes: 8 * 2 ** 20 })
  const bytes = sampleBytes(32 * MB)
  const tokens = await Promise.all(
    Array.from({ length: 6 }, (_, n) => createUpload(server, `/1/${n}`)),
  )
  const before = liveBytes()
  const wires = await Promise.all(
    tokens.map(token => beginChunk(server, token, 0, bytes.length, { total: bytes.length })),
  )
  await Promise.all(wires.map(({ socket }) => written(socket, bytes.subarray(0, 31 * MB))))
  // 186 MB are with the server.
  let held = liveBytes() - before
  for (let round = 0; round < 50 && held > 32 * MB; round += 1) {
    // What was just written may not have been let go yet; what is collected would stay.
    await after(100)
    held = liveBytes() - before
  }
  t.ok(held <= 32 * MB, `${held} bytes`)
  for (const wire of wires) {
    wire.send(bytes.subarray(31 * MB))
    t.match(await wire.response(), OK)
  }
})

/** Resolves when the kernel has taken all of it. */
function written(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise(resolve => socket.write(bytes, () => resolve()))
}

/** In buffers that somebody still refers to. */
function liveBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().arrayBuffers
}
