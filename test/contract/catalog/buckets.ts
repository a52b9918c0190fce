import type { Test } from 'tap'
import { refusal } from '../../support/refusal.ts'
import { extent, type MakeCatalog, NOW, publicationOf } from './fixtures.ts'

const SETTINGS = JSON.parse(
  '{"labels":{"__proto__":"ü"},"cors":[{"origin":["*"],"maxAgeSeconds":3600}],"website":null}',
)

export function bucketContract(t: Test, make: MakeCatalog): void {
  t.test('createBucket: once; findBucket answers it, after a restart too', async t => {
    const { catalog, reopen } = await make(t)
    const bucket = await catalog.createBucket('bkt', NOW)
    t.strictSame(bucket, {
      name: 'bkt',
      createdAt: NOW,
      updatedAt: NOW,
      metageneration: 1,
      settings: {},
    })
    t.strictSame(await catalog.findBucket('bkt'), bucket)
    t.equal(await catalog.findBucket('other'), undefined)
    await t.rejects(
      catalog.createBucket('bkt', NOW + 1, SETTINGS),
      refusal('bucket_exists', { bucket: 'bkt' }),
    )
    t.strictSame(await (await reopen()).findBucket('bkt'), bucket)
  })

  t.test('createBucket: with settings, which come back as they were', async t => {
    const { catalog } = await make(t)
    const bucket = await catalog.createBucket('bkt', NOW, SETTINGS)
    t.equal(JSON.stringify(bucket.settings), JSON.stringify(SETTINGS))
    t.strictSame(await catalog.findBucket('bkt'), bucket)
    t.strictSame(await catalog.buckets({ prefix: '', limit: 9 }), [bucket])
  })

  t.test('updateBucket: other settings, one metageneration on', async t => {
    const { catalog, reopen } = await make(t)
    const bucket = await catalog.createBucket('bkt', NOW, { labels: { a: 'b' } })
    const updated = await catalog.updateBucket('bkt', 1, SETTINGS, {}, NOW + 5)
    const expected = { ...bucket, settings: SETTINGS, metageneration: 2, updatedAt: NOW + 5 }
    t.strictSame(updated, expected)
    t.strictSame(await catalog.findBucket('bkt'), expected)
    t.strictSame(await (await reopen()).findBucket('bkt'), expected)
  })

  t.test(
    'updateBucket: undefined where the bucket has moved on, and of a race one wins',
    async t => {
      const { catalog } = await make(t)
      await catalog.createBucket('bkt', NOW)
      const [first, second] = await Promise.all([
        catalog.updateBucket('bkt', 1, { is: 'first' }, {}, NOW),
        catalog.updateBucket('bkt', 1, { is: 'second' }, {}, NOW),
      ])
      t.strictSame(first?.settings, { is: 'first' })
      t.equal(second, undefined)
      t.equal(await catalog.updateBucket('bkt', 3, {}, {}, NOW), undefined)
      t.strictSame(await catalog.findBucket('bkt'), first)
    },
  )

  t.test('updateBucket: only one that is there, and only if conditions hold', async t => {
    const { catalog } = await make(t)
    const update = (preconditions: object, basis = 1) =>
      catalog.updateBucket('bkt', basis, {}, preconditions, NOW)
    await t.rejects(update({}), refusal('bucket_not_found', { bucket: 'bkt' }))
    const bucket = await catalog.createBucket('bkt', NOW)
    await t.rejects(
      update({ metagenerationMatch: 2 }),
      refusal('precondition_failed', { condition: 'metagenerationMatch' }),
    )
    await t.rejects(update({ metagenerationNotMatch: 1 }, 7), refusal('precondition_failed'))
    t.strictSame(await catalog.findBucket('bkt'), bucket)
    await update({ metagenerationMatch: 1, metagenerationNotMatch: 2 })
    t.equal((await catalog.findBucket('bkt'))?.metageneration, 2)
  })

  t.test('deleteBucket: only an empty one', async t => {
    const { catalog } = await make(t)
    await catalog.createBucket('bkt', NOW)
    await catalog.publish(publicationOf('x', [extent('b')]))
    await t.rejects(catalog.deleteBucket('bkt', {}), refusal('bucket_not_empty', { bucket: 'bkt' }))
    await catalog.deleteObject('bkt', 'x', {}, undefined, NOW)
    await catalog.deleteBucket('bkt', {})
    t.equal(await catalog.findBucket('bkt'), undefined)
    await t.rejects(catalog.deleteBucket('bkt', {}), refusal('bucket_not_found', { bucket: 'bkt' }))
  })

  t.test('deleteBucket: only if conditions hold; those on a generation are not asked', async t => {
    const { catalog } = await make(t)
    await catalog.createBucket('bkt', NOW)
    await catalog.updateBucket('bkt', 1, {}, {}, NOW)
    const remove = (preconditions: object) => catalog.deleteBucket('bkt', preconditions)
    await t.rejects(
      remove({ metagenerationMatch: 1 }),
      refusal('precondition_failed', { condition: 'metagenerationMatch' }),
    )
    await t.rejects(remove({ metagenerationNotMatch: 2 }), refusal('precondition_failed'))
    t.ok(await catalog.findBucket('bkt'))
    await remove({ metagenerationMatch: 2, generationMatch: 7, generationNotMatch: 0 })
    t.equal(await catalog.findBucket('bkt'), undefined)
  })

  t.test('buckets: by name, from a prefix, after a name, no more than asked for', async t => {
    const { catalog } = await make(t)
    for (const name of ['b-2', 'a', 'b-10', 'c', 'b-1']) await catalog.createBucket(name, NOW)
    const names = async (query: { prefix: string; after?: string; limit: number }) =>
      (await catalog.buckets(query)).map(({ name }) => name)
    t.strictSame(await names({ prefix: '', limit: 9 }), ['a', 'b-1', 'b-10', 'b-2', 'c'])
    t.strictSame(await names({ prefix: 'b-', limit: 9 }), ['b-1', 'b-10', 'b-2'])
    t.strictSame(await names({ prefix: 'b-', after: 'b-1', limit: 9 }), ['b-10', 'b-2'])
    t.strictSame(await names({ prefix: '', after: 'a', limit: 2 }), ['b-1', 'b-10'])
  })
}
