import type { Test } from 'tap'
import { refusal } from '../../support/refusal.ts'
import { extent, type MakeCatalog, NOW, publicationOf, withBucket } from './fixtures.ts'

export function objectContract(t: Test, make: MakeCatalog): void {
  t.test('object and content: undefined where there is none', async t => {
    const { catalog } = await withBucket(t, make)
    t.equal(await catalog.object('bkt', 'x'), undefined)
    t.equal(await catalog.content('bkt', 'x'), undefined)
    t.equal(await catalog.object('nowhere', 'x'), undefined)
  })

  t.test('names differ by case, by normal form and by nothing else', async t => {
    const { catalog } = await withBucket(t, make)
    const names = ['a', 'A', 'é', 'e\u0301', 'a ', 'a/', '%61', "'; DROP TABLE objects; --"]
    for (const name of names) await catalog.publish(publicationOf(name, [extent(name)]))
    for (const name of names) {
      t.strictSame((await catalog.content('bkt', name))?.extents, [extent(name)])
    }
  })

  t.test('an overwritten object is another one', async t => {
    const { catalog } = await withBucket(t, make)
    const first = await catalog.publish(
      publicationOf('x', [extent('a')], { md5: 'CY9rzUYh03PK3k6DJie09g==', componentCount: 3 }),
    )
    const second = await catalog.publish(publicationOf('x', [extent('b', 5)], { at: NOW + 1 }))
    t.ok(second.generation > first.generation)
    t.equal(second.createdAt, NOW + 1)
    t.strictSame(await catalog.content('bkt', 'x'), { object: second, extents: [extent('b', 5)] })
  })

  t.test('deleteObject: takes it away, once', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.publish(publicationOf('x', [extent('b')]))
    await catalog.deleteObject('bkt', 'x', {}, undefined, NOW)
    t.equal(await catalog.object('bkt', 'x'), undefined)
    await t.rejects(
      catalog.deleteObject('bkt', 'x', {}, undefined, NOW),
      refusal('object_not_found', { bucket: 'bkt', name: 'x' }),
    )
  })

  t.test(
    'deleteObject: only the generation that was asked for, and only if conditions hold',
    async t => {
      const { catalog } = await withBucket(t, make)
      const { generation } = await catalog.publish(publicationOf('x', [extent('b')]))
      const remove = (conditions: object, wanted?: number) =>
        catalog.deleteObject('bkt', 'x', conditions, wanted, NOW)
      await t.rejects(remove({}, generation - 1), refusal('object_not_found'))
      await t.rejects(remove({ generationMatch: generation - 1 }), refusal('precondition_failed'))
      await t.rejects(
        remove({ metagenerationMatch: 2 }, generation),
        refusal('precondition_failed'),
      )
      t.strictSame(await catalog.garbage(9), [])
      await remove({ generationMatch: generation, metagenerationMatch: 1 }, generation)
      t.equal(await catalog.object('bkt', 'x'), undefined)
    },
  )
}
