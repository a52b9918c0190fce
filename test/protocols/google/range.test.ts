import { test } from 'tap'
import { parseRange } from '../../../src/protocols/google/range.ts'

test('gcs.md §10.3: what of the object to send', t => {
  const part = (from: number, to: number) => ({ kind: 'part', from, to })
  const cases = [
    ['bytes=0-4', 10, part(0, 5)],
    ['bytes=0-', 10, part(0, 10)],
    ['bytes=9-', 10, part(9, 10)],
    ['bytes=-1', 10, part(9, 10)],
    ['bytes=-99', 10, part(0, 10)],
    ['bytes=5-99', 10, part(5, 10)],
    ['bytes=5-99999999999999999999', 10, part(5, 10)],
    ['bytes=10-', 10, { kind: 'unsatisfiable' }],
    ['bytes=99999999999999999999-', 10, { kind: 'unsatisfiable' }],
    ['bytes=-0', 10, { kind: 'unsatisfiable' }],
    ['bytes=0-', 0, { kind: 'unsatisfiable' }],
    ['bytes=-5', 0, { kind: 'unsatisfiable' }],
    [undefined, 10, { kind: 'whole' }],
    ['bytes=4-2', 10, { kind: 'whole' }],
    ['bytes=-', 10, { kind: 'whole' }],
    ['bytes=a-b', 10, { kind: 'whole' }],
    ['bytes=0-1,2-3', 10, { kind: 'whole' }],
    ['lines=0-1', 10, { kind: 'whole' }],
  ] as const
  for (const [header, size, expected] of cases) {
    t.strictSame(parseRange(header, size), expected, `${header} of ${size}`)
  }
  t.end()
})
