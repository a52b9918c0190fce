/** Sessions of many segments: what they hold, which are there, what each of them was. */

import type { Test } from 'tap'
import { refusal } from '../../support/refusal.ts'
import {
  advance,
  DUE,
  extent,
  finish,
  garbage,
  intentOf,
  type MakeCatalog,
  NOW,
  newSession,
  TOMBSTONE_DUE,
  withBucket,
  write,
} from './fixtures.ts'

const nobody = new Set<string>()
const DIGEST = 'ab'.repeat(32)

/** Declares three segments of 30 bytes together. */
function threeSegments(key: string, dueAt = DUE) {
  return newSession(key, { dueAt, intent: intentOf(key, { total: 30, segmentCount: 3 }) })
}

export function segmentContract(t: Test, make: MakeCatalog): void {
  t.test(
    'a session knows what it holds after each step, and a segment of no bytes counts',
    async t => {
      const made = await withBucket(t, make)
      const { catalog } = made
      await catalog.create(newSession('s'))
      const steps = [
        { number: 4, extents: [extent('a')], tally: { persisted: 10, segments: 1 } },
        { number: 0, extents: [], tally: { persisted: 10, segments: 2 } },
        { number: 4, extents: [extent('b', 3)], tally: { persisted: 3, segments: 2 } },
        { number: 0, extents: [extent('c', 5)], tally: { persisted: 8, segments: 2 } },
      ]
      for (const { number, extents, tally } of steps) {
        const { epoch } = await catalog.lease('s', number)
        const step = { key: 's', number, epoch, extents, replaces: true }
        t.strictSame(await advance(catalog, step), tally)
        t.match(await catalog.find('s'), tally)
      }
      t.strictSame(await catalog.segmentNumbers('s'), [0, 4])
      t.strictSame(await catalog.segmentNumbers('other'), [])
      const { epoch } = await catalog.lease('s', 4)
      const shrinking = advance(catalog, { key: 's', number: 4, epoch, extents: [] })
      await t.rejects(shrinking, refusal('catalog_failed'))
      const again = await made.reopen()
      t.match(await again.find('s'), { persisted: 8, segments: 2 }, 'nor does a refused step count')
    },
  )

  t.test(
    'the digest of a segment is that of its last step, and is there after the end',
    async t => {
      const { catalog } = await withBucket(t, make)
      await catalog.create(newSession('s'))
      t.equal(await catalog.segmentDigest('s', 0), undefined)
      for (const sha256 of ['cd'.repeat(32), DIGEST]) {
        const { epoch } = await catalog.lease('s', 0)
        const step = { key: 's', number: 0, epoch, extents: [extent(sha256)], replaces: true }
        await advance(catalog, { ...step, sha256 })
      }
      t.equal(await catalog.segmentDigest('s', 0), DIGEST)
      t.equal(await catalog.segmentDigest('s', 1), undefined)
      await finish(catalog, 's', await catalog.leaseAll('s'))
      t.equal(await catalog.segmentDigest('s', 0), DIGEST)
      t.strictSame(await catalog.segments('s'), [])
      t.ok((await catalog.purge(TOMBSTONE_DUE, NOW, 100)) >= 2)
      t.equal(await catalog.segmentDigest('s', 0), undefined, 'and goes with the tombstone')
    },
  )

  t.test('the digests of a session that published nothing go with it', async t => {
    const { catalog } = await withBucket(t, make)
    for (const key of ['cancelled', 'expired']) {
      await catalog.create(newSession(key, { dueAt: key === 'expired' ? NOW : DUE }))
      const { epoch } = await catalog.lease(key, 0)
      const step = { key, number: 0, epoch, extents: [extent(key)], sha256: DIGEST }
      await advance(catalog, { ...step, dueAt: NOW })
    }
    await catalog.end('cancelled', 'cancelled', TOMBSTONE_DUE)
    t.match(await catalog.expire(NOW, TOMBSTONE_DUE, 9, nobody), [{ key: 'expired' }])
    t.equal(await catalog.segmentDigest('cancelled', 0), undefined)
    t.equal(await catalog.segmentDigest('expired', 0), undefined)
  })

  t.test('tombstones that remember much go a few at a time', async t => {
    const { catalog } = await withBucket(t, make)
    for (const key of ['a', 'b']) {
      await catalog.create(newSession(key))
      for (let number = 0; number < 5_001; number += 1) {
        const step = { key, number, epoch: 1, extents: [], sha256: DIGEST }
        if (number % 1000 === 0) await advance(catalog, step)
        else void advance(catalog, step)
      }
      await finish(catalog, key, await catalog.leaseAll(key))
    }
    const first = await catalog.purge(TOMBSTONE_DUE, NOW, 100)
    t.equal(first, 2 * 5_002, 'the limit is met by rows, and a session goes whole')
    t.equal(await catalog.purge(TOMBSTONE_DUE, NOW, 100), 0)
  })

  t.test(
    'P3: whoever takes a lease after leaseAll wins, though nothing is written under it yet',
    async t => {
      const { catalog } = await withBucket(t, make)
      await catalog.create(newSession('s'))
      await write(catalog, 's', 0, [extent('a')])
      await write(catalog, 's', 1, [extent('b')])
      const { epoch } = await catalog.lease('s', 1)
      const moving = advance(catalog, {
        key: 's',
        number: 1,
        epoch,
        extents: [extent('c')],
        replaces: true,
      })
      const all = catalog.leaseAll('s')
      const lease = catalog.lease('s', 0)
      await moving
      const segments = await all
      const later = await lease
      await advance(catalog, {
        key: 's',
        number: 0,
        epoch: later.epoch,
        extents: [extent('d')],
        replaces: true,
      })
      await t.rejects(finish(catalog, 's', segments), refusal('superseded'))
      t.match(await catalog.find('s'), { state: 'open' })
    },
  )

  t.test('P3: leaseAll shuts every writer out, and answers what was under way', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const old = await write(catalog, 's', 0, [extent('a')])
    const leased = await catalog.lease('s', 1)
    const underWay = advance(catalog, { key: 's', ...leased, extents: [extent('b')] })
    const segments = await catalog.leaseAll('s')
    await underWay
    t.match(
      segments.map(({ number, extents }) => ({ number, extents })),
      [
        { number: 0, extents: [extent('a')] },
        { number: 1, extents: [extent('b')] },
      ],
    )
    await t.rejects(advance(catalog, { key: 's', ...old }), refusal('superseded'))
    // Whoever leases one of them after that keeps the publication out.
    const newer = await catalog.lease('s', 1)
    await t.rejects(finish(catalog, 's', segments), refusal('superseded'))
    await advance(catalog, { key: 's', ...newer, extents: [extent('c')], replaces: true })
    await t.rejects(finish(catalog, 's', segments), refusal('superseded'))
    await finish(catalog, 's', await catalog.leaseAll('s'))
    t.strictSame(await garbage(catalog), ['b'])
    await t.rejects(catalog.leaseAll('s'), refusal('session_ended'))
  })

  t.test('a session is complete when all its segments are there and add up', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(threeSegments('s'))
    const put = async (number: number, length: number) => {
      const { epoch } = await catalog.lease('s', number)
      const extents = length === 0 ? [] : [extent(`${number}-${length}`, length)]
      const step = { key: 's', number, epoch, extents, replaces: true }
      await advance(catalog, { ...step, dueAt: DUE, completeDueAt: NOW + 5 })
      return (await catalog.find('s'))?.dueAt
    }
    t.equal(await put(0, 10), DUE)
    t.equal(await put(2, 20), DUE, 'the total alone is not all')
    t.equal(await put(1, 5), DUE, 'nor is the number of segments')
    t.strictSame(await catalog.complete(DUE, 9), [])
    t.equal(await put(1, 0), NOW + 5)
    t.strictSame(await catalog.complete(NOW + 4, 9), [], 'not due')
    t.match(await catalog.complete(NOW + 5, 9), [{ key: 's', persisted: 30, segments: 3 }])
    t.equal(await put(0, 9), DUE, 'one sent again may undo it')
    t.strictSame(await catalog.complete(DUE, 9), [])
  })

  t.test('what is complete does not expire, and is listed by key', async t => {
    const { catalog } = await withBucket(t, make)
    for (const key of ['b', 'a', 'c', 'open']) {
      await catalog.create(threeSegments(key, NOW))
      for (const number of key === 'open' ? [0, 1] : [0, 1, 2]) {
        const { epoch } = await catalog.lease(key, number)
        const step = { key, number, epoch, extents: [extent(`${key}${number}`)] }
        await advance(catalog, { ...step, dueAt: NOW })
      }
    }
    t.strictSame(await catalog.expire(NOW, TOMBSTONE_DUE, 9, nobody), [
      { key: 'open', door: 'google' },
    ])
    const keys = async (limit: number, after?: string) =>
      (await catalog.complete(NOW, limit, after)).map(({ key }) => key)
    t.strictSame(await keys(2), ['a', 'b'])
    t.strictSame(await keys(2, 'b'), ['c'])
    t.equal(await catalog.end('a', 'expired', TOMBSTONE_DUE), true)
    t.equal((await catalog.find('a'))?.state, 'expired')
    t.strictSame(await keys(9), ['b', 'c'])
  })
}
