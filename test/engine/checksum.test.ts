import { crc32c } from '@node-rs/crc32'
import fc from 'fast-check'
import { test } from 'tap'
import { combineCrc32c, contentCrc32c, RunningCrc } from '../../src/engine/checksum.ts'

test('byte vectors of gcs.md §19', async t => {
  const zeros = Buffer.alloc(262_144)
  const vectors: Array<[Buffer, string]> = [
    [Buffer.from(''), '00000000'],
    [Buffer.from('a'), 'c1d04330'],
    [Buffer.from('123456789'), 'e3069283'],
    [Buffer.from('hello world'), 'c99465aa'],
    [Buffer.alloc(32), '8a9136aa'],
    [Buffer.from(Array.from({ length: 32 }, (_, byte) => byte)), '46dd794e'],
    [zeros, 'f032bcf3'],
  ]
  for (const [bytes, hex] of vectors) {
    const running = new RunningCrc(0, 1)
    if (bytes.length > 0) running.update(bytes)
    t.equal(running.stored.crc32c.toString(16).padStart(8, '0'), hex)
  }
})

test('checksums combine as the bytes behind them do', async t => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (left, right) => {
      const [a, b] = [Buffer.from(left), Buffer.from(right)]
      return combineCrc32c(crc32c(a), crc32c(b), b.length) === crc32c(Buffer.concat([a, b]))
    }),
  )
  const half = Buffer.alloc(131_072)
  const extent = { blob: 'x', start: 0, length: half.length, crc32c: crc32c(half) }
  t.equal(contentCrc32c([extent, extent]).toString(16), 'f032bcf3')
  t.equal(contentCrc32c([]), 0)
})

test('appending 2^40 zero bytes is one step as well', async t => {
  // Twice 2^39 bytes must be what 2^40 are at once: lengths beyond 32 bits are halved without shifts.
  const once = combineCrc32c(0x12345678, 0, 2 ** 40)
  const twice = combineCrc32c(combineCrc32c(0x12345678, 0, 2 ** 39), 0, 2 ** 39)
  t.equal(once, twice)
})

test('a running checksum knows the last granule, however the bytes arrive', async t => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 64 }),
      fc.nat(0xffffffff),
      (pieces, granule, seed) => {
        const running = new RunningCrc(seed, granule)
        for (const piece of pieces) running.update(Buffer.from(piece))
        const all = Buffer.concat(pieces)
        const whole = all.length - (all.length % granule)
        return (
          running.stored.length === all.length &&
          running.stored.crc32c === crc32c(all, seed) &&
          running.granules.length === whole &&
          running.granules.crc32c === crc32c(all.subarray(0, whole), seed)
        )
      },
    ),
  )
  t.pass()
})
