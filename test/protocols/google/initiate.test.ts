import { test } from 'tap'
import { begin, G, initiate, metadata, put, read, tokenOf, upload } from '../../support/google.ts'
import { sampleBytes, startServer } from '../../support/server.ts'

test('GCS-11: an initiation is 200, empty, with the session in two headers', async t => {
  const server = await startServer(t)
  const begun = await begin(server, 'dir/a b.bin', { 'Content-Type': 'application/json' }, {})
  t.equal(begun.status, 200)
  t.equal(begun.headers['content-length'], '0')
  t.equal(begun.text, '')
  const { location = '' } = begun.headers
  const token = tokenOf(location)
  t.match(token, /^[A-Za-z0-9_-]{43}$/)
  t.equal(begun.headers['x-guploader-uploadid'], token)
  t.equal(
    location,
    `${server.base}/upload/storage/v1/b/bkt/o?name=dir%2Fa%20b.bin&uploadType=resumable&upload_id=${token}`,
  )
  t.notOk(Object.keys(begun.headers).some(name => name.startsWith('x-goog-upload')))
})

test('GCS-12: no body, {}, a resource; what is not JSON is 400', async t => {
  const server = await startServer(t)
  const path = '/upload/storage/v1/b/bkt/o?uploadType=resumable'
  t.equal((await server.ask(`POST ${path}&name=a`)).status, 200)
  t.equal((await server.ask(`POST ${path}&name=a`, {}, '{}')).status, 200)
  const inBody = await server.ask(`POST ${path}`, {}, '{"name":"dir/b"}')
  t.equal(inBody.status, 200)
  t.match(inBody.headers['location'], 'name=dir%2Fb&')
  for (const body of ['{', '[]', '"a"', 'name=a']) {
    const refused = await server.ask(`POST ${path}&name=a`, {}, body)
    t.equal(refused.status, 400)
    t.equal(refused.json().error.errors[0].reason, 'parseError')
  }
  const nameless = await server.ask(`POST ${path}`, {}, '{}')
  t.equal(nameless.json().error.errors[0].reason, 'required')
  t.equal((await server.ask(`POST ${path}&name=a`, {}, '{"name":"a"}')).status, 200)
  t.equal((await server.ask(`POST ${path}&name=a`, {}, '{"name":"b"}')).status, 400)
  const odd = await server.ask(`POST ${path}&name=a`, {}, '{"contentType":5}')
  t.equal(odd.json().error.errors[0].reason, 'invalid')
  const large = JSON.stringify({ metadata: { k: 'x'.repeat(9000) } })
  t.equal((await server.ask(`POST ${path}&name=a`, {}, large)).status, 400)
  const huge = await server.ask(`POST ${path}&name=a`, {}, Buffer.alloc(1024 * 1024 + 1, ' '))
  t.equal(huge.status, 413)
})

test('GCS-13: the Location has the host that the client used', async t => {
  const server = await startServer(t)
  const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'up.example.org' }
  t.ok((await begin(server, 'a', forwarded)).headers['location']?.startsWith(`${server.base}/`))
  const named = await begin(server, 'a', { Host: 'other.example:99' })
  t.ok(named.headers['location']?.startsWith('http://other.example:99/upload/'))
})

test('GCS-13: behind a trusted proxy, and with a public URL', async t => {
  const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'up.example.org' }
  const trusting = await startServer(t, { trustProxy: true })
  const proxied = await begin(trusting, 'a', forwarded)
  t.ok(proxied.headers['location']?.startsWith('https://up.example.org/upload/storage/v1/'))
})

test('GCS-13: a public URL wins', async t => {
  const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'up.example.org' }
  const settings = { trustProxy: true, publicUrl: 'https://files.example.com/gcs' }
  const server = await startServer(t, settings)
  const begun = await begin(server, 'a', forwarded)
  t.ok(begun.headers['location']?.startsWith('https://files.example.com/gcs/upload/storage/v1/'))
  const { mediaLink } = (await upload(server, 'b', 'x')).json()
  t.ok(mediaLink.startsWith('https://files.example.com/gcs/download/storage/v1/b/bkt/o/b?'))
})

test('GCS-14: contentType: the resource beats X-Upload-Content-Type beats nothing; chunks have no say', async t => {
  const server = await startServer(t)
  const type = { 'X-Upload-Content-Type': 'application/pdf' }
  const chunk = { 'Content-Type': 'text/html' }
  const plain = await initiate(server, 'plain')
  t.equal(
    (await put(server, plain, undefined, 'x', chunk)).json().contentType,
    'application/octet-stream',
  )
  const typed = await initiate(server, 'typed', type)
  t.equal((await put(server, typed, undefined, 'x', chunk)).json().contentType, 'application/pdf')
  const both = await initiate(server, 'both', type, { contentType: 'image/png' })
  t.equal((await put(server, both, undefined, 'x', chunk)).json().contentType, 'image/png')
  const empty = await initiate(server, 'empty', { 'X-Upload-Content-Type': '' })
  t.equal((await put(server, empty, undefined, 'x')).json().contentType, 'application/octet-stream')
})

