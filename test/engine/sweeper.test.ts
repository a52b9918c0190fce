/** What time does: expiry, tombstones, garbage, orphans, and what it must never touch (design P8). */

import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { GOOGLE } from '../../src/engine/door-rules.ts'
import type { Sweep } from '../../src/engine/ports.ts'
import { bodyOf, GatedBody } from '../support/body.ts'
import {
  blobFiles,
  contentOf,
  DAY,
  HOUR,
  intentOf,
  MINUTE,
  openEngine,
  sourceBytes,
} from '../support/engine.ts'
import { FaultyCatalog } from '../support/faulty-catalog.ts'
import { UNOBSERVED } from '../support/observer.ts'
import { refusal } from '../support/refusal.ts'

const RULES = { ...GOOGLE, granule: 16 }

test('GCS-39, P8: an idle session expires after its time, and its bytes are freed', async t => {
  const { engine, clock, directory } = await openEngine(t)
  const { token } = await engine.create(RULES, intentOf('o'))
  await engine.append(RULES, token, { body: bodyOf(sourceBytes(0, 32)), offset: 0, last: false })
  clock.now += 48 * HOUR - 1
  await engine.sweep()
  t.match(await engine.status(RULES, token), { persisted: 32 }, 'not a moment too soon')
  clock.now += 1
  await t.rejects(engine.status(RULES, token), refusal('session_not_found'), 'before any sweep')
  await engine.sweep()
  await t.rejects(engine.status(RULES, token), refusal('session_not_found'))
  t.same(await blobFiles(directory), [])
})

test('P8: every chunk begins the time anew', async t => {
  const { engine, clock } = await openEngine(t)
  const { token } = await engine.create(RULES, intentOf('o'))
  for (let offset = 0; offset < 96; offset += 32) {
    clock.now += 47 * HOUR
    await engine.sweep()
    const body = bodyOf(sourceBytes(offset, offset + 32))
    await engine.append(RULES, token, { body, offset, last: false })
  }
  t.match(await engine.status(RULES, token), { persisted: 96 })
})

test('P8: nothing expires within 30 minutes of a start-up', async t => {
  const first = await openEngine(t)
  const { token } = await first.engine.create(RULES, intentOf('o'))
  first.clock.now += 10 * DAY
  const { engine, clock } = await first.reopen()
  await engine.sweep()
  t.match(await engine.status(RULES, token), { state: 'open' })
  clock.now += 30 * MINUTE
  await engine.sweep()
  await t.rejects(engine.status(RULES, token), refusal('session_not_found'))
})

test('P8: a session that is being written does not expire under its writer', async t => {
  const { engine, clock } = await openEngine(t)
  const { token } = await engine.create(RULES, intentOf('o'))
  const slow = new GatedBody(32)
  const writing = engine.append(RULES, token, { body: slow, offset: 0, last: true })
  slow.push(sourceBytes(0, 16))
  await slow.taken()
  clock.now += 3 * DAY
  await engine.sweep()
  slow.push(sourceBytes(16, 32))
  slow.end()
  t.match(await writing, { state: 'done' })
})

test('P5, P8: tombstones answer for their time and vanish; objects stay for ever', async t => {
  const { engine, clock, catalog } = await openEngine(t)
  const done = await engine.create(RULES, intentOf('o'))
  const body = () => bodyOf(sourceBytes(0, 32))
  await engine.append(RULES, done.token, { body: body(), offset: 0, last: true })
  const cancelled = await engine.create(RULES, intentOf('p'))
  await engine.cancel(RULES, cancelled.token)
  clock.now += 7 * DAY - 1
  await engine.sweep()
  t.match(await engine.status(RULES, done.token), { state: 'done' })
  await t.rejects(engine.status(RULES, cancelled.token), refusal('session_cancelled'))
  clock.now += 1
  await engine.sweep()
  await t.rejects(engine.status(RULES, done.token), refusal('session_not_found'))
  await t.rejects(engine.status(RULES, cancelled.token), refusal('session_not_found'))
  t.equal(await catalog.find(done.session.key), undefined)
  clock.now += 1000 * DAY
  await engine.sweep()
  t.same(
    await contentOf(engine, 'o'),
    sourceBytes(0, 32),
    'a sweeper never deletes a finished upload',
  )
})

test('what is overwritten, deleted or cancelled is freed; what is read meanwhile is not', async t => {
  const { engine, directory } = await openEngine(t)
  const put = (name: string, variant: number) =>
    engine.put(GOOGLE, intentOf(name), bodyOf(sourceBytes(0, 400_000, variant)))
  await put('o', 0)
  const reader = await engine.objects.open({ bucket: 'bkt', name: 'o' })
  await put('o', 1)
  await engine.objects.delete({ bucket: 'bkt', name: 'o' }, {})
  await engine.sweep()
  t.equal((await blobFiles(directory)).length, 1, 'the reader holds the first version')
  const read: Buffer[] = []
  for await (const bytes of reader.read(0, 400_000)) read.push(bytes)
  t.same(Buffer.concat(read), sourceBytes(0, 400_000))
  await engine.sweep()
  t.same(await blobFiles(directory), [])
})

test('orphans of a crash are gone after the next start', async t => {
  const first = await openEngine(t)
  await first.engine.put(GOOGLE, intentOf('o'), bodyOf(sourceBytes(0, 9)))
  const [kept] = (await blobFiles(first.directory)) as [string]
  await first.close()
  const orphan = join(dirname(kept), 'f'.repeat(32))
  await writeFile(orphan, 'left behind')
  const { engine } = await first.reopen()
  t.same(await blobFiles(first.directory), [kept])
  t.same(await contentOf(engine, 'o'), sourceBytes(0, 9))
})

test('a sweep of 1,000 sessions goes in small steps, and requests go on between them', async t => {
  const faulty = new FaultyCatalog()
  const { engine, clock, catalog } = await openEngine(t, { wrapCatalog: faulty.wrap })
  const sessions = Array.from({ length: 1000 }, (_, n) => engine.create(RULES, intentOf(`o${n}`)))
  await Promise.all(sessions)
  clock.now += 3 * DAY
  const third = faulty.hold('expire', 3)
  const sweeping = engine.sweep()
  await third.reached
  await engine.put(GOOGLE, intentOf('meanwhile'), bodyOf(sourceBytes(0, 9)))
  third.release()
  await sweeping
  t.ok(faulty.calls('expire') >= 10)
  t.same(await catalog.expire(clock.now, clock.now, 1, new Set()), [])
})

test('a sweep says what it did, and that it broke off', async t => {
  const faulty = new FaultyCatalog()
  const sweeps: Sweep[] = []
  const observer = { ...UNOBSERVED, swept: (sweep: Sweep) => void sweeps.push(sweep) }
  const { engine, clock } = await openEngine(t, { wrapCatalog: faulty.wrap, observer })
  const { token } = await engine.create(RULES, intentOf('o'))
  await engine.append(RULES, token, { body: bodyOf(sourceBytes(0, 32)), offset: 0, last: false })
  clock.now += 48 * HOUR
  faulty.fail('garbage', 1)
  await engine.sweep()
  clock.now += 7 * DAY
  await engine.sweep()
  t.match(sweeps, [
    { isComplete: false, expired: 1, purged: 0, freed: 0 },
    { isComplete: true, expired: 0, purged: 1, freed: 1 },
  ])
})
