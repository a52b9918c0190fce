import type { Test } from 'tap'
import { refusal } from '../../support/refusal.ts'
import { extent, type MakeCatalog, NOW, publicationOf } from './fixtures.ts'

export function bucketContract(t: Test, make: MakeCatalog): void {
  t.test('createBucket: once; findBucket answers it, after a restart too', async t => {
    const { catalog, reopen } = await make(t)
    const bucket = await catalog.createBucket('bkt', NOW)
    t.strictSame(bucket, { name: 'bkt', createdAt: NOW, updatedAt: NOW, metageneration: 1 })
    t.strictSame(await catalog.findBucket('bkt'), bucket)
    t.equal(await catalog.findBucket('other'), undefined)
    await t.rejects(
      catalog.createBucket('bkt', NOW + 1),
      refusal('bucket_exists', { bucket: 'bkt' }),
    )
    t.strictSame(await (await reopen()).findBucket('bkt'), bucket)
  })

  t.test('deleteBucket: only an empty one', async t => {
    const { catalog } = await make(t)
    await catalog.createBucket('bkt', NOW)
    await catalog.publish(publicationOf('x', [extent('b')]))
    await t.rejects(catalog.deleteBucket('bkt'), refusal('bucket_not_empty', { bucket: 'bkt' }))
    await catalog.deleteObject('bkt', 'x', {}, undefined, NOW)
    await catalog.deleteBucket('bkt')
    t.equal(await catalog.findBucket('bkt'), undefined)
    await t.rejects(catalog.deleteBucket('bkt'), refusal('bucket_not_found', { bucket: 'bkt' }))
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
