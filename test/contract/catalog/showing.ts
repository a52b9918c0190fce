import type { Test } from 'tap'
import type { Advance, Catalog, Extent } from '../../../src/engine/ports.ts'
import { refusal } from '../../support/refusal.ts'
import {
  extent,
  finish,
  garbage,
  intentOf,
  type MakeCatalog,
  NOW,
  newSession,
  publicationOf,
  TOMBSTONE_DUE,
  withBucket,
} from './fixtures.ts'

export function showingContract(t: Test, make: MakeCatalog): void {
  t.test('a claimed name is nobody else’s to claim, until the session ends', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    const claim = (key: string, name: string) =>
      catalog.create(newSession(key, { intent: intentOf(name), claims: true }))
    await claim('first', 'a')
    await claim('other', 'b')
    await t.rejects(claim('second', 'a'), refusal('precondition_failed', { condition: 'claim' }))
    t.equal(await catalog.find('second'), undefined)
    await catalog.create(newSession('unclaimed', { intent: intentOf('a') }))
    const again = await reopen()
    await t.rejects(
      again.create(newSession('second', { intent: intentOf('a'), claims: true })),
      refusal('precondition_failed'),
    )
    await again.end('first', 'cancelled', TOMBSTONE_DUE)
    await again.create(newSession('second', { intent: intentOf('a'), claims: true }))
  })

  t.test('advance shows the new list under its name, and the session stays open', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    await show(catalog, 's', [extent('b', 10)])
    const first = await catalog.object('bkt', 's')
    t.match(first, { size: 10, crc32c: 7, metageneration: 1, createdAt: NOW + 1 })
    t.match(await catalog.find('s'), { state: 'open', shown: first?.generation })
    await show(catalog, 's', [extent('b', 4), extent('c', 16)])
    const again = await reopen()
    const content = await again.content('bkt', 's')
    t.strictSame(content?.extents, [extent('b', 4), extent('c', 16)])
    t.equal((await again.find('s'))?.shown, content?.object.generation)
    t.strictSame((await again.segment('s', 0)).extents, content?.extents)
    t.notOk('md5' in (content?.object ?? {}))
  })

  t.test('what shows a session is in nobody’s way but others’', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    await show(catalog, 's', [extent('b')])
    await show(catalog, 's', [extent('b', 20)])
    const segment = await catalog.lease('s', 0)
    const preconditions = { generationMatch: 0 }
    const object = await finish(catalog, 's', [segment], { preconditions })
    t.equal(object.size, 20)
    t.strictSame(await garbage(catalog), [])

    await catalog.create(newSession('t', { intent: intentOf('t') }))
    await show(catalog, 't', [extent('c')])
    const foreign = await catalog.publish(publicationOf('t', [extent('d')]))
    await t.rejects(show(catalog, 't', [extent('c', 20)]), refusal('precondition_failed'))
    t.strictSame(await catalog.object('bkt', 't'), foreign, 'nothing of it was written')
    t.strictSame((await catalog.segment('t', 0)).extents, [extent('c')])
  })

  t.test('an empty object that shows a session is withdrawn, one with bytes is not', async t => {
    const { catalog } = await withBucket(t, make)
    for (const key of ['s', 't', 'u']) await catalog.create(newSession(key))
    await show(catalog, 's', [])
    await show(catalog, 't', [])
    await show(catalog, 'u', [extent('b')])
    const touch = (key: string) =>
      catalog.touch({ key, total: 10, withdraws: true, at: NOW + 5, dueAt: NOW + 6 })
    await touch('s')
    await touch('u')
    t.equal(await catalog.object('bkt', 's'), undefined)
    t.match(await catalog.find('s'), { total: 10, activeAt: NOW + 5, dueAt: NOW + 6 })
    t.notOk('shown' in ((await catalog.find('s')) ?? {}))
    t.match(await catalog.object('bkt', 'u'), { size: 10 })

    const { epoch } = await catalog.lease('t', 0)
    const extents = [extent('c')]
    const step = { key: 't', segment: 0, epoch, extents, replaces: false, at: NOW, dueAt: NOW }
    await catalog.advance({ ...step, withdraws: true })
    t.equal(await catalog.object('bkt', 't'), undefined)
    t.strictSame((await catalog.segment('t', 0)).extents, extents)
  })

  t.test('only its own object is ever withdrawn', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    await show(catalog, 's', [])
    const foreign = await catalog.publish(publicationOf('s', []))
    await catalog.touch({ key: 's', withdraws: true, at: NOW, dueAt: NOW })
    t.strictSame(await catalog.object('bkt', 's'), foreign)
  })

  t.test('what is shown goes with a cancelled session, and stays after any other end', async t => {
    const { catalog } = await withBucket(t, make)
    for (const key of ['cancelled', 'invalid', 'expired']) {
      await catalog.create(newSession(key, { dueAt: NOW }))
      await show(catalog, key, [extent(`b-${key}`)], NOW)
    }
    await catalog.end('cancelled', 'cancelled', TOMBSTONE_DUE)
    await catalog.end('invalid', 'invalid', TOMBSTONE_DUE)
    t.match(await catalog.expire(NOW, TOMBSTONE_DUE, 9, new Set()), [{ key: 'expired' }])
    t.equal(await catalog.object('bkt', 'cancelled'), undefined)
    for (const name of ['invalid', 'expired']) {
      t.strictSame((await catalog.content('bkt', name))?.extents, [extent(`b-${name}`)])
    }
    t.strictSame(await garbage(catalog), ['b-cancelled'])
  })

  t.test('touch: refuses another total and a session that has ended', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s', { intent: intentOf('s', { total: 5 }) }))
    const sign = { key: 's', withdraws: false, at: NOW, dueAt: NOW }
    await t.rejects(catalog.touch({ ...sign, total: 6 }), refusal('total_mismatch'))
    await catalog.touch(sign)
    await catalog.end('s', 'cancelled', TOMBSTONE_DUE)
    await t.rejects(catalog.touch(sign), refusal('session_ended'))
  })

  t.test('secret: 32 bytes for each name, the same for ever', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    const [one, same] = await Promise.all([catalog.secret('one'), catalog.secret('one')])
    t.equal(one.length, 32)
    t.same(same, one)
    t.notSame(await catalog.secret('other'), one)
    t.same(await (await reopen()).secret('one'), one)
  })
}

/** Advances segment 0 to these extents and shows them. */
async function show(
  catalog: Catalog,
  key: string,
  extents: readonly Extent[],
  dueAt = NOW + 1,
): Promise<void> {
  const { epoch } = await catalog.lease(key, 0)
  const size = extents.reduce((sum, { length }) => sum + length, 0)
  const { bucket, metadata, preconditions } = intentOf(key)
  const step: Advance = { key, segment: 0, epoch, extents, replaces: false, at: NOW + 1, dueAt }
  await catalog.advance({
    ...step,
    shown: { bucket, name: key, metadata, preconditions, size, crc32c: 7 },
  })
}
