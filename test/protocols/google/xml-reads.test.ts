import { test } from 'tap'
import { upload } from '../../support/google.ts'
import { sampleBytes, startServer, type TestServer } from '../../support/server.ts'

const XML = 'application/xml; charset=UTF-8'

test('GCS-61: GET and HEAD, with slashes encoded or not', async t => {
  const server = await startServer(t)
  const sent = { 'Content-Type': 'text/plain', 'X-Goog-Meta-Owner': 'grün' }
  const { generation } = (await upload(server, 'dir/a b.txt', 'hello', sent)).json()
  const expected = {
    'content-type': 'text/plain',
    'content-length': '5',
    'accept-ranges': 'bytes',
    etag: '"5d41402abc4b2a76b9719d911017c592"',
    'x-goog-hash': 'crc32c=mnG7TA==,md5=XUFAKrxLKna5cZ2REBfFkg==',
    'x-goog-generation': generation,
    'x-goog-metageneration': '1',
    'x-goog-storage-class': 'STANDARD',
    'x-goog-stored-content-length': '5',
    'x-goog-stored-content-encoding': 'identity',
  }
  for (const path of ['/bkt/dir%2Fa%20b.txt', '/bkt/dir/a%20b.txt']) {
    const got = await server.ask(`GET ${path}`, { 'Accept-Encoding': 'gzip' })
    t.equal(got.status, 200)
    t.equal(got.text, 'hello')
    t.match(got.headers, expected)
    t.match(got.headers['last-modified'], /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
    const owner = Buffer.from(got.headers['x-goog-meta-owner'] ?? '', 'latin1').toString()
    t.equal(owner, 'grün')
    const head = await server.ask(`HEAD ${path}`)
    t.equal(head.status, 200)
    t.match(head.headers, expected)
  }
})

test('GCS-61: ?generation= is that one or 404', async t => {
  const server = await startServer(t)
  const first = (await upload(server, 'a', 'first')).json().generation
  const second = (await upload(server, 'a', 'second')).json().generation
  t.equal((await server.ask(`GET /bkt/a?generation=${second}`)).text, 'second')
  const gone = await server.ask(`GET /bkt/a?generation=${first}`)
  t.equal(gone.status, 404)
  t.match(gone.text, '<Code>NoSuchKey</Code>')
  t.equal((await server.ask('GET /bkt/a?generation=x')).status, 400)
})

test('GCS-61, §11.4: what is not there is said in XML', async t => {
  const server = await startServer(t)
  const noKey = await server.ask('GET /bkt/dir/none%20%26')
  t.equal(noKey.status, 404)
  t.equal(noKey.headers['content-type'], XML)
  t.equal(
    noKey.text,
    "<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Details>No such object: bkt/dir/none &#38;</Details></Error>",
  )
  const noBucket = await server.ask('GET /absent/a')
  t.equal(noBucket.status, 404)
  t.match(noBucket.text, '<Code>NoSuchBucket</Code>')
  t.match(noBucket.text, '<Message>The specified bucket does not exist.</Message>')
  for (const path of ['/absent', '/bkt/none', '/absent/a']) {
    const head = await server.ask(`HEAD ${path}`)
    t.equal(head.status, 404, path)
  }
  t.match((await server.ask('GET /bkt/%ff')).text, '<Code>InvalidURI</Code>')
})

test('GCS-59 in XML: ranges', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(3_000_000)
  await upload(server, 'a', bytes)
  const part = await server.ask('GET /bkt/a', { Range: 'bytes=1000000-' })
  t.equal(part.status, 206)
  t.equal(part.headers['content-range'], 'bytes 1000000-2999999/3000000')
  t.ok(part.body.equals(bytes.subarray(1_000_000)))
  const beyond = await server.ask('GET /bkt/a', { Range: 'bytes=3000000-' })
  t.equal(beyond.status, 416)
  t.equal(beyond.headers['content-range'], 'bytes */3000000')
  t.equal(beyond.headers['content-type'], XML)
  t.match(beyond.text, '<Code>InvalidRange</Code>')
  t.match(beyond.text, 'The requested range cannot be satisfied.')
})

test('DELETE is 204, again 404; a bucket goes when it is empty', async t => {
  const server = await startServer(t)
  await upload(server, 'dir/a', 'x')
  t.match((await server.ask('DELETE /bkt')).text, '<Code>BucketNotEmpty</Code>')
  const kept = await server.ask('DELETE /bkt/dir/a', { 'x-goog-if-generation-match': '1' })
  t.equal(kept.status, 412)
  const deleted = await server.ask('DELETE /bkt/dir/a')
  t.equal(deleted.status, 204)
  t.equal(deleted.text, '')
  t.match((await server.ask('DELETE /bkt/dir/a')).text, '<Code>NoSuchKey</Code>')
  t.equal((await server.ask('HEAD /bkt')).status, 200)
  t.equal((await server.ask('DELETE /bkt')).status, 204)
})

