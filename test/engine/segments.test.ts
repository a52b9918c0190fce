/** Uploads in numbered segments, in any order: what is there, which one stays, and how they become one object. */

import { crc32c } from '@node-rs/crc32'
import { test } from 'tap'
import { GOOGLE_PARTS, GWS } from '../../src/engine/door-rules.ts'
import type { Engine, Progress } from '../../src/engine/engine.ts'
import type { Intent, StoredObject } from '../../src/engine/ports.ts'
import { COMPLETE_IDLE_MS } from '../../src/engine/replace.ts'
import { bodyOf, GatedBody } from '../support/body.ts'
import { blobFiles, contentOf, DAY, HOUR, intentOf, MINUTE, openEngine } from '../support/engine.ts'
import { FaultyCatalog } from '../support/faulty-catalog.ts'
import { refusal } from '../support/refusal.ts'

/** A session of `segmentCount` segments with `total` bytes, and a way to send one of them. */
async function openSegments(
  engine: Engine,
  total: number,
  segmentCount: number,
  more: Partial<Intent> = {},
) {
  const { token } = await engine.create(GWS, intentOf('o', { total, segmentCount, ...more }))
  const send = (segment: number, bytes: Buffer | string): Promise<Progress> =>
    engine.append(GWS, token, { segment, offset: 0, last: false, body: bodyOf(Buffer.from(bytes)) })
  const finalize = () => engine.finalize(GWS, token, { total })
  return { token, send, finalize }
}

function objectOf(progress: Progress): StoredObject {
  if (progress.state !== 'done') throw new Error('not done')
  return progress.object
}

test('GWS-05, GWS-07: segments of any length, in any order, are put together by number', async t => {
  const { engine } = await openEngine(t)
  const { token, send, finalize } = await openSegments(engine, 11, 3)
  t.match(await send(2, 'world'), { state: 'open', persisted: 5 })
  t.match(await send(0, 'hello'), { state: 'open', persisted: 10 })
  t.strictSame(await engine.segmentNumbers(GWS, token), [0, 2])
  t.match(await engine.status(GWS, token), { persisted: 10 })
  t.match(await send(1, ' '), { persisted: 11 })
  const done = await finalize()
  t.match(done, { state: 'done', object: { size: 11, crc32c: crc32c('hello world') } })
  t.equal((await contentOf(engine, 'o')).toString(), 'hello world')
  t.notOk('md5' in objectOf(done), 'nobody read its bytes in order')
})

test('GWS-14: what is missing is named, an empty segment is not missing', async t => {
  const { engine } = await openEngine(t)
  const { send, finalize } = await openSegments(engine, 3, 4)
  await send(1, 'abc')
  const missing = refusal('segments_missing', { numbers: [0, 2, 3], count: 3 })
  await t.rejects(finalize(), missing, 'though the size is right')
  for (const segment of [0, 3, 2]) await send(segment, '')
  t.match(await finalize(), { state: 'done', object: { size: 3 } })

  const many = await openSegments(engine, 1, 5000)
  await t.rejects(many.finalize(), refusal('segments_missing', { count: 5000 }))
  const error = await many.finalize().catch((error: unknown) => error)
  t.match(error, { failure: { numbers: { length: 1000 } } })
})

test('GWS-15: a wrong size leaves the session open, and the right segment mends it', async t => {
  const { engine } = await openEngine(t)
  const { send, finalize } = await openSegments(engine, 6, 2)
  await send(0, 'abc')
  await send(1, 'de')
  await t.rejects(finalize(), refusal('incomplete', { persisted: 5, total: 6 }))
  await send(1, 'def')
  await finalize()
  t.equal((await contentOf(engine, 'o')).toString(), 'abcdef')
})

test('GWS-09: after the end a segment is known by its digest', async t => {
  const first = await openEngine(t)
  const { token, send, finalize } = await openSegments(first.engine, 6, 2)
  await send(0, 'xxx')
  await send(0, 'abc')
  await send(1, 'def')
  const done = await finalize()
  t.match(await send(0, 'abc'), { state: 'done', object: objectOf(done) })
  await t.rejects(send(0, 'xxx'), refusal('segment_differs', { segment: 0 }))
  await t.rejects(send(1, ''), refusal('segment_differs', { segment: 1 }))
  await t.rejects(send(7, 'abc'), refusal('segment_differs', { segment: 7 }))
  const { engine, directory } = await first.reopen()
  const again = (bytes: string) => ({ offset: 0, last: false, body: bodyOf(Buffer.from(bytes)) })
  t.match(await engine.append(GWS, token, again('abc')), { state: 'done', object: { size: 6 } })
  await t.rejects(engine.append(GWS, token, again('abd')), refusal('segment_differs'))
  t.equal((await contentOf(engine, 'o')).toString(), 'abcdef')
  await engine.sweep()
  t.equal((await blobFiles(directory)).length, 2, 'nothing was stored for it')
})

