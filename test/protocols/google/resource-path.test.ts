import { test } from 'tap'
import { MalformedEncoding } from '../../../src/http/query.ts'
import { parseResource, parseUploadBucket } from '../../../src/protocols/google/resource-path.ts'

test('gcs.md §1: split raw, decoded once', t => {
  const of = (name: string) => ({ bucket: 'bkt', name })
  const object = (name: string) => ({ kind: 'object', ...of(name) })
  const part = (what: string, rest: string) => {
    return { kind: 'bucketPart', bucket: 'bkt', part: { what, rest } }
  }
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
    '/bkt/iam': part('iam', ''),
    '/bkt/iam/testPermissions': part('iam', 'testPermissions'),
    '/bkt/o/acl': object('acl'),
    '/bkt/o/a/b/acl': { ...object('a/b/acl'), part: { of: of('a/b'), what: 'acl', rest: '' } },
    '/bkt/o/a/acl/me': { ...object('a/acl/me'), part: { of: of('a'), what: 'acl', rest: 'me' } },
    '/bkt/o/a%2Facl/acl': {
      ...object('a/acl/acl'),
      part: { of: of('a/acl'), what: 'acl', rest: '' },
    },
  }
  for (const [path, expected] of Object.entries(paths)) {
    t.strictSame(parseResource(path, false), expected, path)
  }
  for (const path of ['/bkt/o/%ZZ', '/%', '/bkt/o/%C3']) {
    t.throws(() => parseResource(path, false), MalformedEncoding, path)
  }
  t.end()
})

test('GCS-55: verbs end a posted path only, and only where they are not encoded', t => {
  const of = (bucket: string, name: string) => ({ bucket, name })
  const [a, y] = [of('bkt', 'a'), of('x', 'y')]
  const verbs = {
    '/bkt/o/a/compose': { kind: 'compose', destination: a },
    '/bkt/o/a/b/compose': { kind: 'compose', destination: of('bkt', 'a/b') },
    '/bkt/o/a/compose/compose': { kind: 'compose', destination: of('bkt', 'a/compose') },
    '/bkt/o/a%2Fcompose/compose': { kind: 'compose', destination: of('bkt', 'a/compose') },
    '/bkt/o/a/rewriteTo/b/x/o/y': { kind: 'rewriteTo', source: a, destination: y },
    '/bkt/o/a/copyTo/b/x/o/y': { kind: 'copyTo', source: a, destination: y },
    '/bkt/o/a/moveTo/o/y': { kind: 'moveTo', source: a, destination: of('bkt', 'y') },
    '/bkt/o/a/copyTo/b/x/o/y/compose': {
      kind: 'copyTo',
      source: a,
      destination: of('x', 'y/compose'),
    },
    '/bkt/o/a%2FrewriteTo%2Fb%2Fx%2Fo%2Fz/rewriteTo/b/x/o/y': {
      kind: 'rewriteTo',
      source: of('bkt', 'a/rewriteTo/b/x/o/z'),
      destination: y,
    },
    '/bkt/o/p/q/rewriteTo/b/x/o/r/s': {
      kind: 'rewriteTo',
      source: of('bkt', 'p/q'),
      destination: of('x', 'r/s'),
    },
  }
  for (const [path, expected] of Object.entries(verbs)) {
    t.strictSame(parseResource(path, true), expected, path)
    t.equal(parseResource(path, false).kind, 'object', path)
  }
  for (const path of ['/bkt/o/a%2Fcompose', '/bkt/o/compose', '/bkt/o/a/rewriteTo/b/x/o/']) {
    t.equal(parseResource(path, true).kind, 'object', path)
  }
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
