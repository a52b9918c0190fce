import fc from 'fast-check'
import type { Test } from 'tap'
import type { Catalog, Extent, StoredObject } from '../../../src/engine/ports.ts'
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
  TOMBSTONE_DUE,
  withBucket,
  write,
} from './fixtures.ts'

export function blobContract(t: Test, make: MakeCatalog): void {
  t.test('a blob is known from its first record until it is forgotten', async t => {
    const { catalog, reopen } = await withBucket(t, make)
    t.strictSame(await catalog.unknown(['b', 'c']), ['b', 'c'])
    t.strictSame(await catalog.unknown([]), [])
    await catalog.publish(publicationOf('x', [extent('b')]))
    t.strictSame(await catalog.unknown(['b', 'c']), ['c'])
    await catalog.forget(['b'])
    t.strictSame(await catalog.unknown(['b']), [], 'an object refers to it')
    await catalog.deleteObject('bkt', 'x', {}, undefined, NOW)
    t.strictSame(await garbage(catalog), ['b'])
    const again = await reopen()
    t.strictSame(await garbage(again), ['b'], 'a restart forgets nothing')
    await again.forget(['b', 'never seen'])
    await again.forget(['b'])
    t.strictSame(await garbage(again), [])
    t.strictSame(await again.unknown(['b']), ['b'])
  })

  t.test('garbage: no more than asked for', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.publish(publicationOf('x', [extent('a'), extent('b'), extent('c')]))
    await catalog.deleteObject('bkt', 'x', {}, undefined, NOW)
    t.equal((await catalog.garbage(2)).length, 2)
  })

  t.test('segments: growth keeps blobs, a splice and a replacement release them', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.create(newSession('s'))
    await write(catalog, 's', 0, [extent('a', 10)])
    await write(catalog, 's', 0, [extent('a', 20)])
    await write(catalog, 's', 0, [extent('a', 20), extent('b', 20)])
    t.strictSame(await garbage(catalog), [])
    // Both halves of a blob that a splice cut in two are one reference.
    await write(catalog, 's', 0, [
      extent('a', 5),
      extent('c', 5),
      extent('a', 10, 10),
      extent('b', 20),
    ])
    t.strictSame(await garbage(catalog), [])
    await write(catalog, 's', 0, [extent('c', 5), extent('d', 60)])
    t.strictSame(await garbage(catalog), ['a', 'b'])
    await write(catalog, 's', 0, [extent('e', 1)], true)
    t.strictSame(await garbage(catalog), ['a', 'b', 'c', 'd'])
    await catalog.end('s', 'cancelled', TOMBSTONE_DUE)
    t.strictSame(await garbage(catalog), ['a', 'b', 'c', 'd', 'e'])
  })

  t.test(
    'publish: blobs move from the session to the object, those it replaces are freed',
    async t => {
      const { catalog } = await withBucket(t, make)
      await catalog.publish(publicationOf('s', [extent('old')]))
      await catalog.create(newSession('s'))
      const segments = [
        await write(catalog, 's', 0, [extent('a'), extent('b')]),
        await write(catalog, 's', 1, [extent('b', 5, 10), extent('c')]),
      ]
      await finish(catalog, 's', segments)
      t.strictSame(await garbage(catalog), ['old'])
      await catalog.deleteObject('bkt', 's', {}, undefined, NOW)
      t.strictSame(await garbage(catalog), ['a', 'b', 'c', 'old'])
    },
  )

  t.test('objects may share blobs; the last one frees them', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.publish(publicationOf('x', [extent('a'), extent('b')]))
    await catalog.publish(publicationOf('copy', [extent('b'), extent('a')]))
    await catalog.publish(publicationOf('x', [extent('a'), extent('b'), extent('c')]))
    await catalog.deleteObject('bkt', 'x', {}, undefined, NOW)
    t.strictSame(await garbage(catalog), ['c'])
    await catalog.deleteObject('bkt', 'copy', {}, undefined, NOW)
    t.strictSame(await garbage(catalog), ['a', 'b', 'c'])
  })

  t.test('a blob that was given up is never content again: it may be gone already', async t => {
    const { catalog } = await withBucket(t, make)
    await catalog.publish(publicationOf('x', [extent('a')]))
    await catalog.deleteObject('bkt', 'x', {}, undefined, NOW)
    await t.rejects(catalog.publish(publicationOf('y', [extent('a')])), refusal('catalog_failed'))
    t.equal(await catalog.object('bkt', 'y'), undefined)
    t.strictSame(await garbage(catalog), ['a'])
  })

  t.test('any history of content: garbage is exactly what nothing refers to', async t => {
    const { catalog } = await withBucket(t, make)
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 25 }), async changes => {
        run += 1
        const world = new World(catalog, `run${run}`)
        for (const next of changes) await world.apply(next)
        t.strictSame(await garbage(catalog), world.garbage())
        await world.tidyUp()
      }),
      { numRuns: 40 },
    )
  })
}

