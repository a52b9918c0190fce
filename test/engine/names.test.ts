import { test } from 'tap'
import { checkBucketName, checkObjectName } from '../../src/engine/names.ts'
import { refusal } from '../support/refusal.ts'

test('bucket names (gcs.md §2)', async t => {
  for (const good of ['abc', 'a-b_c.d', '0bucket9', `${'a'.repeat(63)}.${'b'.repeat(63)}`]) {
    t.doesNotThrow(() => checkBucketName(good), good)
  }
  for (const bad of ['ab', 'Abc', '-abc', 'abc-', 'a..b', 'a/b', '', 'ä-bucket', 'a'.repeat(64)]) {
    t.throws(() => checkBucketName(bad), refusal('bucket_name_invalid'), bad)
  }
  for (const reserved of ['upload', 'storage', 'download', 'resumable', 'batch', 'ucloud', 'gws']) {
    t.throws(() => checkBucketName(reserved), refusal('bucket_name_invalid'))
  }
})

test('object names (gcs.md §2)', async t => {
  for (const good of ['a', 'a/../b', '..a', '%2F', 'ä/😀', 'x'.repeat(1024), ' ', 'a?b#c+d']) {
    t.doesNotThrow(() => checkObjectName(good), good)
  }
  const tooLong = '😀'.repeat(257)
  for (const bad of ['', '.', '..', 'a\0b', 'a\nb', 'a\rb', 'x'.repeat(1025), tooLong, '\ud800']) {
    t.throws(() => checkObjectName(bad), refusal('object_name_invalid'))
  }
  t.throws(() => checkObjectName('.well-known/acme-challenge/x'))
})
