/** Servers that stop, and that are killed, between two chunks. */

import { join } from 'node:path'
import { test } from 'tap'
import { sampleBytes, startServer } from '../../support/server.ts'
import { startServer as startProgram } from '../../support/server-process.ts'
import { chunkHeaders, contentOf, createUpload, sendChunk } from '../../support/ucloud.ts'

const OK = { status: 200, text: '{}' }
const MB = 1_000_000

test('UCLOUD-29: a restart between chunks', async t => {
  const server = await startServer(t)
  const expected = Buffer.from(sampleBytes(400_000))
  const sized = await createUpload(server, '/1/sized')
  const open = await createUpload(server, '/1/open')
  for (let from = 0; from < expected.length; from += 100_000) {
    const chunk = expected.subarray(from, from + 100_000)
    t.match(await sendChunk(server, sized, from, chunk, { total: expected.length }), OK)
    t.match(await sendChunk(server, open, -1, chunk), OK)
    await server.restart()
  }
  t.ok((await contentOf(server, 'sized'))?.equals(expected))
  t.ok((await contentOf(server, 'open'))?.equals(expected))
  const patch = sampleBytes(1000, 'patch')
  patch.copy(expected, 50_000)
  t.match(await sendChunk(server, open, 50_000, patch), OK)
  await server.restart()
  t.ok((await contentOf(server, 'open'))?.equals(expected))
})

test('UCLOUD-24: what is answered with 200 outlives kill -9', async t => {
  const program = await startProgram(t, { dataDir: join(t.testdir(), 'data') })
  const bytes = sampleBytes(5 * MB)
  const items = ['/1/sized', '/1/open', '/1/whole'].map(id => ({
    id,
    supportedProtocols: ['CHUNKED'],
  }))
  const created = await fetch(`${program.url}/api/files/upload`, {
    method: 'POST',
    body: JSON.stringify({ items }),
  })
  const { responses } = (await created.json()) as {
    responses: { endpoint: string; token: string }[]
  }
  const send = async (n: number, from: number, to: number, total?: number) => {
    const { endpoint = '', token = '' } = responses[n] ?? {}
    const headers = chunkHeaders(token, from, total === undefined ? {} : { total })
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: headers as Record<string, string>,
      body: new Uint8Array(bytes.subarray(from, to)),
    })
    t.equal(response.status, 200)
  }
  const content = async (name: string) =>
    Buffer.from(
      await (await fetch(`${program.url}/storage/v1/b/uploads/o/${name}?alt=media`)).arrayBuffer(),
    )
  for (const [from, to] of [
    [0, 2 * MB],
    [2 * MB, 3 * MB],
  ] as const) {
    await send(0, from, to, bytes.length)
    await send(1, from, to)
    await program.kill()
    await program.start()
    t.ok((await content('open')).equals(bytes.subarray(0, to)), 'shown as it was acknowledged')
  }
  await send(2, 0, bytes.length, bytes.length)
  await program.kill()
  await program.start()
  t.ok((await content('whole')).equals(bytes))
  await send(0, 3 * MB, bytes.length, bytes.length)
  await send(1, 3 * MB, bytes.length)
  await program.kill()
  await program.start()
  t.ok((await content('sized')).equals(bytes))
  t.ok((await content('open')).equals(bytes))
})