const KINDS = ['write', 'publish', 'compose', 'move', 'delete', 'finish', 'end'] as const

/**
 * Replace the content of one of a few segments or names by some of a few blobs, or by what some of these names hold; or publish
 * or end all segments.
 */
interface Change {
  readonly kind: (typeof KINDS)[number]
  readonly place: number
  readonly blobs: readonly number[]
}

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom(...KINDS, 'write', 'publish'),
  place: fc.nat(2),
  blobs: fc.array(fc.nat(4), { maxLength: 4 }),
})

/** The same history, kept in two maps. */
class World {
  readonly #catalog: Catalog
  readonly #run: string
  readonly #objects = new Map<string, readonly Extent[]>()
  readonly #segments = new Map<number, readonly Extent[]>()
  readonly #known = new Set<string>()
  #blobs = new Map<number, string>()
  #made = 0
  #session: string | undefined

  constructor(catalog: Catalog, run: string) {
    this.#catalog = catalog
    this.#run = run
  }

  async apply({ kind, place, blobs }: Change): Promise<void> {
    const name = `${this.#run}-${place}`
    switch (kind) {
      case 'write': {
        const extents = this.#extents(blobs)
        await write(this.#catalog, await this.#open(), place, extents, true)
        this.#segments.set(place, extents)
        break
      }
      case 'publish': {
        const extents = this.#extents(blobs)
        await this.#catalog.publish(publicationOf(name, extents))
        this.#objects.set(name, extents)
        break
      }
      case 'compose':
      case 'move':
        await this.#compose(name, blobs, kind === 'move')
        break
      case 'delete':
        if (!this.#objects.delete(name)) break
        await this.#catalog.deleteObject('bkt', name, {}, undefined, NOW)
        break
      case 'finish': {
        const key = await this.#open()
        const segments = await this.#catalog.segments(key)
        await finish(this.#catalog, key, segments, { name })
        this.#objects.set(name, [...segments.flatMap(({ extents }) => extents)])
        this.#close()
        break
      }
      case 'end':
        await this.#catalog.end(await this.#open(), 'cancelled', TOMBSTONE_DUE)
        this.#close()
        break
    }
  }

  garbage(): string[] {
    const referred = this.#referred()
    return [...this.#known].filter(blob => !referred.has(blob)).sort()
  }

  async tidyUp(): Promise<void> {
    for (const name of this.#objects.keys()) {
      await this.#catalog.deleteObject('bkt', name, {}, undefined, NOW)
    }
    if (this.#session !== undefined) {
      await this.#catalog.end(this.#session, 'cancelled', TOMBSTONE_DUE)
    }
    await this.#catalog.forget([...this.#known])
  }

  /** Of the names with these numbers that bear an object, however often each is named. */
  async #compose(name: string, numbers: readonly number[], isRemoved: boolean): Promise<void> {
    const names = numbers.map(number => `${this.#run}-${number}`)
    const found = await Promise.all(names.map(source => this.#catalog.object('bkt', source)))
    const objects = found.filter((object): object is StoredObject => object !== undefined)
    const extents = objects.flatMap(object => this.#objects.get(object.name) ?? [])
    const sources = objects.map(object => sourceOf(object, { isRemoved }))
    await this.#catalog.publish(publicationOf(name, extents, { sources }))
    if (isRemoved) for (const object of objects) this.#objects.delete(object.name)
    this.#objects.set(name, extents)
  }

  #referred(): Set<string> {
    const lists = [...this.#objects.values(), ...this.#segments.values()]
    return new Set(lists.flat().map(({ blob }) => blob))
  }

  /** Blobs that are still referred to are used again; of the others there are new ones. */
  #extents(numbers: readonly number[]): Extent[] {
    const referred = this.#referred()
    return numbers.map(number => {
      let blob = this.#blobs.get(number)
      if (blob === undefined || (this.#known.has(blob) && !referred.has(blob))) {
        this.#made += 1
        blob = `${this.#run}-blob${this.#made}`
        this.#blobs.set(number, blob)
      }
      this.#known.add(blob)
      return extent(blob)
    })
  }

  async #open(): Promise<string> {
    if (this.#session === undefined) {
      this.#made += 1
      this.#session = `${this.#run}-session${this.#made}`
      await this.#catalog.create(newSession(this.#session))
    }
    return this.#session
  }

  #close(): void {
    this.#session = undefined
    this.#segments.clear()
  }
}
