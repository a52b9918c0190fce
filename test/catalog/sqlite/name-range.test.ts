import fc from 'fast-check'
import { test } from 'tap'
import { type Bound, nameRange } from '../../../src/catalog/sqlite/name-range.ts'
import { edgeText, inBytes } from '../../contract/catalog/fixtures.ts'

const bytesOf = (bound: Bound) =>
  // In SQLite every blob comes after every text.
  typeof bound === 'string' ? Buffer.from(bound) : Buffer.alloc(64, 0xff)
const isBelow = (left: Bound, right: Bound) => Buffer.compare(bytesOf(left), bytesOf(right)) < 0

const bounds = fc.record(
  { prefix: edgeText, after: edgeText, beyond: edgeText, from: edgeText, before: edgeText },
  { requiredKeys: ['prefix'] },
)

test('in the range is exactly what is within every bound', async () => {
  fc.assert(
    fc.property(edgeText, bounds, (name, given) => {
      const { prefix, after, beyond, from, before } = given
      const range = nameRange(given)
      const isInRange = !isBelow(name, range.from) && isBelow(name, range.end)
      const isWanted =
        name.startsWith(prefix) &&
        (after === undefined || inBytes(name, after) > 0) &&
        (beyond === undefined || (inBytes(name, beyond) > 0 && !name.startsWith(beyond))) &&
        (from === undefined || inBytes(name, from) >= 0) &&
        (before === undefined || inBytes(name, before) < 0)
      return isInRange === isWanted
    }),
    { numRuns: 20_000 },
  )
})
