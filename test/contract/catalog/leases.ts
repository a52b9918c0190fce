import type { Test } from 'tap'
import { refusal } from '../../support/refusal.ts'
import {
  advance,
  extent,
  finish,
  type MakeCatalog,
  newSession,
  TOMBSTONE_DUE,
  withBucket,
  write,
} from './fixtures.ts'

export function leaseContract(t: Test, make: MakeCatalog): void {
  t.test('P3: each lease has a higher epoch, for its segment alone', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const first = await catalog.lease('s', 0)
    t.strictSame(first.extents, [])
    const second = await catalog.lease('s', 0)
    t.ok(second.epoch > first.epoch)
    const other = await catalog.lease('s', 1)
    await advance(catalog, { key: 's', ...second, extents: [extent('b')] })
    await advance(catalog, { key: 's', ...other, extents: [extent('c')] })
    t.equal((await catalog.segments('s')).length, 2)
  })

  t.test('P3: an older epoch neither advances nor publishes, whatever was written', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const older = await write(catalog, 's', 0, [extent('b')])
    const newer = await catalog.lease('s', 0)
    const late = { key: 's', ...older, extents: [extent('b', 20)] }
    await t.rejects(advance(catalog, late), refusal('superseded'), 'the newer has not written yet')
    await t.rejects(finish(catalog, 's', [older]), refusal('superseded'))
    await advance(catalog, { key: 's', ...newer, extents: [extent('b'), extent('c', 5)] })
    await t.rejects(advance(catalog, late), refusal('superseded'), 'the newer has written')
    await t.rejects(finish(catalog, 's', [older]), refusal('superseded'))
    t.strictSame((await catalog.segment('s', 0)).extents, [extent('b'), extent('c', 5)])
    t.equal((await catalog.find('s'))?.state, 'open')
  })

  t.test('P3: a lease answers what an advance under way was recording', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const { epoch } = await catalog.lease('s', 0)
    const underWay = advance(catalog, { key: 's', number: 0, epoch, extents: [extent('b', 30)] })
    const newer = await catalog.lease('s', 0)
    t.strictSame(newer.extents, [extent('b', 30)])
    t.ok(newer.epoch > epoch)
    await underWay
  })

  t.test('P3: from the call of lease on, not from its answer, older writers are out', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const { epoch } = await catalog.lease('s', 0)
    const leasing = catalog.lease('s', 0)
    const late = advance(catalog, { key: 's', number: 0, epoch, extents: [extent('b')] })
    await t.rejects(late, refusal('superseded'))
    t.strictSame((await leasing).extents, [])
  })

  t.test('a lease that meets the end of its session is refused', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('cancelled'))
    await catalog.create(newSession('done'))
    const segment = await write(catalog, 'done', 0, [extent('b')])
    const ending = catalog.end('cancelled', 'cancelled', TOMBSTONE_DUE)
    const finishing = finish(catalog, 'done', [segment])
    await t.rejects(catalog.lease('cancelled', 0), refusal('session_ended'))
    await t.rejects(catalog.lease('done', 0), refusal('session_ended'))
    await Promise.all([ending, finishing])
  })

  t.test(
    'a segment is read under the epoch that counts, leased but unwritten ones too',
    async t => {
      const { catalog } = await withBucket(t, make)
      await catalog.create(newSession('s'))
      await write(catalog, 's', 0, [extent('b')])
      const { epoch } = await catalog.lease('s', 0)
      t.equal((await catalog.segment('s', 0)).epoch, epoch)
      const segments = await catalog.segments('s')
      t.equal(segments[0]?.epoch, epoch)
      // Or a writer that went away without a word would keep its session from ever being finished.
      await finish(catalog, 's', segments)
      t.equal((await catalog.find('s'))?.state, 'done')
    },
  )
}
