import type { Test } from 'tap'
import type { Catalog } from '../../../src/engine/ports.ts'
import { refusal } from '../../support/refusal.ts'
import {
  advance,
  DUE,
  extent,
  finish,
  intentOf,
  type MakeCatalog,
  NOW,
  newSession,
  publicationOf,
  TOMBSTONE_DUE,
  withBucket,
  write,
} from './fixtures.ts'

export function sessionContract(t: Test, make: MakeCatalog): void {
  t.test('create: answers the session that find answers from then on', async t => {
    const { catalog } = await withBucket(t, make)
    const created = await catalog.create(newSession('s', { intent: intentOf('s', { total: 5 }) }))
    t.strictSame(created, {
      key: 's',
      door: 'google',
      state: 'open',
      intent: intentOf('s', { total: 5 }),
      total: 5,
      persisted: 0,
      segments: 0,
      createdAt: NOW,
      activeAt: NOW,
      dueAt: DUE,
    })
    t.strictSame(await catalog.find('s'), created)
    t.equal(await catalog.find('other'), undefined)
  })

  t.test('create: without a total there is none, and any text survives', async t => {
    const { catalog } = await withBucket(t, make)
    const custom = JSON.parse('{"__proto__":"x","emoji":"👩‍🚀","nul":"a\\u0000b"}')
    const intent = intentOf('ünï 👩‍🚀', { metadata: { custom } })
    await catalog.create(newSession('s', { intent }))
    const found = await catalog.find('s')
    t.equal(found !== undefined && 'total' in found, false)
    t.strictSame(found?.intent, intent)
    t.strictSame(Object.keys(found?.intent.metadata.custom ?? {}), ['__proto__', 'emoji', 'nul'])
  })

  t.test('create: refuses an unknown bucket, and a key that is taken or was', async t => {
    const { catalog } = await withBucket(t, make)
    const homeless = newSession('s', { intent: intentOf('s', { bucket: 'nowhere' }) })
    await t.rejects(catalog.create(homeless), refusal('bucket_not_found', { bucket: 'nowhere' }))
    t.equal(await catalog.find('s'), undefined)
    await catalog.create(newSession('s'))
    await t.rejects(catalog.create(newSession('s')), refusal('session_exists'))
    await catalog.end('s', 'cancelled', TOMBSTONE_DUE)
    await t.rejects(catalog.create(newSession('s')), refusal('session_exists'))
    t.equal((await catalog.find('s'))?.state, 'cancelled')
  })

  t.test('create: a tombstone gives way where it is told to, an open session never', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    const again = newSession('s', { replacesEnded: true, at: NOW + 9, dueAt: DUE + 9, door: 'dxl' })
    await catalog.create(newSession('s', { intent: intentOf('s', { total: 10 }) }))
    await t.rejects(catalog.create(again), refusal('session_exists'))
    const segment = await write(catalog, 's', 0, [extent('b')])
    await finish(catalog, 's', [segment])
    const created = await catalog.create(again)
    const { at: createdAt, dueAt } = again
    t.match(created, { state: 'open', door: 'dxl', createdAt, activeAt: createdAt, dueAt })
    t.strictSame(await catalog.find('s'), created)
    t.strictSame(await catalog.segments('s'), [])
    const { epoch } = await catalog.lease('s', 0)
    await advance(catalog, { key: 's', number: 0, epoch, extents: [extent('c')] })
    t.strictSame(await (await reopen()).find('s'), {
      ...created,
      persisted: 10,
      segments: 1,
      activeAt: NOW + 1,
      dueAt: DUE + 1,
    })
  })

  t.test('advance: counts chunks where it is told a count, with bytes or without', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const { epoch } = await catalog.lease('s', 0)
    const step = { key: 's', number: 0, epoch, extents: [extent('b')] }
    await advance(catalog, { ...step, chunks: 1 })
    await advance(catalog, { ...step, chunks: 2 })
    // One that says nothing of it leaves it as it is.
    await advance(catalog, step)
    t.equal((await catalog.segment('s', 0)).chunks, 2)
    t.equal((await catalog.segments('s'))[0]?.chunks, 2)
    const reopened = await reopen()
    t.equal((await reopened.lease('s', 0)).chunks, 2)
  })

  t.test('publish: the outcome keeps what the door wants to know of the end', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const { epoch } = await catalog.lease('s', 0)
    const doorData = { __proto__: null, segments: '6', ünï: '👩‍🚀' } as unknown as Record<
      string,
      string
    >
    const session = { key: 's', segments: [{ number: 0, epoch }], dueAt: TOMBSTONE_DUE, doorData }
    const object = await catalog.publish(publicationOf('s', [], { session }))
    const outcome = { kind: 'published', object, doorData: { ...doorData } }
    t.strictSame((await (await reopen()).find('s'))?.outcome, outcome)
  })

  t.test('create: no more open sessions than the limit, whatever became of the others', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    const limit = 4
    const isFull = (on: Catalog) =>
      t.rejects(on.create(newSession('more', { limit })), refusal('too_many_sessions', { limit }))
    for (const key of ['a', 'b', 'c', 'd']) await catalog.create(newSession(key, { limit }))
    await isFull(catalog)
    t.equal(await catalog.find('more'), undefined)
    await t.rejects(catalog.create(newSession('a', { limit })), refusal('session_exists'))

    await catalog.end('a', 'cancelled', TOMBSTONE_DUE)
    await catalog.end('a', 'cancelled', TOMBSTONE_DUE)
    await catalog.create(newSession('e', { limit }))
    await isFull(catalog)
    await finish(catalog, 'b', [await write(catalog, 'b', 0, [extent('blob')])])
    await catalog.create(newSession('f', { limit, dueAt: NOW + 5, door: 'tus' }))
    await isFull(catalog)
    t.match(await catalog.expire(NOW + 10, TOMBSTONE_DUE, 10, new Set()), [{ key: 'f' }])
    await catalog.create(newSession('g', { limit }))
    await isFull(catalog)

    t.ok((await catalog.purge(TOMBSTONE_DUE, 0, 10)) > 0)
    await isFull(catalog)
    const again = await reopen()
    await isFull(again)
    await again.end('g', 'invalid', TOMBSTONE_DUE)
    await again.create(newSession('h', { limit }))
    await isFull(again)
    await t.rejects(
      again.create(newSession('g', { limit, replacesEnded: true })),
      refusal('too_many_sessions'),
      'nor in the place of one that ended',
    )
    t.equal((await again.find('g'))?.state, 'invalid')
    await again.end('h', 'cancelled', TOMBSTONE_DUE)
    await again.create(newSession('g', { limit, replacesEnded: true }))
    await isFull(again)
    await again.create(newSession('beyond'))
  })

  t.test('create: the limit holds when many come at once', async t => {
    const { catalog } = await withBucket(t, make)
    const limit = 10
    const keys = Array.from({ length: 50 }, (_, n) => `s${n}`)
    const created = await Promise.allSettled(
      keys.map(key => catalog.create(newSession(key, { limit }))),
    )
    t.equal(created.filter(({ status }) => status === 'fulfilled').length, limit)
  })

  t.test('segments: nothing at first, then those that have bytes, by number', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    t.strictSame(await catalog.segment('s', 3), { number: 3, epoch: 0, extents: [] })
    t.strictSame(await catalog.segments('s'), [])
    const tenth = await write(catalog, 's', 10, [extent('b10')])
    const second = await write(catalog, 's', 2, [extent('b2'), extent('b2-2', 0xffff_ffff_fff)])
    t.strictSame(await catalog.segments('s'), [second, tenth])
    t.strictSame(await catalog.segment('s', 10), tenth)
  })

  t.test('advance: moves activity, due time and the total, which is fixed once', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const { epoch } = await catalog.lease('s', 0)
    const step = { key: 's', number: 0, epoch }
    await advance(catalog, { ...step, extents: [extent('b', 10)], total: 30 })
    t.match(await catalog.find('s'), { total: 30, activeAt: NOW + 1, dueAt: DUE + 1 })
    await advance(catalog, { ...step, extents: [extent('b', 20)] })
    t.equal((await catalog.find('s'))?.total, 30)
    await t.rejects(
      advance(catalog, { ...step, extents: [extent('b', 25)], total: 31 }),
      refusal('total_mismatch', { declared: 31, total: 30 }),
    )
    t.strictSame((await catalog.segment('s', 0)).extents, [extent('b', 20)], 'nothing happened')
  })

  t.test('P2: advance never shrinks a segment that is not replaced as a whole', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const { epoch } = await write(catalog, 's', 0, [extent('b', 20)])
    const shorter = { key: 's', number: 0, epoch, extents: [extent('c', 19)] }
    await t.rejects(advance(catalog, shorter), refusal('catalog_failed'))
    t.strictSame((await catalog.segment('s', 0)).extents, [extent('b', 20)])
    await advance(catalog, { ...shorter, replaces: true })
    t.strictSame((await catalog.segment('s', 0)).extents, [extent('c', 19)])
  })

  t.test('end: ends an open session once, keeps why, and takes its segments', async t => {
    const { catalog } = await withBucket(t, make)
    const failure = { code: 'blob_short', blob: 'b' } as const
    await catalog.create(newSession('s'))
    await write(catalog, 's', 0, [extent('b')])
    t.equal(await catalog.end('s', 'invalid', TOMBSTONE_DUE, failure), true)
    t.match(await catalog.find('s'), {
      state: 'invalid',
      dueAt: TOMBSTONE_DUE,
      outcome: { kind: 'failed', failure },
    })
    t.strictSame(await catalog.segments('s'), [])
    t.equal(await catalog.end('s', 'cancelled', TOMBSTONE_DUE + 1), false)
    t.match(await catalog.find('s'), { state: 'invalid', dueAt: TOMBSTONE_DUE })
    t.equal(await catalog.end('unknown', 'cancelled', TOMBSTONE_DUE), false)
  })

  t.test('end: without a failure there is nothing to repeat', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    await catalog.end('s', 'cancelled', TOMBSTONE_DUE)
    const session = await catalog.find('s')
    t.equal(session?.state, 'cancelled')
    t.equal(session !== undefined && 'outcome' in session, false)
  })

  t.test('an ended session takes no bytes and no lease, and cannot be published', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const segment = await write(catalog, 's', 0, [extent('b')])
    await catalog.end('s', 'cancelled', TOMBSTONE_DUE)
    await t.rejects(catalog.lease('s', 0), refusal('session_ended'))
    await t.rejects(catalog.lease('unknown', 0), refusal('session_ended'))
    await t.rejects(advance(catalog, { key: 's', ...segment }), refusal('session_ended'))
    await t.rejects(finish(catalog, 's', [segment]), refusal('session_ended'))
    t.equal(await catalog.object('bkt', 's'), undefined)
  })

  t.test('a restart keeps sessions, segments and how sessions ended', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    await catalog.create(newSession('open'))
    const segment = await write(catalog, 'open', 0, [extent('b', 7), extent('c', 8, 3)])
    await catalog.create(newSession('done'))
    await finish(catalog, 'done', [await write(catalog, 'done', 0, [extent('d')])])
    const before = await Promise.all([catalog.find('open'), catalog.find('done')])

    const again = await reopen()
    t.strictSame(await Promise.all([again.find('open'), again.find('done')]), before)
    t.strictSame(await again.segments('open'), [segment])
    const leased = await again.lease('open', 0)
    t.strictSame(leased.extents, segment.extents)
    t.ok(leased.epoch > segment.epoch, 'an epoch from before the restart is history')
  })
}
