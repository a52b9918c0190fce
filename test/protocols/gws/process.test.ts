/** The program itself, ended in the middle of an upload: restarted, and killed where it hurts most. */

import { join } from 'node:path'
import { decode } from '@msgpack/msgpack'
import t, { test } from 'tap'
import { chunk, packed } from '../../support/gws.ts'
import { sampleBytes } from '../../support/server.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'

// Every kill is a restart, which is slow where many tests run at once.
t.setTimeout(110_000)

interface Message {
  readonly uploadUid: string
  readonly path: string
  readonly received: readonly number[]
}

async function ask(server: ServerProcess, command: string, values: object) {
  const answer = await fetch(`${server.url}/gws/_/${command}`, {
    method: 'POST',
    headers: { 'content-type': 'application/msgpack' },
    body: new Uint8Array(packed(values)),
  })
  const message = decode(await answer.arrayBuffer()) as Message
  return { status: answer.status, message }
}

async function contentOf(server: ServerProcess, path: string): Promise<Buffer> {
  const answer = await fetch(server.url + path)
  return Buffer.from(await answer.arrayBuffer())
}

/** A file in chunks of 10,000 bytes. */
function fileOf(chunkCount: number) {
  const bytes = sampleBytes(chunkCount * 10_000)
  const message = (chunkNumber: number, uploadUid: string) =>
    chunk({
      uploadUid,
      totalSize: bytes.length,
      chunkCount,
      chunkNumber,
      content: bytes.subarray(chunkNumber * 10_000, (chunkNumber + 1) * 10_000),
    })
  return { bytes, message }
}

test('GWS-29: what was acknowledged before a kill is there after it, and the upload goes on', async t => {
  const server = await startServer(t, { dataDir: join(t.testdir(), 'data') })
  const { bytes, message } = fileOf(6)
  const first = await ask(server, 'uploadChunk', message(4, ''))
  const { uploadUid } = first.message
  await ask(server, 'uploadChunk', message(1, uploadUid))
  await server.kill()
  await server.start()
  t.same((await ask(server, 'uploadStatus', { uploadUid })).message.received, [1, 4])
  await ask(server, 'uploadChunk', message(0, uploadUid))
  await server.stop()
  await server.start()
  for (const number of [5, 3, 2]) {
    t.equal((await ask(server, 'uploadChunk', message(number, uploadUid))).status, 200)
  }
  const got = await ask(server, 'uploadGet', { uploadUid })
  t.equal(got.status, 200)
  t.ok((await contentOf(server, got.message.path)).equals(bytes))
})

test('GWS-30: a kill while the upload is finished loses none of it', async t => {
  const server = await startServer(t, { dataDir: join(t.testdir(), 'data') })
  const { bytes, message } = fileOf(40)
  // From before the request is read to after it is answered.
  for (const delayMs of [0, 2, 5, 20]) {
    const { uploadUid } = (await ask(server, 'uploadChunk', message(0, ''))).message
    const rest = Array.from({ length: 39 }, (_, number) => number + 1)
    await Promise.all(rest.map(number => ask(server, 'uploadChunk', message(number, uploadUid))))
    const finishing = ask(server, 'uploadGet', { uploadUid }).catch(() => undefined)
    await new Promise(resolve => setTimeout(resolve, delayMs))
    await server.kill()
    const answered = await finishing
    await server.start()
    const got = await ask(server, 'uploadGet', { uploadUid })
    t.equal(got.status, 200)
    if (answered !== undefined) t.same(got.message, answered.message)
    t.ok((await contentOf(server, got.message.path)).equals(bytes), `after ${delayMs} ms`)
    t.equal((await ask(server, 'uploadChunk', message(7, uploadUid))).status, 200)
    const other = { ...message(7, uploadUid), content: Buffer.alloc(10_000) }
    t.equal((await ask(server, 'uploadChunk', other)).status, 409)
  }
  t.notOk(server.output.includes('failed'), 'no error in the log')
})
