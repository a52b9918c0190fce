import { test } from 'tap'
import { select } from '../../../src/protocols/google/fields.ts'
import { Refusal } from '../../../src/protocols/google/refusal.ts'

const PAGE = {
  kind: 'k',
  items: [
    { id: 1, name: 'a', metadata: { x: '1', y: '2' } },
    { id: 2, name: 'b' },
  ],
  next: 't',
}

test('gcs.md §2: masks', t => {
  const masks = {
    kind: { kind: 'k' },
    'kind,next': { kind: 'k', next: 't' },
    'items/name': { items: [{ name: 'a' }, { name: 'b' }] },
    'items(id,name),next': {
      items: [
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ],
      next: 't',
    },
    'items(id),items/name': {
      items: [
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ],
    },
    'items(id),items': { items: PAGE.items },
    'items,items/name': { items: PAGE.items },
    'items/metadata/x': { items: [{ metadata: { x: '1' } }, {}] },
    'items/metadata(x,z)': { items: [{ metadata: { x: '1' } }, {}] },
    'items/*': { items: PAGE.items },
    'items(*)': { items: PAGE.items },
    '*': PAGE,
    ' kind , next ': { kind: 'k', next: 't' },
    nothing: {},
  }
  for (const [mask, expected] of Object.entries(masks)) {
    t.strictSame(select(PAGE, mask), expected, mask)
  }
  t.equal(select(PAGE, undefined), PAGE)
  t.equal(select(PAGE, ''), PAGE)
  t.end()
})

test('a name like any other', t => {
  const value = JSON.parse('{"metadata":{"__proto__":"mine"}}')
  const selected = select(value, 'metadata(__proto__)') as typeof value
  t.strictSame(Object.entries(selected.metadata), [['__proto__', 'mine']])
  t.end()
})

test('what is no mask is 400', t => {
  for (const mask of [
    ',',
    'a,',
    '(a)',
    'a(',
    'a)',
    'a()',
    'a/',
    '/a',
    'a(b',
    'a(b))',
    'x'.repeat(5000),
  ]) {
    t.throws(() => select(PAGE, mask), Refusal, mask.slice(0, 10))
  }
  t.end()
})
