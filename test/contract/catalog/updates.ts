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
  withBucket,
  write,
} from './fixtures.ts'

export function updateContract(t: Test, make: MakeCatalog): void {
  t.test('updateObject: other metadata, one metageneration on, and the same object', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    const extents = [extent('a', 7), extent('b', 8)]
    const more = { md5: 'CY9rzUYh03PK3k6DJie09g==', componentCount: 2 }
    const object = await catalog.publish(publicationOf('x', extents, more))
    const metadata = JSON.parse('{"cacheControl":"no-store","custom":{"__proto__":"👩‍🚀"}}')
    const updated = await catalog.updateObject(object, metadata, {}, NOW + 5)
    const expected = { ...object, metadata, metageneration: 2, updatedAt: NOW + 5 }
    t.strictSame(updated, expected)
    t.strictSame(Object.keys(updated?.metadata.custom ?? {}), ['__proto__'])
    t.strictSame(await catalog.content('bkt', 'x'), { object: expected, extents })
    t.strictSame(await catalog.objects({ bucket: 'bkt', prefix: '', limit: 9 }), [expected])
    t.strictSame(await garbage(catalog), [])
    t.strictSame(await (await reopen()).object('bkt', 'x'), expected)
  })

  t.test('updateObject: undefined where the object is not its basis any more', async t => {
    const { catalog } = await withBucket(t, make)
    const first = await catalog.publish(publicationOf('x', []))
    const second = await catalog.updateObject(first, { contentType: 'b' }, {}, NOW)
    t.equal(await catalog.updateObject(first, { contentType: 'c' }, {}, NOW), undefined)
    t.strictSame(await catalog.object('bkt', 'x'), second)
    // Overwritten: metageneration 1 again, but of another generation.
    const third = await catalog.publish(publicationOf('x', []))
    t.equal(await catalog.updateObject(first, { contentType: 'd' }, {}, NOW), undefined)
    t.strictSame(await catalog.object('bkt', 'x'), third)
  })

  t.test('updateObject: refuses a name that is free', async t => {
    const { catalog } = await withBucket(t, make)
    const object = await catalog.publish(publicationOf('x', []))
    await catalog.deleteObject('bkt', 'x', {}, undefined, NOW)
    for (const bucket of ['bkt', 'nowhere']) {
      await t.rejects(
        catalog.updateObject({ ...object, bucket }, {}, { generationMatch: 0 }, NOW),
        refusal('object_not_found', { bucket, name: 'x' }),
      )
    }
  })

  t.test('updateObject: only if conditions hold, whatever it is based on', async t => {
    const { catalog } = await withBucket(t, make)
    const object = await catalog.publish(publicationOf('x', []))
    const { generation } = object
    const update = (preconditions: object, basis = object) =>
      catalog.updateObject(basis, {}, preconditions, NOW)
    await t.rejects(update({ generationMatch: generation + 1 }), refusal('precondition_failed'))
    await t.rejects(update({ generationNotMatch: generation }), refusal('precondition_failed'))
    await t.rejects(
      update({ metagenerationMatch: 2 }),
      refusal('precondition_failed', { condition: 'metagenerationMatch' }),
    )
    await t.rejects(update({ metagenerationNotMatch: 1 }), refusal('precondition_failed'))
    t.strictSame(await catalog.object('bkt', 'x'), object)
    await update({ generationMatch: generation, metagenerationMatch: 1 })
    await t.rejects(update({ metagenerationMatch: 1 }), refusal('precondition_failed'))
    t.equal((await catalog.object('bkt', 'x'))?.metageneration, 2)
  })

  t.test('updateObject: of two that race from the same basis exactly one wins', async t => {
    const { catalog } = await withBucket(t, make)
    const object = await catalog.publish(publicationOf('x', []))
    const [first, second] = await Promise.all([
      catalog.updateObject(object, { contentType: 'first' }, {}, NOW),
      catalog.updateObject(object, { contentType: 'second' }, {}, NOW),
    ])
    t.equal(first?.metageneration, 2)
    t.equal(second, undefined)
    t.strictSame(await catalog.object('bkt', 'x'), first)
  })

  t.test('P5: a session goes on answering with the object as it was published', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    const object = await finish(catalog, 's', [await write(catalog, 's', 0, [extent('b')])])
    await catalog.updateObject(object, {}, {}, NOW + 1)
    t.strictSame((await catalog.find('s'))?.outcome, { kind: 'published', object })
  })
}