test('GCS-15: the aliases of the upload path; reads at the root', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(G)
  const trees = {
    '/upload/storage/v1/b/bkt/o': '/upload/storage/v1/b/bkt/o?',
    '/upload/storage/v1/b/bkt/o/': '/upload/storage/v1/b/bkt/o?',
    '/resumable/upload/storage/v1/b/bkt/o': '/resumable/upload/storage/v1/b/bkt/o?',
    '/upload/b/bkt/o': '/upload/storage/v1/b/bkt/o?',
    '/storage/v1/upload/storage/v1/b/bkt/o': '/upload/storage/v1/b/bkt/o?',
  }
  for (const [path, location] of Object.entries(trees)) {
    const begun = await server.ask(`POST ${path}?uploadType=resumable&name=a`)
    t.equal(begun.status, 200, path)
    t.ok(begun.headers['location']?.startsWith(server.base + location), path)
    const token = tokenOf(begun.headers['location'] ?? '')
    // The session is its upload_id, whatever the path and the rest of the query say.
    const done = await server.ask(`PUT ${path}?upload_id=${token}`, {}, bytes)
    t.equal(done.status, 200, path)
  }
  for (const root of [
    '',
    '/storage/v1',
    '/download/storage/v1',
    '/storage/v1/download/storage/v1',
  ]) {
    t.same((await server.ask(`GET ${root}/b/bkt/o/a?alt=media`)).body, bytes, root)
  }
  t.equal((await server.ask('GET /b/bkt/o/a')).json().name, 'a')
  t.equal((await server.ask('GET /b/bkt')).json().name, 'bkt')
  t.equal((await server.ask('GET /b?project=p')).json().items[0].name, 'bkt')
  t.equal((await server.ask('GET /b/bkt/o')).json().items[0].name, 'a')
  t.equal((await server.ask('GET /upload/storage/v1/b/bkt')).status, 404)
  t.equal((await server.ask('POST /upload/storage/v1/b/bkt/o/a?uploadType=media')).status, 404)
})

test('X-Upload-Content-Length: not a number is 400, too much is 413', async t => {
  const server = await startServer(t, { maxObjectSize: 1000 })
  for (const length of ['x', '-1', '1.5', '99999999999999999999']) {
    const refused = await begin(server, 'a', { 'X-Upload-Content-Length': length })
    t.equal(refused.status, 400, length)
  }
  const large = await begin(server, 'a', { 'X-Upload-Content-Length': 1001 })
  t.equal(large.status, 413)
  t.equal(large.json().error.errors[0].reason, 'uploadTooLarge')
  const session = await initiate(server, 'a')
  t.equal((await put(server, session, '0-1000/1001', sampleBytes(1001))).status, 413)
  t.equal((await upload(server, 'a', sampleBytes(1001))).status, 413)
})

test('§7: metadata of the initiation; X-Goog-Meta-* of the final request below it', async t => {
  const server = await startServer(t)
  const resource = {
    metadata: { owner: 'me', gone: null },
    cacheControl: 'no-store',
    contentLanguage: 'en',
    contentDisposition: 'inline',
    customTime: '2026-01-02T03:04:05Z',
    storageClass: 'NEARLINE',
    generation: '5',
    kind: 'ignored',
  }
  const session = await initiate(server, 'a', {}, resource)
  const late = { 'X-Goog-Meta-Owner': 'other', 'X-Goog-Meta-Team': 'ü' }
  await put(server, session, undefined, 'x', late)
  const stored = (await metadata(server, 'a')).json()
  t.strictSame(stored.metadata, { owner: 'me', team: 'ü' })
  t.equal(stored.cacheControl, 'no-store')
  t.equal(stored.storageClass, 'NEARLINE')
  t.equal(stored.customTime, '2026-01-02T03:04:05Z')
  const response = await read(server, 'a')
  t.equal(response.headers['cache-control'], 'no-store')
  t.equal(response.headers['content-language'], 'en')
  t.equal((await begin(server, 'b', {}, { storageClass: 'COSY' })).status, 400)
})

test('no more open sessions than there may be, until one ends', async t => {
  const server = await startServer(t, { maxSessions: 2 })
  const first = await initiate(server, 'a')
  await initiate(server, 'b')
  const refused = await begin(server, 'c')
  t.equal(refused.status, 503)
  t.equal(refused.headers['retry-after'], '30')
  t.equal(refused.json().error.errors[0].reason, 'backendError')
  t.equal((await upload(server, 'm', 'media')).status, 200, 'an upload in one request needs none')
  await server.restart()
  t.equal((await begin(server, 'c')).status, 503, 'known after a restart')
  t.equal((await put(server, first, '0-3/4', 'abcd')).status, 200)
  t.equal((await begin(server, 'c')).status, 200)
})
