import type { Test } from 'tap'
import type { Catalog } from '../../../src/engine/ports.ts'
import { type MakeCatalog, publicationOf, withBucket } from './fixtures.ts'

/**
 * Names where UTF-16 order and UTF-8 order differ (U+FF5E and an astral one), and those at the ends of what code points there
 * are: a prefix of them has no next prefix of the same length.
 */
const NAMES = [
  'a',
  'a!',
  'a/',
  'a/1',
  'a/é',
  'a/\u{ff5e}',
  'a/\u{1f600}',
  'a/\u{1f600}\u{1f600}',
  'a/\u{10ffff}',
  'a/\u{10ffff}\u{10ffff}z',
  'a0',
  'b\ud7ff',
  'b\ud7ffz',
  'b\ue000',
  'é',
  '\u{10ffff}',
  '\u{10ffff}\u{10ffff}',
]

const inBytes = (left: string, right: string) =>
  Buffer.compare(Buffer.from(left), Buffer.from(right))

export function listContract(t: Test, make: MakeCatalog): void {
  const published = async (t: Test): Promise<Catalog> => {
    const { catalog } = await withBucket(t, make)
    await catalog.createBucket('bkt2', 0)
    await Promise.all([
      // Not in the order that they are listed in.
      ...NAMES.toReversed().map(name => catalog.publish(publicationOf(name, []))),
      catalog.publish(publicationOf('other', [], { bucket: 'bkt2' })),
    ])
    return catalog
  }
  const list = async (
    catalog: Catalog,
    query: { prefix?: string; after?: string; limit?: number },
  ) =>
    (await catalog.objects({ bucket: 'bkt', prefix: '', limit: 99, ...query })).map(
      ({ name }) => name,
    )
  const sorted = NAMES.toSorted(inBytes)

  t.test('objects: in the order of their UTF-8 bytes, of one bucket', async t => {
    const catalog = await published(t)
    t.strictSame(await list(catalog, {}), sorted)
    t.strictSame(await catalog.objects({ bucket: 'nowhere', prefix: '', limit: 9 }), [])
    const [object] = await catalog.objects({ bucket: 'bkt', prefix: 'a/1', limit: 9 })
    t.strictSame(object, await catalog.object('bkt', 'a/1'))
  })

  t.test('objects: any prefix after any name is what filtering all of them gives', async t => {
    const catalog = await published(t)
    const prefixes = ['', ...NAMES, 'a/\u{10ffff}\u{10ffff}', 'b', 'zz', 'a/\0', '\ud83d']
    const afters = [undefined, '', ...NAMES, 'a/\u{1f600}!', 'zz']
    for (const prefix of prefixes) {
      for (const after of afters) {
        const expected = sorted.filter(
          name =>
            name.startsWith(prefix) &&
            // Half a surrogate pair is the beginning of no name.
            prefix.isWellFormed() &&
            (after === undefined || inBytes(name, after) > 0),
        )
        const found = await list(catalog, { prefix, ...(after !== undefined && { after }) })
        if (JSON.stringify(found) !== JSON.stringify(expected)) {
          t.strictSame(found, expected, JSON.stringify({ prefix, after }))
        }
      }
    }
    t.pass(`${prefixes.length} prefixes, each after ${afters.length} names`)
  })

  t.test('objects: page by page gives each once', async t => {
    const catalog = await published(t)
    const pages: string[] = []
    for (let after: string | undefined; ; after = pages.at(-1)) {
      const page = await list(catalog, { limit: 4, ...(after !== undefined && { after }) })
      if (page.length === 0) break
      t.ok(page.length <= 4)
      pages.push(...page)
    }
    t.strictSame(pages, sorted)
  })
}
