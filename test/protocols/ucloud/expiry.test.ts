/** How long a session lives, by a clock that the test sets. */

import { test } from 'tap'
import { startServer } from '../../support/server.ts'
import { contentOf, createUpload, offsetOf, sendChunk, status } from '../../support/ucloud.ts'

const OK = { status: 200, text: '{}' }

test('UCLOUD-30: how long a session lives', async t => {
  const server = await startServer(t, { sessionTtlMs: 30 * 60_000 })
  const minute = 60_000
  const at = async (minutes: number) => {
    server.ahead = minutes * minute
    await server.app.engine.sweep()
  }
  const open = await createUpload(server, '/1/open')
  const sized = await createUpload(server, '/1/sized')
  await sendChunk(server, open, 0, 'abc')
  await sendChunk(server, sized, 0, 'abc', { total: 6 })
  await at(29)
  t.match(await sendChunk(server, open, 3, 'def'), OK)
  t.match(await sendChunk(server, sized, 3, 'd', { total: 6 }), OK)
  await at(58)
  t.equal(await offsetOf(server, sized), 4, 'every byte begins the time anew')
  await at(60)
  for (const token of [open, sized]) {
    t.equal((await status(server, token)).status, 404)
    const late = await sendChunk(server, token, 4, 'ef')
    t.equal(late.status, 404)
    t.equal(late.json().errorCode, 'SESSION_NOT_FOUND')
  }
  t.equal(await contentOf(server, 'sized'), undefined)
  t.equal((await contentOf(server, 'open'))?.toString(), 'abcdef')
})

test('UCLOUD-30: 48 hours in all, unless somebody was there within the last 30 minutes', async t => {
  const server = await startServer(t)
  const hour = 3_600_000
  const token = await createUpload(server)
  const idle = await createUpload(server, '/1/idle')
  const at = async (hours: number) => {
    server.ahead = hours * hour
    await server.app.engine.sweep()
  }
  for (const hours of [20, 40, 47.9]) {
    await at(hours)
    t.match(await sendChunk(server, token, -1, 'x'), OK)
    if (hours < 41) t.match(await sendChunk(server, idle, -1, 'x'), OK)
  }
  await at(48.2)
  t.equal((await status(server, idle)).status, 404)
  t.match(await sendChunk(server, token, -1, 'x'), OK)
  await at(48.65)
  t.match(await sendChunk(server, token, -1, 'x'), OK)
  await at(49.2)
  t.equal((await status(server, token)).status, 404)
  t.equal((await contentOf(server, 'a.bin'))?.toString(), 'xxxxx')
})
