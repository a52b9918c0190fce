import type { Test } from 'tap'
import { refusal } from '../../support/refusal.ts'
import {
  extent,
  finish,
  garbage,
  type MakeCatalog,
  NOW,
  newSession,
  publicationOf,
  TOMBSTONE_DUE,
  withBucket,
  write,
} from './fixtures.ts'

const nobody = new Set<string>()

/** Expired sessions of the door that these tests' sessions came by. */
const expired = (...keys: string[]) => keys.map(key => ({ key, door: 'google' as const }))

export function timeContract(t: Test, make: MakeCatalog): void {
  t.test('P8: expire ends open sessions that are due, the longest due first', async t => {
    const { catalog } = await withBucket(t, make)
    for (const [key, dueAt] of [
      ['later', NOW + 3],
      ['a', NOW + 2],
      ['b', NOW + 1],
    ] as const) {
      await catalog.create(newSession(key, { dueAt }))
    }
    t.strictSame(await catalog.expire(NOW, NOW + 100, 9, nobody), [])
    t.strictSame(await catalog.expire(NOW + 2, NOW + 100, 1, nobody), expired('b'))
    t.strictSame(await catalog.expire(NOW + 2, NOW + 100, 9, nobody), expired('a'))
    t.strictSame(await catalog.expire(NOW + 2, NOW + 100, 9, nobody), [])
    t.match(await catalog.find('b'), { state: 'expired', dueAt: NOW + 100 })
    t.equal((await catalog.find('later'))?.state, 'open')
  })

  t.test(
    'P8: expire leaves alone what is being written, and takes the next ones instead',
    async t => {
      const { catalog } = await withBucket(t, make)
      for (const key of ['a', 'b', 'c', 'd']) await catalog.create(newSession(key, { dueAt: NOW }))
      const busy = new Set(['a', 'b', 'nobody knows it'])
      const taken = await catalog.expire(NOW, NOW + 100, 2, busy)
      t.strictSame(taken.map(({ key }) => key).sort(), ['c', 'd'])
      t.equal((await catalog.find('a'))?.state, 'open')
      t.strictSame(await catalog.expire(NOW, NOW + 100, 0, nobody), [])
    },
  )

  t.test('P8: expire frees segments and touches no object', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('done', { dueAt: NOW }))
    const segment = await write(catalog, 'done', 0, [extent('kept')])
    await finish(catalog, 'done', [segment])
    await catalog.create(newSession('idle', { dueAt: NOW }))
    await write(catalog, 'idle', 0, [extent('b0')])
    await write(catalog, 'idle', 1, [extent('b1')])
    t.strictSame(await catalog.expire(NOW + 1e12, NOW + 2e12, 9, nobody), expired('idle'))
    t.strictSame(await garbage(catalog), ['b0', 'b1'])
    t.strictSame(await catalog.segments('idle'), [])
    t.ok(await catalog.object('bkt', 'done'))
    await t.rejects(catalog.lease('idle', 0), refusal('session_ended'))
  })

  t.test(
    'purge: removes tombstones that are due, little by little, and no open session',
    async t => {
      const { catalog } = await withBucket(t, make)
      for (const key of ['a', 'b', 'c', 'later']) await catalog.create(newSession(key))
      await catalog.create(newSession('open', { dueAt: NOW }))
      await finish(catalog, 'a', [await catalog.lease('a', 0)])
      for (const key of ['a', 'b', 'c']) await catalog.end(key, 'cancelled', NOW)
      await catalog.end('later', 'cancelled', NOW + 1e12)
      t.equal(await catalog.purge(NOW, 0, 1), 1)
      t.equal(await catalog.purge(NOW, 0, 9), 1, 'the finished session is due with its tombstone')
      t.equal(await catalog.purge(NOW, 0, 9), 0)
      for (const key of ['b', 'c']) t.equal(await catalog.find(key), undefined)
      t.equal((await catalog.find('later'))?.state, 'cancelled')
      t.equal((await catalog.find('open'))?.state, 'open')
      t.ok(await catalog.object('bkt', 'a'), 'an object outlives the upload it came from')
    },
  )

  t.test('census: the open sessions of each door, and since when there are any', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    t.strictSame(await catalog.census(), [])
    for (const [key, door, at] of [
      ['a', 'google', NOW + 2],
      ['b', 'google', NOW + 1],
      ['c', 'google', NOW],
      ['d', 'gws', NOW + 5],
      ['e', 'dxl', NOW],
    ] as const) {
      await catalog.create({ ...newSession(key, { at }), door })
    }
    const byDoor = async (from = catalog) =>
      Object.fromEntries((await from.census()).map(({ door, ...rest }) => [door, rest]))
    t.strictSame(await byDoor(), {
      dxl: { sessions: 1, oldestAt: NOW },
      google: { sessions: 3, oldestAt: NOW },
      gws: { sessions: 1, oldestAt: NOW + 5 },
    })
    await catalog.end('c', 'cancelled', TOMBSTONE_DUE)
    await finish(catalog, 'a', [await catalog.lease('a', 0)])
    await catalog.end('e', 'invalid', TOMBSTONE_DUE)
    const rest = {
      google: { sessions: 1, oldestAt: NOW + 1 },
      gws: { sessions: 1, oldestAt: NOW + 5 },
    }
    t.strictSame(await byDoor(), rest)
    t.strictSame(await byDoor(await reopen()), rest)
  })

  t.test('purge: removes old events, as many as it may', async t => {
    const { catalog } = await withBucket(t, make)
    for (const at of [NOW, NOW + 1, NOW + 2]) {
      await catalog.publish(publicationOf('x', [extent(`b${at}`)], { at }))
    }
    await catalog.deleteObject('bkt', 'x', {}, undefined, NOW + 3)
    t.equal(await catalog.purge(0, NOW, 9), 0)
    t.equal(await catalog.purge(0, NOW + 3, 2), 2)
    t.equal(await catalog.purge(0, NOW + 3, 2), 1)
    t.equal(await catalog.purge(0, NOW + 9, 2), 1)
  })
}
