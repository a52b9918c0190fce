import fc from 'fast-check'
import { test } from 'tap'
import { nameRange } from '../../../src/catalog/sqlite/name-range.ts'

const bytesOf = (text: string | Uint8Array) =>
  // In SQLite every blob comes after every text.
  typeof text === 'string' ? Buffer.from(text) : Buffer.alloc(64, 0xff)
const isBelow = (left: string | Uint8Array, right: string | Uint8Array) =>
  Buffer.compare(bytesOf(left), bytesOf(right)) < 0

/** Few characters, so that prefixes match: the ends of each length in UTF-8, and both sides of the surrogates. */
const text = fc.string({
  unit: fc.constantFrom(
    'a',
    '\x7f',
    '\u07ff',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{10000}',
    '\u{10ffff}',
  ),
  maxLength: 4,
})

test('in the range is exactly what begins with the prefix and comes after the name', async () => {
  fc.assert(
    fc.property(text, text, fc.option(text, { nil: undefined }), (name, prefix, after) => {
      const { from, end } = nameRange(prefix, after)
      const isInRange = !isBelow(name, from) && isBelow(name, end)
      const isWanted = name.startsWith(prefix) && (after === undefined || isBelow(after, name))
      return isInRange === isWanted
    }),
    { numRuns: 5_000 },
  )
})
