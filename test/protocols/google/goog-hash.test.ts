import { test } from 'tap'
import { agreed, declaredChecksums, parseCrc32c } from '../../../src/protocols/google/goog-hash.ts'
import { Refusal } from '../../../src/protocols/google/refusal.ts'

const MD5 = 'XUFAKrxLKna5cZ2REBfFkg=='

test('gcs.md §8: what a request declares', t => {
  const of = (hash: string, more = {}) => declaredChecksums({ 'x-goog-hash': hash, ...more }, true)
  t.equal(declaredChecksums({}, true), undefined)
  t.equal(declaredChecksums({ 'content-md5': MD5 }, false), undefined)
  t.strictSame(declaredChecksums({ 'content-md5': MD5 }, true), { md5: MD5 })
  t.strictSame(of('crc32c=mnG7TA=='), { crc32c: 0x9a71bb4c })
  t.strictSame(of(` CRC32C = mnG7TA== ,md5=${MD5},sha1=x`), { crc32c: 0x9a71bb4c, md5: MD5 })
  t.strictSame(of(`md5=${MD5}, md5=${MD5}`, { 'content-md5': MD5 }), { md5: MD5 })
  t.strictSame(of(''), {})
  for (const wrong of [
    'crc32c=',
    'crc32c=mnG7TA',
    'md5=mnG7TA==',
    'crc32c=mnG7TA==,crc32c=AAAAAA==',
  ]) {
    t.throws(() => of(wrong), Refusal, wrong)
  }
  t.throws(() => of(`md5=${MD5}`, { 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' }), Refusal)
  t.equal(parseCrc32c('4waSgw==', 'x'), 0xe3069283)
  t.throws(() => agreed({ crc32c: 1 }, { crc32c: 2 }), Refusal)
  t.end()
})
