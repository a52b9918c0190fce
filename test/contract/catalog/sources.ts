import type { Test } from 'tap'
import type { Catalog, Publication, Source, StoredObject } from '../../../src/engine/ports.ts'
import { refusal } from '../../support/refusal.ts'
import {
  extent,
  finish,
  garbage,
  type MakeCatalog,
  NOW,
  newSession,
  publicationOf,
  sourceOf,
  withBucket,
  write,
} from './fixtures.ts'

const removed = { isRemoved: true }

/** Publishes the content of these sources, as it is now, one after the other. */
async function take(
  catalog: Catalog,
  name: string,
  sources: readonly Source[],
  more: Partial<Publication> = {},
): Promise<StoredObject> {
  const contents = await Promise.all(
    sources.map(source => catalog.content(source.bucket, source.name)),
  )
  const extents = contents.flatMap(content => content?.extents ?? [])
  return catalog.publish(publicationOf(name, extents, { sources, ...more }))
}

export function sourceContract(t: Test, make: MakeCatalog): void {
  t.test('sources: a copy refers to the same blobs, and outlives what it was made of', async t => {
    const { catalog } = await withBucket(t, make)
    const original = await catalog.publish(publicationOf('x', [extent('a')]))
    const copy = await take(catalog, 'copy', [sourceOf(original)], { at: NOW + 1 })
    t.ok(copy.generation > original.generation)
    t.strictSame(await catalog.object('bkt', 'x'), original, 'nothing happened to it')
    await catalog.deleteObject('bkt', 'x', {}, undefined, NOW)
    t.strictSame(await garbage(catalog), [])
    t.strictSame(await catalog.content('bkt', 'copy'), { object: copy, extents: [extent('a')] })
    await catalog.deleteObject('bkt', 'copy', {}, undefined, NOW)
    t.strictSame(await garbage(catalog), ['a'])
  })

  t.test('sources: from another bucket', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.createBucket('other', NOW)
    const original = await catalog.publish(
      publicationOf('x', [extent('a')], { bucket: 'other', at: NOW + 1 }),
    )
    // The same name in this bucket is nobody's business.
    await catalog.publish(publicationOf('x', [extent('b')]))
    const moved = await take(catalog, 'y', [sourceOf(original, removed)])
    t.strictSame(await catalog.content('bkt', 'y'), { object: moved, extents: [extent('a')] })
    t.equal(await catalog.object('other', 'x'), undefined)
    t.ok(await catalog.object('bkt', 'x'))
    await catalog.deleteBucket('other', {})
    t.strictSame(await garbage(catalog), [])
  })

  t.test('sources: several, one of them twice', async t => {
    const { catalog } = await withBucket(t, make)
    const a = await catalog.publish(publicationOf('a', [extent('a')]))
    const b = await catalog.publish(publicationOf('b', [extent('b1'), extent('b2')]))
    const sources = [a, b, a].map(object => sourceOf(object))
    const object = await take(catalog, 'all', sources, { componentCount: 3 })
    const extents = [extent('a'), extent('b1'), extent('b2'), extent('a')]
    t.strictSame(await catalog.content('bkt', 'all'), { object, extents })
    for (const name of ['a', 'b']) await catalog.deleteObject('bkt', name, {}, undefined, NOW)
    t.strictSame(await garbage(catalog), [])
    await catalog.deleteObject('bkt', 'all', {}, undefined, NOW)
    t.strictSame(await garbage(catalog), ['a', 'b1', 'b2'])
  })

  t.test('sources: one may be the destination, which grows by the others', async t => {
    const { catalog } = await withBucket(t, make)
    const log = await catalog.publish(publicationOf('log', [extent('old')]))
    const more = await catalog.publish(publicationOf('more', [extent('new')]))
    const grown = await take(catalog, 'log', [sourceOf(log), sourceOf(more)], {
      preconditions: { generationMatch: log.generation },
    })
    t.ok(grown.generation > log.generation)
    t.strictSame((await catalog.content('bkt', 'log'))?.extents, [extent('old'), extent('new')])
    await catalog.deleteObject('bkt', 'more', {}, undefined, NOW)
    t.strictSame(await garbage(catalog), [])
  })

  t.test('sources: one that is removed leaves its name, and nothing else', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    await catalog.publish(publicationOf('y', [extent('replaced')]))
    const original = await catalog.publish(publicationOf('x', [extent('a'), extent('b')]))
    const moved = await take(catalog, 'y', [sourceOf(original, removed)])
    t.equal(await catalog.object('bkt', 'x'), undefined)
    t.strictSame(await garbage(catalog), ['replaced'])
    const again = await reopen()
    const content = { object: moved, extents: [extent('a'), extent('b')] }
    t.strictSame(await again.content('bkt', 'y'), content)
    t.equal(await again.object('bkt', 'x'), undefined)
  })

  t.test(
    'sources: content that the new object leaves out is freed with what is removed',
    async t => {
      const { catalog } = await withBucket(t, make)
      const original = await catalog.publish(publicationOf('x', [extent('a'), extent('b')]))
      const sources = [sourceOf(original, removed)]
      await catalog.publish(publicationOf('y', [extent('a', 5)], { sources }))
      t.strictSame(await garbage(catalog), ['b'])
    },
  )

  t.test('sources: an object moved onto itself is not lost', async t => {
    const { catalog } = await withBucket(t, make)
    const original = await catalog.publish(publicationOf('x', [extent('a')]))
    const other = await catalog.publish(publicationOf('other', [extent('b')]))
    const moved = await take(catalog, 'x', [sourceOf(original, removed)])
    t.ok(moved.generation > original.generation)
    t.strictSame(await catalog.content('bkt', 'x'), { object: moved, extents: [extent('a')] })
    const both = [sourceOf(moved, removed), sourceOf(other, removed)]
    const joined = await take(catalog, 'x', both)
    const extents = [extent('a'), extent('b')]
    t.strictSame(await catalog.content('bkt', 'x'), { object: joined, extents })
    t.equal(await catalog.object('bkt', 'other'), undefined)
    t.strictSame(await garbage(catalog), [])
  })

  t.test('sources: one that is named twice is removed once, whichever asks for it', async t => {
    const { catalog } = await withBucket(t, make)
    for (const [first, second] of [
      [true, true],
      [true, false],
      [false, true],
    ]) {
      const original = await catalog.publish(publicationOf('x', [extent('a')]))
      await take(catalog, 'y', [
        sourceOf(original, { isRemoved: first === true }),
        sourceOf(original, { isRemoved: second === true }),
      ])
      t.equal(await catalog.object('bkt', 'x'), undefined)
      t.strictSame((await catalog.content('bkt', 'y'))?.extents, [extent('a'), extent('a')])
      t.strictSame(await garbage(catalog), [])
    }
  })

  t.test('P4: a source that is gone or another one by now changes nothing', async t => {
    const { catalog } = await withBucket(t, make)
    const x = await catalog.publish(publicationOf('x', [extent('a')]))
    const stale = await catalog.publish(publicationOf('stale', [extent('old')]))
    const live = await catalog.publish(publicationOf('dest', [extent('d')]))
    await catalog.publish(publicationOf('stale', [extent('new'), extent('old')]))
    const missing = [
      sourceOf(stale),
      sourceOf(x, { name: 'nobody' }),
      sourceOf(x, { bucket: 'nowhere' }),
      sourceOf(x, { generation: x.generation + 1 }),
      sourceOf(x, { generation: 0 }),
    ]
    for (const source of missing) {
      const { bucket, name } = source
      await t.rejects(
        take(catalog, 'dest', [sourceOf(x, removed), source]),
        refusal('object_not_found', { bucket, name }),
      )
    }
    t.strictSame(await catalog.content('bkt', 'dest'), { object: live, extents: [extent('d')] })
    t.strictSame(await catalog.object('bkt', 'x'), x)
    t.strictSame(await garbage(catalog), [])
  })

  t.test('P4: each source has conditions of its own', async t => {
    const { catalog } = await withBucket(t, make)
    const x = await catalog.publish(publicationOf('x', [extent('a')]))
    const y = await catalog.publish(publicationOf('y', [extent('b')]))
    const copy = (preconditions: object, more: Partial<Publication> = {}) =>
      take(catalog, 'z', [sourceOf(x), sourceOf(y, { ...removed, preconditions })], more)
    const { generation } = y
    await t.rejects(
      copy({ generationMatch: x.generation }),
      refusal('precondition_failed', { condition: 'generationMatch' }),
    )
    await t.rejects(copy({ generationNotMatch: generation }), refusal('precondition_failed'))
    await t.rejects(copy({ metagenerationMatch: 2 }), refusal('precondition_failed'))
    await t.rejects(copy({ metagenerationNotMatch: 1 }), refusal('precondition_failed'))
    const holds = { generationMatch: generation, metagenerationMatch: 1 }
    await t.rejects(
      copy(holds, { preconditions: { generationMatch: 1 } }),
      refusal('precondition_failed', { condition: 'generationMatch' }),
    )
    await t.rejects(
      copy(holds, { bucket: 'nowhere' }),
      refusal('bucket_not_found', { bucket: 'nowhere' }),
    )
    t.equal(await catalog.object('bkt', 'z'), undefined)
    t.ok(await catalog.object('bkt', 'y'))
    await copy(holds, { preconditions: { generationMatch: 0 } })
    t.equal(await catalog.object('bkt', 'y'), undefined)
  })

  t.test('sources: new metadata does not make a source another one', async t => {
    const { catalog } = await withBucket(t, make)
    const x = await catalog.publish(publicationOf('x', [extent('a')]))
    await catalog.updateObject(x, { contentType: 'text/html' }, {}, NOW)
    await take(catalog, 'y', [sourceOf(x, { preconditions: { metagenerationMatch: 2 } })])
    t.strictSame((await catalog.content('bkt', 'y'))?.extents, [extent('a')])
  })

  t.test(
    'P4: an overwrite that comes between reading a source and taking it is noticed',
    async t => {
      const { catalog } = await withBucket(t, make)
      const x = await catalog.publish(publicationOf('x', [extent('a')]))
      const copy = publicationOf('y', [extent('a')], { sources: [sourceOf(x)] })
      const [overwritten, copied] = await Promise.allSettled([
        catalog.publish(publicationOf('x', [extent('b')])),
        catalog.publish(copy),
      ])
      t.equal(overwritten.status, 'fulfilled')
      t.match(copied, { reason: { failure: { code: 'object_not_found', name: 'x' } } })
      t.strictSame(await garbage(catalog), ['a'])
    },
  )

  t.test('P4: of two that race to move an object exactly one has it', async t => {
    const { catalog } = await withBucket(t, make)
    const x = await catalog.publish(publicationOf('x', [extent('a')]))
    const results = await Promise.allSettled(
      ['left', 'right'].map(name => take(catalog, name, [sourceOf(x, removed)])),
    )
    t.strictSame(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    const names = (await catalog.objects({ bucket: 'bkt', prefix: '', limit: 9 })).length
    t.equal(names, 1)
    t.strictSame(await garbage(catalog), [])
  })

  t.test('P4: a session whose sources are refused stays open', async t => {
    const { catalog } = await withBucket(t, make)
    const x = await catalog.publish(publicationOf('x', [extent('a')]))
    await catalog.create(newSession('s'))
    const segment = await write(catalog, 's', 0, [extent('b')])
    const sources = [sourceOf(x, removed)]
    const stale = [sourceOf(x, { generation: x.generation - 1 })]
    await t.rejects(
      finish(catalog, 's', [segment], { sources: stale }),
      refusal('object_not_found'),
    )
    t.equal((await catalog.find('s'))?.state, 'open')
    const extents = [extent('a'), extent('b')]
    await finish(catalog, 's', [segment], { sources, extents, size: 20 })
    t.equal((await catalog.find('s'))?.state, 'done')
    t.equal(await catalog.object('bkt', 'x'), undefined)
    t.strictSame(await garbage(catalog), [])
  })
}