test('P5: a door that keeps no digests answers a segment after the end as done', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(GOOGLE_PARTS, intentOf('o'))
  const send = (bytes: string) =>
    engine.append(GOOGLE_PARTS, token, {
      segment: 1,
      offset: 0,
      last: false,
      body: bodyOf(Buffer.from(bytes)),
    })
  await send('abc')
  const done = await engine.finalize(GOOGLE_PARTS, token, { total: 3 })
  t.match(await send('other'), { state: 'done', object: objectOf(done) })
})

test('GWS-16: several who finalize at once have one answer', async t => {
  const faults = new FaultyCatalog()
  const { engine } = await openEngine(t, { wrapCatalog: faults.wrap })
  const { send, finalize } = await openSegments(engine, 6, 2)
  await Promise.all([send(0, 'abc'), send(1, 'def')])
  const answers = await Promise.all([finalize(), finalize(), finalize(), finalize()])
  const generations = answers.map(answer => objectOf(answer).generation)
  t.equal(new Set(generations).size, 1)
  t.equal(faults.calls('publish'), 1)
})

test('GWS-16: one that fails does not spoil it for the next one in turn', async t => {
  const faults = new FaultyCatalog()
  const { engine } = await openEngine(t, { wrapCatalog: faults.wrap })
  const { send, finalize } = await openSegments(engine, 3, 1)
  await send(0, 'abc')
  faults.fail('publish')
  const [first, second] = await Promise.allSettled([finalize(), finalize()])
  t.match(first, { status: 'rejected', reason: refusal('catalog_failed') })
  t.match(second, { status: 'fulfilled', value: { state: 'done' } })
})

test('GWS-28: of two writers of one segment the later to finish stays, and both are thanked', async t => {
  const { engine, directory } = await openEngine(t)
  const { token, finalize } = await openSegments(engine, 6, 1)
  const bodies = Array.from({ length: 8 }, () => new GatedBody(6))
  const writing = bodies.map(body =>
    engine.append(GWS, token, { segment: 0, offset: 0, last: false, body }),
  )
  for (const [n, body] of bodies.entries()) body.push(Buffer.from(`${n}${n}${n}`))
  await Promise.all(bodies.map(body => body.taken()))
  for (const [n, body] of bodies.entries()) {
    body.push(Buffer.from(`${n}${n}${n}`))
    body.end()
  }
  for (const progress of await Promise.all(writing)) t.match(progress, { persisted: 6 })
  await finalize()
  t.match((await contentOf(engine, 'o')).toString(), /^(\d)\1{5}$/, 'whole, of one of them')
  await engine.sweep()
  t.equal((await blobFiles(directory)).length, 1)
})

test('a segment that finishes while the session is published is told what became of it', async t => {
  for (const [late, outcome] of [
    ['abc', 'done'],
    ['xyz', 'segment_differs'],
  ] as const) {
    const faults = new FaultyCatalog()
    const { engine } = await openEngine(t, { wrapCatalog: faults.wrap })
    const { send, finalize } = await openSegments(engine, 6, 2)
    await send(0, 'abc')
    await send(1, 'def')
    const publication = faults.hold('publish')
    const finalizing = finalize()
    await publication.reached
    // It has stored its bytes when the publication goes on.
    const lease = faults.hold('lease', faults.calls('lease') + 1)
    const sending = send(0, late).then(
      progress => progress.state,
      error => error.failure.code,
    )
    await lease.reached
    publication.release()
    await finalizing
    lease.release()
    t.equal(await sending, outcome)
    t.equal((await contentOf(engine, 'o')).toString(), 'abcdef')
  }
})

test('a segment that gets in before the publication is in it', async t => {
  const faults = new FaultyCatalog()
  const { engine } = await openEngine(t, { wrapCatalog: faults.wrap })
  const { send, finalize } = await openSegments(engine, 6, 2)
  await send(0, 'abc')
  await send(1, 'def')
  const publication = faults.hold('publish')
  const finalizing = finalize()
  await publication.reached
  t.match(await send(0, 'xyz'), { state: 'open', persisted: 6 }, 'acknowledged')
  publication.release()
  t.match(await finalizing, { state: 'done' })
  t.equal((await contentOf(engine, 'o')).toString(), 'xyzdef')
})

