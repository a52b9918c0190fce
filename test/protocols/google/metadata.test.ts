import { test } from 'tap'
import {
  assertedChecksums,
  customHeaders,
  metadataOf,
  parseJsonObject,
  uploadMetadata,
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

test('a name like any other', t => {
  const named = customHeaders({ 'x-goog-meta-__proto__': 'mine', 'x-goog-meta-constructor': 'c' })
  t.strictSame(Object.entries(named ?? {}), [
    ['__proto__', 'mine'],
    ['constructor', 'c'],
  ])
  t.end()
})

test('what an upload says: the type in the resource beats the header, the query the encoding', t => {
  const none = { contentType: undefined, contentEncoding: undefined }
  const utf8 = Buffer.from('text/日本').toString('latin1')
  t.strictSame(uploadMetadata({}, none), {})
  t.strictSame(uploadMetadata({}, { contentType: utf8, contentEncoding: 'gzip' }), {
    contentType: 'text/日本',
    contentEncoding: 'gzip',
  })
  const resource = { contentType: 'a/b', contentEncoding: 'br' }
  t.strictSame(uploadMetadata(resource, { contentType: 'c/d', contentEncoding: 'gzip' }), {
    contentType: 'a/b',
    contentEncoding: 'gzip',
  })
  t.strictSame(uploadMetadata(resource, none), resource)
  for (const empty of [{ contentType: null }, { contentType: '' }]) {
    const beside = { contentType: 'c/d', contentEncoding: '' }
    t.strictSame(uploadMetadata(empty, beside), { contentType: 'c/d' })
  }
  for (const wrong of ['a\nb', 'a\0', 'x'.repeat(5000)]) {
    t.throws(() => uploadMetadata({}, { ...none, contentType: wrong }), Refusal)
    t.throws(() => uploadMetadata({}, { ...none, contentEncoding: wrong }), Refusal)
  }
  t.end()
})

test('JSON bodies', t => {
  t.strictSame(parseJsonObject(Buffer.alloc(0)), {})
  t.strictSame(parseJsonObject(Buffer.from('{"a":1}')), { a: 1 })
  t.strictSame(parseJsonObject(Buffer.from('null')), {})
  for (const wrong of ['x', '[]', '1', '"a"', '{', ' ']) {
    t.throws(() => parseJsonObject(Buffer.from(wrong)), Refusal, wrong)
  }
  t.end()
})
