import { test } from 'tap'
import { initiate, metadata, put, read, upload } from '../../support/google.ts'
import { startServer } from '../../support/server.ts'

const NAMES = [
  'plain',
  'with space',
  'a+b',
  'a%2Fb',
  '100%',
  'what?',
  'hash#tag',
  'a&b=c',
  '../../etc/passwd',
  'a/../b',
  '...',
  '/leading',
  'trailing/',
  'a//b',
  'x/acl',
  'a/compose',
  'a/rewriteTo/b/bkt/o/b',
  'a/iam/testPermissions',
  'é',
  '\u{1f600}',
  'quote\'"',
  'back\\slash',
  'x'.repeat(1024),
  'é'.repeat(512),
  '\u{1f600}'.repeat(256),
]

test('GCS-55: names of every kind: upload, read, list, delete', async t => {
  const server = await startServer(t)
  for (const [at, name] of NAMES.entries()) {
    const short = name.slice(0, 20)
    if (at % 2 === 0) {
      t.equal((await upload(server, name, `content ${at}`)).json().name, name, short)
    } else {
      const session = await initiate(server, name)
      t.equal((await put(server, session, undefined, `content ${at}`)).json().name, name, short)
    }
  }
  for (const [at, name] of NAMES.entries()) {
    t.equal((await read(server, name)).text, `content ${at}`, name.slice(0, 20))
    t.equal((await metadata(server, name)).json().name, name, name.slice(0, 20))
  }
  const listed = (await server.ask('GET /storage/v1/b/bkt/o?fields=items/name')).json()
  t.strictSame(new Set(listed.items.map(({ name }: { name: string }) => name)), new Set(NAMES))
  for (const name of NAMES) {
    const path = `/storage/v1/b/bkt/o/${encodeURIComponent(name)}`
    t.equal((await server.ask(`DELETE ${path}`)).status, 204, name.slice(0, 20))
  }
})

test('GCS-55: slashes that a client does not encode belong to the name', async t => {
  const server = await startServer(t)
  await upload(server, 'a/b/c', 'x')
  t.equal((await server.ask('GET /storage/v1/b/bkt/o/a/b/c?alt=media')).text, 'x')
  await upload(server, 'a/compose', 'y')
  t.equal((await server.ask('GET /storage/v1/b/bkt/o/a/compose?alt=media')).text, 'y')
  t.equal((await server.ask('GET /storage/v1/b/bkt/o/a%2Fcompose?alt=media')).text, 'y')
  t.equal((await server.ask('DELETE /storage/v1/b/bkt/o/a/b/c')).status, 204)

  // The object of that name where there is one, and otherwise what the API has under it.
  const acl = '/storage/v1/b/bkt/o/a/compose/acl'
  t.equal((await server.ask(`GET ${acl}`)).json().kind, 'storage#objectAccessControls')
  await upload(server, 'a/compose/acl', 'z')
  t.equal((await server.ask(`GET ${acl}`)).json().name, 'a/compose/acl')
  t.equal((await server.ask(`GET ${acl}?alt=media`)).text, 'z')
  const patched = await server.ask(`PATCH ${acl}`, {}, '{"contentType":"a/b"}')
  t.equal(patched.json().contentType, 'a/b')
  t.equal((await server.ask(`DELETE ${acl}`)).status, 204)
  t.equal((await server.ask('GET /storage/v1/b/bkt/o/nothing/acl')).status, 404)
  t.equal((await server.ask('GET /storage/v1/b/bkt/o/nothing%2Facl')).status, 404)
})

test('names that cannot be are refused, however they come', async t => {
  const server = await startServer(t)
  const wrong = [
    '.',
    '..',
    'a\0b',
    'a\nb',
    'a\rb',
    'x'.repeat(1025),
    '.well-known/acme-challenge/x',
  ]
  for (const name of wrong) {
    const media = await upload(server, name, 'x')
    t.equal(media.status, 400, JSON.stringify(name.slice(0, 20)))
    t.equal(media.json().error.errors[0].reason, 'invalid')
    const begun = await server.ask(
      'POST /upload/storage/v1/b/bkt/o?uploadType=resumable',
      {},
      JSON.stringify({ name }),
    )
    t.equal(begun.status, 400)
  }
  t.equal((await upload(server, '', 'x')).status, 400)
  const lone = await server.ask(
    'POST /upload/storage/v1/b/bkt/o?uploadType=resumable',
    {},
    '{"name":"\\ud800"}',
  )
  t.equal(lone.status, 400)
})

test("bad percent-encoding is 400 in the door's own form, in the path and in the query", async t => {
  const server = await startServer(t)
  for (const request of [
    'GET /storage/v1/b/bkt/o/%ZZ',
    'GET /storage/v1/b/bkt/o/%',
    'GET /storage/v1/b/bkt/o/%FF%FE',
    'GET /storage/v1/b/%ZZ/o/a',
    'POST /upload/storage/v1/b/%ZZ/o?uploadType=media&name=a',
    'POST /upload/storage/v1/b/bkt/o?uploadType=media&name=%ZZ',
    'POST /upload/storage/v1/b/bkt/o?uploadType=media&name=%C3%28',
  ]) {
    const refused = await server.ask(request)
    t.equal(refused.status, 400, request)
    t.equal(refused.json().error.errors[0].reason, 'invalid')
    t.notMatch(refused.text, '%ZZ')
  }
})

test('paths that nobody serves are 404, whatever they hold', async t => {
  const server = await startServer(t)
  for (const path of ['/', '/nope', '/storage/v2/b', '/upload/storage/v1/b/', '/-/nope']) {
    t.equal((await server.ask(`GET ${path}`)).status, 404, path)
  }
  // What no other door has is the XML API's, which finds this malformed.
  t.equal((await server.ask('GET /%ZZ')).status, 400)
})
