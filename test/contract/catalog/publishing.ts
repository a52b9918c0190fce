import type { Test } from 'tap'
import { refusal } from '../../support/refusal.ts'
import {
  advance,
  extent,
  finish,
  type MakeCatalog,
  NOW,
  newSession,
  publicationOf,
  TOMBSTONE_DUE,
  withBucket,
  write,
} from './fixtures.ts'

export function publishContract(t: Test, make: MakeCatalog): void {
  t.test('publish: the answer is what everybody reads from then on', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    const extents = [extent('b', 7), extent('c', 8, 3), extent('b', 5, 7)]
    const more = { md5: 'CY9rzUYh03PK3k6DJie09g==', componentCount: 2 }
    const object = await catalog.publish(publicationOf('dir/ü', extents, more))
    t.strictSame(object, {
      bucket: 'bkt',
      name: 'dir/ü',
      generation: NOW * 1000,
      metageneration: 1,
      size: 20,
      crc32c: 0xdead_beef,
      ...more,
      metadata: { contentType: 'text/plain' },
      createdAt: NOW,
      updatedAt: NOW,
    })
    t.strictSame(await catalog.object('bkt', 'dir/ü'), object)
    t.strictSame(await catalog.content('bkt', 'dir/ü'), { object, extents })
    const again = await reopen()
    t.strictSame(await again.content('bkt', 'dir/ü'), { object, extents })
  })

  t.test('publish: an object may be empty, and has no md5 that nobody computed', async t => {
    const { catalog } = await withBucket(t, make)
    const object = await catalog.publish(publicationOf('empty', []))
    t.equal('md5' in object || 'componentCount' in object, false)
    t.strictSame(await catalog.content('bkt', 'empty'), { object, extents: [] })
  })

  t.test('P5: publish ends its session, which repeats the answer', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const segment = await write(catalog, 's', 0, [extent('b', 12)])
    const object = await finish(catalog, 's', [segment], { at: NOW + 9 })
    t.match(await catalog.find('s'), {
      state: 'done',
      total: 12,
      activeAt: NOW + 9,
      dueAt: TOMBSTONE_DUE,
      outcome: { kind: 'published', object },
    })
    t.strictSame(await catalog.segments('s'), [])
    await t.rejects(finish(catalog, 's', [segment]), refusal('session_ended'))
    t.equal(await catalog.end('s', 'cancelled', TOMBSTONE_DUE), false, 'done stays done')
  })

  t.test('publish: takes bytes that its writer never advanced to', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const { number, epoch } = await write(catalog, 's', 0, [extent('b', 10)])
    const whole = { number, epoch, extents: [extent('b', 10), extent('c', 10)] }
    const object = await finish(catalog, 's', [whole])
    t.equal(object.size, 20)
    t.strictSame(await catalog.unknown(['b', 'c']), [])
    t.strictSame(await catalog.garbage(9), [])
  })

  t.test('P2: publish leaves out nothing that was promised', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const early = await write(catalog, 's', 0, [extent('b', 10)])
    await advance(catalog, { key: 's', ...early, extents: [extent('b', 20)] })
    await t.rejects(finish(catalog, 's', [early]), refusal('superseded'))
    t.equal((await catalog.find('s'))?.state, 'open')
  })

  t.test('publish: another size than the fixed total is refused', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const { epoch } = await catalog.lease('s', 0)
    const segment = { number: 0, epoch, extents: [extent('b', 10)] }
    await advance(catalog, { key: 's', ...segment, total: 11 })
    await t.rejects(finish(catalog, 's', [segment]), refusal('total_mismatch', { total: 11 }))
  })

  t.test('publish: of a session with segments nobody named, these are dropped', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const named = await write(catalog, 's', 1, [extent('b1')])
    await write(catalog, 's', 2, [extent('b2')])
    await finish(catalog, 's', [named])
    t.strictSame(await catalog.garbage(9), ['b2'])
  })

  t.test('P4: a failed condition leaves everything as it was', async t => {
    const { catalog } = await withBucket(t, make)
    const live = await catalog.publish(publicationOf('s', [extent('old')]))
    await catalog.create(newSession('s'))
    const segment = await write(catalog, 's', 0, [extent('new')])
    await t.rejects(
      finish(catalog, 's', [segment], { preconditions: { generationMatch: 0 } }),
      refusal('precondition_failed', { condition: 'generationMatch' }),
    )
    t.strictSame(await catalog.object('bkt', 's'), live)
    t.equal((await catalog.find('s'))?.state, 'open')
    t.strictSame((await catalog.segment('s', 0)).extents, segment.extents)
    t.strictSame(await catalog.garbage(9), [])
    await advance(catalog, { key: 's', ...segment, extents: [extent('new', 11)] })
  })

  t.test('P4: every condition, on a name that is free and on one that is taken', async t => {
    const { catalog } = await withBucket(t, make)
    let { generation } = await catalog.publish(publicationOf('taken', []))
    const publish = (name: string, preconditions: object) =>
      catalog.publish(publicationOf(name, [], { preconditions }))
    const holds = async (name: string, preconditions: object) => {
      const object = await publish(name, preconditions)
      if (name === 'taken') generation = object.generation
      else await catalog.deleteObject('bkt', name, {}, undefined, NOW)
    }
    const fails = (name: string, preconditions: object) =>
      t.rejects(publish(name, preconditions), refusal('precondition_failed'))

    await holds('free', { generationMatch: 0 })
    await holds('free', { generationNotMatch: 1 })
    await holds('free', { metagenerationNotMatch: 1 })
    await fails('free', { generationMatch: 1 })
    await fails('free', { generationNotMatch: 0 })
    await fails('free', { metagenerationMatch: 1 })
    await fails('free', { metagenerationMatch: 0 })

    await holds('taken', { generationMatch: generation })
    await holds('taken', { generationNotMatch: 0 })
    await holds('taken', { generationNotMatch: 1 })
    await holds('taken', { metagenerationMatch: 1 })
    await holds('taken', { metagenerationNotMatch: 2 })
    await fails('taken', { generationMatch: 0 })
    await fails('taken', { generationMatch: generation - 1 })
    await fails('taken', { generationNotMatch: generation })
    await fails('taken', { metagenerationMatch: 2 })
    await fails('taken', { metagenerationNotMatch: 1 })
    await fails('taken', { generationMatch: generation, metagenerationMatch: 2 })
  })

  t.test('P4: of two that race for a free name exactly one wins', async t => {
    const { catalog } = await withBucket(t, make)
    const race = ['a', 'b', 'c'].map(blob =>
      catalog.publish(
        publicationOf('x', [extent(blob)], { preconditions: { generationMatch: 0 } }),
      ),
    )
    const results = await Promise.allSettled(race)
    const won = results.filter(({ status }) => status === 'fulfilled')
    const lost = results.filter(({ status }) => status === 'rejected')
    t.equal(won.length, 1)
    t.match(lost, [
      { reason: { failure: { code: 'precondition_failed' } } },
      { reason: { failure: { code: 'precondition_failed' } } },
    ])
  })

  t.test(
    'P5: of two that race to finish a session, the second learns that it has ended',
    async t => {
      const { catalog } = await withBucket(t, make)
      await catalog.create(newSession('s'))
      const segment = await write(catalog, 's', 0, [extent('b')])
      const once = { preconditions: { generationMatch: 0 } }
      const race = [finish(catalog, 's', [segment], once), finish(catalog, 's', [segment], once)]
      const [first, second] = await Promise.allSettled(race)
      t.equal(first?.status, 'fulfilled')
      t.match(second, { reason: { failure: { code: 'session_ended' } } })
    },
  )

  t.test('publish: refuses an unknown bucket', async t => {
    const { catalog } = await withBucket(t, make)
    await t.rejects(
      catalog.publish(publicationOf('x', [extent('b')], { bucket: 'nowhere' })),
      refusal('bucket_not_found', { bucket: 'nowhere' }),
    )
    t.strictSame(await catalog.unknown(['b']), ['b'])
  })

  t.test(
    'generations only rise: in one millisecond, over deletions, clock steps, restarts',
    async t => {
      const { catalog, reopen } = await withBucket(t, make)
      const generationAt = async (on: typeof catalog, at: number) =>
        (await on.publish(publicationOf('x', [], { at }))).generation
      const seen = [await generationAt(catalog, NOW), await generationAt(catalog, NOW)]
      await catalog.deleteObject('bkt', 'x', {}, undefined, NOW)
      seen.push(await generationAt(catalog, NOW - 86_400_000))
      const again = await reopen()
      seen.push(await generationAt(again, NOW - 86_400_000))
      seen.push(await generationAt(again, NOW + 1))
      t.strictSame(
        seen,
        [...new Set(seen)].sort((a, b) => a - b),
      )
      t.equal(seen.at(-1), (NOW + 1) * 1000, 'microseconds, once the clock is ahead again')
    },
  )
}
