import fc from 'fast-check'
import type { Test } from 'tap'
import type { Catalog, ObjectQuery } from '../../../src/engine/ports.ts'
import {
  EDGES,
  edgeText,
  inBytes,
  type MakeCatalog,
  publicationOf,
  withBucket,
} from './fixtures.ts'

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

export function listContract(t: Test, make: MakeCatalog): void {
  const published = async (t: Test, names = NAMES): Promise<Catalog> => {
    const { catalog } = await withBucket(t, make)
    await catalog.createBucket('bkt2', 0)
    await Promise.all([
      // Not in the order that they are listed in.
      ...names.toReversed().map(name => catalog.publish(publicationOf(name, []))),
      catalog.publish(publicationOf('other', [], { bucket: 'bkt2' })),
    ])
    return catalog
  }
  const list = async (catalog: Catalog, query: Partial<ObjectQuery>) =>
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

  t.test('objects: from a name on, before another, and beyond what a prefix covers', async t => {
    const catalog = await published(t)
    const last = ['\u{10ffff}', '\u{10ffff}\u{10ffff}']
    t.strictSame(await list(catalog, { from: 'a/', before: 'a/é' }), ['a/', 'a/1'])
    t.strictSame(await list(catalog, { from: 'a/0', before: 'a/\u{ff5e}' }), ['a/1', 'a/é'])
    t.strictSame(await list(catalog, { from: 'a/1', after: 'a/1', before: 'a/é' }), [])
    t.strictSame(await list(catalog, { from: 'b', before: 'a' }), [])
    t.strictSame(await list(catalog, { before: '' }), [])
    t.strictSame(await list(catalog, { prefix: 'a', before: 'a!' }), ['a'])
    t.strictSame(await list(catalog, { beyond: 'a/', before: 'b\ue000' }), [
      'a0',
      'b\ud7ff',
      'b\ud7ffz',
    ])
    t.strictSame(await list(catalog, { prefix: 'a', beyond: 'a/' }), ['a0'])
    t.strictSame(await list(catalog, { prefix: 'a/', beyond: 'a/' }), [])
    t.strictSame(await list(catalog, { beyond: 'b\ud7ff' }), ['b\ue000', 'é', ...last])
    t.strictSame(await list(catalog, { beyond: 'a/\u{10ffff}', limit: 1 }), ['a0'])
    t.strictSame(await list(catalog, { beyond: 'zz' }), ['é', ...last])
    t.strictSame(await list(catalog, { beyond: '\u{10ffff}' }), [])
    t.strictSame(await list(catalog, { beyond: '' }), [], 'all begin with nothing')
  })

  t.test('objects: any bounds together are what sorting and filtering gives', async t => {
    const names = [
      ...new Set([...NAMES, ...EDGES, ...EDGES.flatMap(edge => EDGES.map(other => edge + other))]),
    ]
    const catalog = await published(t, names)
    const inOrder = names.toSorted(inBytes)
    const bound = fc.oneof(edgeText, fc.constantFrom(...NAMES))
    const bounds = { after: bound, beyond: bound, from: bound, before: bound }
    const query = fc.record(
      { ...bounds, prefix: edgeText, limit: fc.nat(99) },
      { requiredKeys: ['prefix'] },
    )
    await fc.assert(
      fc.asyncProperty(query, async ({ prefix, after, beyond, from, before, limit = 99 }) => {
        const expected = inOrder.filter(
          name =>
            name.startsWith(prefix) &&
            (after === undefined || inBytes(name, after) > 0) &&
            (beyond === undefined || (inBytes(name, beyond) > 0 && !name.startsWith(beyond))) &&
            (from === undefined || inBytes(name, from) >= 0) &&
            (before === undefined || inBytes(name, before) < 0),
        )
        const found = await list(catalog, {
          prefix,
          ...(after !== undefined && { after }),
          ...(beyond !== undefined && { beyond }),
          ...(from !== undefined && { from }),
          ...(before !== undefined && { before }),
          limit,
        })
        return JSON.stringify(found) === JSON.stringify(expected.slice(0, limit))
      }),
      { numRuns: 2_000 },
    )
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
