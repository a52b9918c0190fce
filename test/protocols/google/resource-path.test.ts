import { test } from 'tap'
import { MalformedEncoding } from '../../../src/http/query.ts'
import { parseResource, parseUploadBucket } from '../../../src/protocols/google/resource-path.ts'

test('gcs.md §1: split raw, decoded once', t => {
  const object = (name: string) => ({ kind: 'object', bucket: 'bkt', name })
  const paths = {
    '': { kind: 'buckets' },
    '/': { kind: 'buckets' },
    '/bkt': { kind: 'bucket', bucket: 'bkt' },
    '/bkt/': { kind: 'bucket', bucket: 'bkt' },
    '/b%6bt': { kind: 'bucket', bucket: 'bkt' },
    '/bkt/o': { kind: 'objects', bucket: 'bkt' },
    '/bkt/o/': { kind: 'objects', bucket: 'bkt' },
    '/bkt/o/a': object('a'),
    '/bkt/o/a%2Fb': object('a/b'),
    '/bkt/o/a/b': object('a/b'),
    '/bkt/o/a%252Fb': object('a%2Fb'),
    '/bkt/o/x%2Facl': object('x/acl'),
    '/bkt/o/a/compose': object('a/compose'),
    '/bkt/o//a//': object('/a//'),
    '/bkt/o/..': object('..'),
    '/bkt/o/a+b': object('a+b'),
    '/bkt/iam': { kind: 'other', what: 'iam' },
  }
  for (const [path, expected] of Object.entries(paths)) {
    t.strictSame(parseResource(path, false), expected, path)
  }
  for (const path of ['/bkt/o/%ZZ', '/%', '/bkt/o/%C3']) {
    t.throws(() => parseResource(path, false), MalformedEncoding, path)
  }
  t.end()
})

test('verbs end a posted path only, and only where they are not encoded', t => {
  const verbs = {
    '/bkt/o/a/compose': 'compose',
    '/bkt/o/a/rewriteTo/b/x/o/y': 'rewriteTo',
    '/bkt/o/a/copyTo/b/x/o/y': 'copyTo',
    '/bkt/o/a/moveTo/o/y': 'moveTo',
  }
  for (const [path, what] of Object.entries(verbs)) {
    t.strictSame(parseResource(path, true), { kind: 'other', what }, path)
    t.equal(parseResource(path, false).kind, 'object', path)
  }
  t.equal(parseResource('/bkt/o/a%2Fcompose', true).kind, 'object')
  t.end()
})

test('upload paths', t => {
  t.equal(parseUploadBucket('/bkt/o'), 'bkt')
  t.equal(parseUploadBucket('/bkt/o/'), 'bkt')
  for (const path of ['', '/', '/bkt', '/bkt/', '/bkt/x', '/bkt/o/a', '//o']) {
    t.equal(parseUploadBucket(path), undefined, path)
  }
  t.end()
})
