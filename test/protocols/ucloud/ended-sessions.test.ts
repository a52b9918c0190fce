/** How an upload ends, and what its token is worth afterwards. */

import { createHash } from 'node:crypto'
import { test } from 'tap'
import { metadata } from '../../support/google.ts'
import { sampleBytes, startServer } from '../../support/server.ts'
import { contentOf, createUpload, sendChunk, status } from '../../support/ucloud.ts'

const OK = { status: 200, text: '{}' }

test('UCLOUD-22: Chunked-Upload-Complete ends an upload without a total', async t => {
  const server = await startServer(t)
  const headers = { 'Chunked-Upload-Complete': 'true' }
  const endings = [
    { offset: -1, body: '', expected: 'abc' },
    { offset: 3, body: 'def', expected: 'abcdef' },
    { offset: 0, body: 'X', expected: 'Xbc' },
  ]
  for (const [n, { offset, body, expected }] of endings.entries()) {
    const token = await createUpload(server, `/1/${n}`)
    await sendChunk(server, token, 0, 'abc')
    t.match(await sendChunk(server, token, offset, body, { headers }), OK)
    t.equal((await contentOf(server, String(n)))?.toString(), expected)
    const { md5Hash } = (await metadata(server, String(n))).json()
    t.equal(md5Hash, createHash('md5').update(expected).digest('base64'), 'with all checksums')
    t.equal((await sendChunk(server, token, -1, 'more')).status, 404)
    t.match((await status(server, token)).json(), { complete: true, offset: expected.length })
  }
  const sized = await createUpload(server, '/1/sized')
  await sendChunk(server, sized, 0, 'abc', { total: 6 })
  const early = await sendChunk(server, sized, 3, 'd', { total: 6, headers })
  t.equal(early.json().errorCode, 'TOTAL_SIZE_MISMATCH', 'a declared total stands')
})

test('UCLOUD-23: the last chunk again is answered again, any other is not', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  const bytes = sampleBytes(3_000_000)
  const last = bytes.subarray(1_000_000)
  await sendChunk(server, token, 0, bytes.subarray(0, 1_000_000), { total: bytes.length })
  for (let round = 0; round < 3; round += 1) {
    t.match(await sendChunk(server, token, 1_000_000, last, { total: bytes.length }), OK)
    if (round === 1) await server.restart()
  }
  const changed = Buffer.from(last)
  changed[0] = (changed[0] ?? 0) ^ 1
  const others = [
    [1_000_000, changed],
    [0, bytes.subarray(0, 1_000_000)],
    [-1, last],
    [1_000_000, last.subarray(1)],
    [bytes.length, Buffer.alloc(0)],
  ] as const
  for (const [offset, body] of others) {
    const refused = await sendChunk(server, token, offset, body, { total: bytes.length })
    t.equal(refused.status, 404, `${offset}`)
    t.equal(refused.json().errorCode, 'SESSION_NOT_FOUND')
  }
  t.ok((await contentOf(server, 'a.bin'))?.equals(bytes))
})

test('UCLOUD-23: an appended last chunk is not appended twice', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  await sendChunk(server, token, -1, 'abc', { total: 6 })
  for (let round = 0; round < 2; round += 1) {
    t.match(await sendChunk(server, token, -1, 'def', { total: 6 }), OK)
  }
  t.equal((await contentOf(server, 'a.bin'))?.toString(), 'abcdef')
})
