import { test } from 'tap'
import {
  assertedChecksums,
  customHeaders,
  metadataOf,
  parseJsonObject,
} from '../../../src/protocols/google/metadata.ts'
import { Refusal } from '../../../src/protocols/google/refusal.ts'

test('gcs.md §3: the writable fields, and no others', t => {
  t.strictSame(metadataOf({}), {})
  t.strictSame(
    metadataOf({
      contentType: 'a/b',
      cacheControl: null,
      contentLanguage: '',
      metadata: { a: '1', b: null },
      size: 5,
      id: {},
    }),
    { contentType: 'a/b', custom: { a: '1' } },
  )
  for (const wrong of [
    { contentType: 1 },
    { metadata: 'x' },
    { metadata: [] },
    { metadata: { a: 1 } },
    { metadata: { a: 'x'.repeat(8192) } },
    { storageClass: 'COSY' },
    { customTime: 'yesterday' },
  ]) {
    t.throws(() => metadataOf(wrong), Refusal, JSON.stringify(wrong).slice(0, 40))
  }
  t.end()
})

test('asserted checksums', t => {
  t.strictSame(assertedChecksums({ crc32c: 'mnG7TA==', md5Hash: 'XUFAKrxLKna5cZ2REBfFkg==' }), {
    crc32c: 0x9a71bb4c,
    md5: 'XUFAKrxLKna5cZ2REBfFkg==',
  })
  t.strictSame(assertedChecksums({ crc32c: null, md5Hash: '' }), {})
  t.throws(() => assertedChecksums({ crc32c: 5 }), Refusal)
  t.throws(() => assertedChecksums({ md5Hash: 'x' }), Refusal)
  t.end()
})

test('custom metadata in headers', t => {
  t.equal(customHeaders({ 'content-type': 'x' }), undefined)
  const latin = Buffer.from('é').toString('latin1')
  t.strictSame(customHeaders({ 'x-goog-meta-a': 'b', 'x-goog-meta-c': latin }), { a: 'b', c: 'é' })
  t.throws(() => customHeaders({ 'x-goog-meta-a': 'x'.repeat(8192) }), Refusal)
  t.end()
})

test('JSON bodies', t => {
  t.strictSame(parseJsonObject(Buffer.alloc(0)), {})
  t.strictSame(parseJsonObject(Buffer.from('{"a":1}')), { a: 1 })
  for (const wrong of ['x', '[]', 'null', '1', '"a"', '{', ' ']) {
    t.throws(() => parseJsonObject(Buffer.from(wrong)), Refusal, wrong)
  }
  t.end()
})