test('writes through the XML API say that they are not there', async t => {
  const server = await startServer(t)
  const writes = [
    ['PUT /bkt/a', {}],
    ['POST /bkt/a', { 'x-goog-resumable': 'start' }],
    ['POST /bkt/a?uploads', {}],
    ['PUT /bkt/a?partNumber=1&uploadId=x', {}],
    ['PUT /new-bucket', {}],
    ['GET /bkt/a?acl', {}],
    ['GET /bkt?uploads', {}],
  ] as const
  for (const [request, headers] of writes) {
    const refused = await server.ask(request, headers)
    t.equal(refused.status, 501, request)
    t.match(refused.text, '<Code>NotImplemented</Code>')
    t.match(refused.text, /<Details>.+<\/Details>/)
  }
  const patch = await server.ask('PATCH /bkt/a')
  t.equal(patch.status, 405)
  t.equal(patch.headers['allow'], 'GET, HEAD, DELETE')
})

test('GCS-65 on reads: a key of the client’s own is refused', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  const refused = await server.ask('GET /bkt/a', { 'x-goog-encryption-algorithm': 'AES256' })
  t.equal(refused.status, 400)
  t.match(refused.text, 'x-goog-encryption-algorithm')
})

test('what is under another name is none of XML’s', async t => {
  const server = await startServer(t)
  for (const path of [
    '/',
    '/-/nothing',
    '/v0/b/bkt/o',
    '/tus/x',
    '/upload/x',
    '/storage/v2',
    '//a',
  ]) {
    const missing = await server.ask(`GET ${path}`)
    t.equal(missing.status, 404, path)
    t.equal(missing.text, 'Not Found', path)
  }
})

test('lists: prefixes, delimiters, pages', async t => {
  const server = await startServer(t)
  for (const name of ['a', 'b/1', 'b/2', 'c&d', 'e/f/g']) await upload(server, name, 'hello')
  const all = await list(server, '')
  t.strictSame(all.keys, ['a', 'b/1', 'b/2', 'c&#38;d', 'e/f/g'])
  t.match(all.text, "<ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'><Name>bkt<")
  t.match(all.text, '<ETag>&#34;5d41402abc4b2a76b9719d911017c592&#34;</ETag><Size>5</Size>')
  t.match(all.text, '<IsTruncated>false</IsTruncated>')
  const encoded = await list(server, '?encoding-type=url&prefix=c')
  t.strictSame(encoded.keys, ['c%26d'])

  const folders = await list(server, '?delimiter=/')
  t.strictSame(folders.keys, ['a', 'c&#38;d'])
  t.strictSame(folders.prefixes, ['b/', 'e/'])
  const below = await list(server, '?delimiter=/&prefix=e/')
  t.strictSame([below.keys, below.prefixes], [[], ['e/f/']])

  for (const [version, from, name] of [
    ['', 'NextMarker', 'marker'],
    ['&list-type=2', 'NextContinuationToken', 'continuation-token'],
  ] as const) {
    const seen: string[] = []
    for (let place = ''; ; ) {
      const page = await list(server, `?delimiter=/&max-keys=1${version}${place}`)
      seen.push(...page.keys, ...page.prefixes)
      const [, next] = new RegExp(`<${from}>(.*?)</${from}>`).exec(page.text) ?? []
      if (next === undefined) break
      place = `&${name}=${encodeURIComponent(next.replace('&#38;', '&'))}`
    }
    t.strictSame(seen, ['a', 'b/', 'c&#38;d', 'e/'], from)
  }
  t.match((await list(server, '?list-type=2')).text, '<KeyCount>5</KeyCount>')
  t.equal((await server.ask('GET /bkt?continuation-token=!')).status, 400)
  t.equal((await server.ask('GET /bkt?max-keys=x')).status, 400)
  t.match((await server.ask('GET /absent')).text, 'NoSuchBucket')
})

async function list(server: TestServer, query: string) {
  const { status, text } = await server.ask(`GET /bkt${query}`)
  if (status !== 200) throw new Error(text)
  const found = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name ?? '')
  return {
    text,
    keys: found(/<Key>(.*?)<\/Key>/g),
    prefixes: found(/<CommonPrefixes><Prefix>(.*?)<\/Prefix>/g),
  }
}