test('a segment whose lease a publication takes waits for it, and counts when that fails', async t => {
  const faults = new FaultyCatalog()
  const { engine } = await openEngine(t, { wrapCatalog: faults.wrap })
  const { send, finalize } = await openSegments(engine, 6, 2)
  await send(0, 'abc')
  await send(1, 'def')
  const leased = faults.holdAnswer('lease', faults.calls('lease') + 1)
  const sending = send(0, 'xyz')
  await leased.reached
  faults.fail('publish', 1)
  const publication = faults.hold('publish', 2)
  await t.rejects(finalize(), refusal('catalog_failed'))
  const finalizing = finalize()
  await publication.reached
  leased.release()
  publication.release()
  const [sent, finalized] = await Promise.allSettled([sending, finalizing])
  t.match(finalized, { status: 'fulfilled' })
  const isIn = (await contentOf(engine, 'o')).toString() === 'xyzdef'
  if (isIn) t.match(sent, { status: 'fulfilled' })
  else t.match(sent, { status: 'rejected', reason: refusal('segment_differs') })
})

test('a complete session that nobody finalizes is published when it was left alone', async t => {
  const { engine, clock } = await openEngine(t)
  const { send } = await openSegments(engine, 6, 2)
  await send(0, 'abc')
  await send(1, 'def')
  clock.now += COMPLETE_IDLE_MS - 1
  await engine.sweep()
  t.match(await send(0, 'xyz'), { state: 'open' }, 'one sent again still counts')
  clock.now += COMPLETE_IDLE_MS - 1
  await engine.sweep()
  await t.rejects(engine.objects.find({ bucket: 'bkt', name: 'o' }), refusal('object_not_found'))
  clock.now += 1
  await engine.sweep()
  t.equal((await contentOf(engine, 'o')).toString(), 'xyzdef')
  t.match(await send(1, 'def'), { state: 'done' })
})

test('a complete session outlives an outage longer than its time', async t => {
  const first = await openEngine(t)
  const { send } = await openSegments(first.engine, 3, 1)
  await send(0, 'abc')
  first.clock.now += 30 * DAY
  const { engine } = await first.reopen()
  await engine.sweep()
  t.equal((await contentOf(engine, 'o')).toString(), 'abc')
})

test('one that is due and complete but not swept yet takes requests', async t => {
  const { engine, clock } = await openEngine(t)
  const { send, finalize } = await openSegments(engine, 3, 1)
  await send(0, 'abc')
  clock.now += 3 * DAY
  t.match(await send(0, 'xyz'), { state: 'open' })
  clock.now += 3 * DAY
  t.match(await finalize(), { state: 'done' })
})

test('a complete session that cannot be published ends as any idle one, and keeps no other', async t => {
  const { engine, clock, complaints } = await openEngine(t)
  await engine.buckets.create('gone')
  const lost = await openSegments(engine, 3, 1, { bucket: 'gone' })
  await lost.send(0, 'abc')
  const other = await openSegments(engine, 3, 1)
  await other.send(0, 'xyz')
  await engine.buckets.delete('gone', {})
  clock.now += HOUR
  await engine.sweep()
  t.equal((await contentOf(engine, 'o')).toString(), 'xyz')
  t.match(complaints, [{ message: 'complete, but not published' }])
  t.match(await engine.find(GWS, lost.token), { state: 'open' })
  clock.now += 2 * DAY
  await engine.sweep()
  await t.rejects(engine.find(GWS, lost.token), refusal('session_not_found'))
})

test('an incomplete one expires, and its bytes are freed', async t => {
  const { engine, clock, directory } = await openEngine(t)
  const { token, send } = await openSegments(engine, 6, 2)
  await send(0, 'abcdef')
  clock.now += 2 * DAY - MINUTE
  await engine.sweep()
  t.match(await engine.find(GWS, token), { state: 'open' })
  clock.now += MINUTE
  await engine.sweep()
  await t.rejects(engine.find(GWS, token), refusal('session_not_found'))
  t.same(await blobFiles(directory), [])
})

test('GWS-28: the same segment, as often at once as somebody sends it, is taken each time', async t => {
  const { engine } = await openEngine(t)
  const { send, finalize } = await openSegments(engine, 1, 1)
  for (let apart = 0; apart < 40; apart += 1) {
    // Without a byte nothing but their leases and records is between them; the later meets the earlier at every point of its way.
    const first = send(0, '')
    for (let steps = 0; steps < apart; steps += 1) await null
    const taken = await Promise.all([first, send(0, '')])
    t.match(taken, [{ state: 'open' }, { state: 'open' }], `${apart} steps apart`)
  }
  await send(0, 'c')
  t.match(await finalize(), { state: 'done' })
  t.equal((await contentOf(engine, 'o')).toString(), 'c')
})
