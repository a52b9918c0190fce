/** Lengths and totals: what a chunk may be, and what the whole may come to. */

import { test } from 'tap'
import { sampleBytes, startServer } from '../../support/server.ts'
import {
  CHUNKED,
  chunkHeaders,
  contentOf,
  createUpload,
  offsetOf,
  sendChunk,
  status,
} from '../../support/ucloud.ts'

const OK = { status: 200, text: '{}' }

test('UCLOUD-16: 32 000 000 bytes are a chunk, one more are none', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(32_000_000)
  const token = await createUpload(server)
  t.match(await sendChunk(server, token, 0, bytes, { total: bytes.length }), OK)
  t.ok((await contentOf(server, 'a.bin'))?.equals(bytes))

  const wire = await server.connect()
  const headers = { 'Content-Length': 32_000_001, Expect: '100-continue' }
  wire.head(`POST ${CHUNKED}`, chunkHeaders('nobody', 0, { headers }))
  const refused = await wire.response()
  t.equal(refused.status, 413, 'without a 100, before the session is looked for')
  t.equal(refused.json().errorCode, 'CHUNK_TOO_LARGE')
  t.equal(refused.headers['connection'], 'close')
})

test('UCLOUD-17: no Content-Length', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  const wire = await server.connect()
  const headers = { 'Transfer-Encoding': 'chunked' }
  wire.head(`POST ${CHUNKED}`, chunkHeaders(token, 0, { headers })).send('1\r\nx\r\n0\r\n\r\n')
  const response = await wire.response()
  t.equal(response.status, 411)
  t.equal(response.json().errorCode, 'LENGTH_REQUIRED')
  const bare = await server.connect()
  bare.head(`POST ${CHUNKED}`, chunkHeaders(token, 0))
  t.equal((await bare.response()).status, 411)
  t.equal(await offsetOf(server, token), 0)
})

test('UCLOUD-18: a Content-Length that is none', async t => {
  const server = await startServer(t)
  for (const length of ['-1', 'x', '1x', '99999999999999999999999']) {
    const wire = await server.connect()
    wire.head(`POST ${CHUNKED}`, chunkHeaders('t', 0, { headers: { 'Content-Length': length } }))
    t.equal((await wire.response()).status, 400, length)
  }
})

test('UCLOUD-19: chunks without bytes', async t => {
  const server = await startServer(t)
  for (const offset of [0, -1]) {
    const token = await createUpload(server, `/1/empty${offset}`)
    t.match(await sendChunk(server, token, offset, '', { total: 0 }), OK)
    t.match((await status(server, token)).json(), { complete: true, totalSize: 0 })
    t.equal((await contentOf(server, `empty${offset}`))?.length, 0)
    t.match(await sendChunk(server, token, offset, '', { total: 0 }), OK, 'again')
  }
  const token = await createUpload(server)
  await sendChunk(server, token, 0, 'abc', { total: 5 })
  const before = (await status(server, token)).json()
  server.ahead = 60_000
  for (const offset of [0, 3, -1]) t.match(await sendChunk(server, token, offset, ''), OK)
  const after = (await status(server, token)).json()
  t.match(after, { offset: 3, totalSize: 5, complete: false })
  t.equal(after.expiresAt, before.expiresAt, 'it lives 48 hours anyhow')
})

test('UCLOUD-20: totals that do not fit', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  t.match(await sendChunk(server, token, 0, 'abc', { total: 6 }), OK)
  const other = await sendChunk(server, token, 3, 'def', { total: 7 })
  t.equal(other.status, 400)
  t.equal(other.json().errorCode, 'TOTAL_SIZE_MISMATCH')
  for (const total of [6, undefined]) {
    const beyond = await sendChunk(server, token, 3, 'defg', total === undefined ? {} : { total })
    t.equal(beyond.status, 400)
    t.equal(beyond.json().errorCode, 'CHUNK_EXCEEDS_TOTAL')
  }
  t.equal((await sendChunk(server, token, 4, 'xyz', { total: 6 })).status, 400, 'nor led by a zero')
  t.equal(await offsetOf(server, token), 3)
  for (const total of ['-1', 'x', '', '1.0', '9007199254740992']) {
    const response = await sendChunk(server, token, 3, 'd', { total })
    t.equal(response.status, 400, total)
    t.equal(response.json().errorCode, 'INVALID_TOTAL_SIZE')
  }
  t.match(await sendChunk(server, token, 3, 'def'), OK, 'without a word it is still the same')
  t.equal((await contentOf(server, 'a.bin'))?.toString(), 'abcdef')
})

test('UCLOUD-20: a total below what there is already', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  await sendChunk(server, token, 0, 'abcdef')
  t.equal(
    (await sendChunk(server, token, 0, 'x', { total: 5 })).json().errorCode,
    'CHUNK_EXCEEDS_TOTAL',
  )
  t.match(await sendChunk(server, token, 0, 'X', { total: 6 }), OK)
  t.equal((await contentOf(server, 'a.bin'))?.toString(), 'Xbcdef', 'exactly as much completes')
})
