import { test } from 'tap'
import { lengthOf, slice } from '../../src/engine/content.ts'

const content = [
  { blob: 'a', start: 10, length: 5, crc32c: 1 },
  { blob: 'b', start: 0, length: 3, crc32c: 2 },
  { blob: 'a', start: 15, length: 4, crc32c: 3 },
]

test('a slice names the parts of extents, and keeps the checksum of whole ones', async t => {
  t.equal(lengthOf(content), 12)
  t.same(slice(content, 0, 12), content)
  t.same(slice(content, 3, 9), [
    { blob: 'a', start: 13, length: 2, crc32c: undefined },
    { blob: 'b', start: 0, length: 3, crc32c: 2 },
    { blob: 'a', start: 15, length: 1, crc32c: undefined },
  ])
  t.same(slice(content, 5, 5), [])
  t.same(slice(content, 6, 7), [{ blob: 'b', start: 1, length: 1, crc32c: undefined }])
  t.same(slice(content, 11, 99), [{ blob: 'a', start: 18, length: 1, crc32c: undefined }])
})
