import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import type { Response } from '../../support/conversation.ts'
import { metadata, read } from '../../support/google.ts'
import { sampleBytes, startServer, type TestServer } from '../../support/server.ts'

type Headers = Readonly<Record<string, string | number>>

const PATH = '/upload/storage/v1/b/bkt/o?uploadType=multipart'

interface Sent {
  readonly resource?: object | string
  readonly type?: string | undefined
  readonly content: string | Uint8Array
}

/** The canonical body of gcs.md §5. */
function related({ resource = {}, type = 'text/plain', content }: Sent, boundary = 'B'): Buffer {
  const json = typeof resource === 'string' ? resource : JSON.stringify(resource)
  const partType = type === '' ? '' : `Content-Type: ${type}\r\n`
  return Buffer.concat([
    Buffer.from(
      `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${json}\r\n`,
    ),
    Buffer.from(`--${boundary}\r\n${partType}\r\n`),
    Buffer.from(content),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
}

function send(
  server: TestServer,
  body: string | Uint8Array,
  more = '',
  headers: Headers = {},
): Promise<Response> {
  const type = { 'Content-Type': 'multipart/related; boundary=B' }
  return server.ask(`POST ${PATH}${more}`, { ...type, ...headers }, body)
}

async function isStored(server: TestServer, name: string): Promise<boolean> {
  return (await metadata(server, name)).status === 200
}

test('GCS-04: CRLF, unquoted boundary', async t => {
  const server = await startServer(t)
  const resource = { name: 'dir/a.txt', metadata: { k: 'v' }, cacheControl: 'no-store' }
  const done = await send(server, related({ resource, content: 'hello' }))
  t.equal(done.status, 200)
  t.equal(done.headers['content-type'], 'application/json; charset=UTF-8')
  t.ok(done.headers['x-guploader-uploadid'])
  const object = done.json()
  t.equal(done.headers['etag'], object.etag)
  t.match(object, {
    kind: 'storage#object',
    name: 'dir/a.txt',
    bucket: 'bkt',
    size: '5',
    contentType: 'text/plain',
    cacheControl: 'no-store',
    metadata: { k: 'v' },
    md5Hash: 'XUFAKrxLKna5cZ2REBfFkg==',
    crc32c: 'mnG7TA==',
  })
  t.strictSame((await metadata(server, 'dir/a.txt')).json(), object)
  t.equal((await read(server, 'dir/a.txt')).text, 'hello')
  t.same((await send(server, related({ resource, content: '' }), '&fields=size')).json(), {
    size: '0',
  })
})

test('GCS-05: a double-quoted boundary with =, as Python sends it', async t => {
  const server = await startServer(t)
  const boundary = '===============0123=='
  const body = [
    `--${boundary}`,
    'content-type: application/json; charset=UTF-8',
    '',
    '{"name": "a"}',
    `--${boundary}`,
    'content-type: image/png',
    '',
    'hello',
    `--${boundary}--`,
  ].join('\r\n')
  const done = await send(server, body, '', {
    'Content-Type': `multipart/related; boundary="${boundary}"`,
    'x-upload-content-type': 'text/ignored',
  })
  t.equal(done.status, 200)
  t.equal(done.json().contentType, 'image/png')
  t.equal((await read(server, 'a')).text, 'hello')
})

test('GCS-06: a single-quoted boundary and LF, as apitools sends them', async t => {
  const server = await startServer(t)
  const boundary = '===============0123=='
  const content = `\r\n--\r\n--${boundary}x\n\r\n--===\r`
  for (const used of [boundary, `'${boundary}'`]) {
    const body = [
      `--${used}`,
      'Content-Type: application/json',
      'MIME-Version: 1.0',
      '',
      '{"name": "a"}',
      `--${used}`,
      'Content-Type: a/b',
      'MIME-Version: 1.0',
      'Content-Transfer-Encoding: binary',
      '',
      content,
      `--${used}--`,
    ].join('\n')
    const done = await send(server, body, '', {
      'Content-Type': `multipart/related; boundary='${boundary}'`,
    })
    t.equal(done.status, 200)
    t.equal((await read(server, 'a')).text, content)
  }
})

test('GCS-07: gzip on the way is undone; gzip as content is kept', async t => {
  const server = await startServer(t)
  const body = related({ resource: { name: 'plain' }, content: 'hello' })
  const gzip = { 'Content-Encoding': 'gzip' }
  const done = await send(server, gzipSync(body), '', gzip)
  t.equal(done.status, 200)
  t.equal(done.json().size, '5')
  t.equal(done.json().contentEncoding, undefined)
  t.equal((await read(server, 'plain')).text, 'hello')

  const compressed = gzipSync('hello')
  for (const headers of [{}, gzip]) {
    const kept = related({ resource: { name: 'kept' }, content: compressed })
    const stored = await send(server, kept, '&contentEncoding=gzip', headers)
    t.equal(stored.status, 200)
    t.equal(stored.json().size, String(compressed.length))
    t.equal(stored.json().contentEncoding, 'gzip')
  }

  const broken = gzipSync(body)
  broken.writeUInt8(broken.readUInt8(20) ^ 0xff, 20)
  for (const bad of [broken, gzipSync(body).subarray(0, -9), Buffer.from('not gzip')]) {
    const refused = await send(server, bad, '&name=bad', gzip)
    t.equal(refused.status, 400)
  }
  t.notOk(await isStored(server, 'bad'))
})

test('GCS-08: malformed requests are 400, and nothing is stored', async t => {
  const server = await startServer(t)
  const part = '--B\r\nContent-Type: a/b\r\n\r\nx\r\n'
  const json = '--B\r\n\r\n{"name":"bad"}\r\n'
  for (const [what, body, reason] of [
    ['one part', `${json}--B--`, 'badRequest'],
    ['three parts', `${json}${part}${part}--B--`, 'badRequest'],
    ['no terminator', `${json}${part}`, 'badRequest'],
    ['nothing', '', 'badRequest'],
    ['no delimiter', 'hello', 'badRequest'],
    ['invalid JSON', `--B\r\n\r\n{"name":}\r\n${part}--B--`, 'parseError'],
    ['no object', `--B\r\n\r\n[]\r\n${part}--B--`, 'parseError'],
    [
      'not base64',
      `${json}--B\r\nContent-Transfer-Encoding: base64\r\n\r\n***\r\n--B--`,
      'badRequest',
    ],
  ] as const) {
    const refused = await send(server, body)
    t.equal(refused.status, 400, what)
    t.equal(refused.json().error.errors[0].reason, reason)
  }
  // So large that bytes are on the disk before the end is seen.
  const large = related({ resource: { name: 'bad' }, content: sampleBytes(2_000_000) })
  t.equal((await send(server, large.subarray(0, -10))).status, 400)
  for (const type of ['multipart/related', 'application/json', 'multipart/related; boundary=']) {
    const refused = await send(server, json, '', { 'Content-Type': type })
    t.equal(refused.status, 400, type)
    t.equal(refused.json().error.errors[0].reason, 'badRequest')
  }
  t.notOk(await isStored(server, 'bad'))
})

test('GCS-09: the name in query and body', async t => {
  const server = await startServer(t)
  const content = 'hello'
  const different = await send(server, related({ resource: { name: 'a' }, content }), '&name=b')
  t.equal(different.status, 400)
  t.match(different.json().error.message, "Value 'a' in content does not agree with value 'b'")
  const missing = await send(server, related({ content }))
  t.equal(missing.status, 400)
  t.equal(missing.json().error.errors[0].reason, 'required')
  t.equal(
    (await send(server, related({ resource: { name: 'a' }, content }), '&name=a')).status,
    200,
  )
  t.equal((await send(server, related({ content }), '&name=b')).status, 200)
  t.equal((await send(server, related({ resource: '', content }), '&name=c')).status, 200)
  t.ok(await isStored(server, 'c'))
})

test('GCS-10: the content type of the resource, of the part, the default', async t => {
  const server = await startServer(t)
  const content = 'x'
  const typeOf = async (resource: object, type: string) =>
    (await send(server, related({ resource, type, content }), '&name=a')).json().contentType
  t.equal(await typeOf({ contentType: 'a/resource' }, 'a/part'), 'a/resource')
  t.equal(await typeOf({}, 'a/part; charset=x'), 'a/part; charset=x')
  t.equal(await typeOf({}, ''), 'application/octet-stream')
})

test('declared checksums are verified (gcs.md §8)', async t => {
  const server = await startServer(t)
  const crc32c = 'mnG7TA=='
  const md5Hash = 'XUFAKrxLKna5cZ2REBfFkg=='
  const ask = (resource: object, headers: Headers = {}) =>
    send(server, related({ resource, content: 'hello' }), '&name=a', headers)
  for (const wrong of [{ crc32c: 'AAAAAA==' }, { md5Hash: 'AAAAAAAAAAAAAAAAAAAAAA==' }]) {
    const refused = await ask(wrong)
    t.equal(refused.status, 400)
    t.equal(refused.json().error.errors[0].reason, 'invalid')
  }
  t.equal((await ask({}, { 'x-goog-hash': 'crc32c=AAAAAA==' })).status, 400)
  t.equal((await ask({ crc32c }, { 'x-goog-hash': 'crc32c=AAAAAA==' })).status, 400)
  t.equal((await ask({ crc32c: 'short' })).status, 400)
  t.notOk(await isStored(server, 'a'))
  t.equal((await ask({ crc32c, md5Hash }, { 'x-goog-hash': `md5=${md5Hash}` })).status, 200)
})

test('preconditions hold (gcs.md §9.1)', async t => {
  const server = await startServer(t)
  const body = related({ resource: { name: 'a' }, content: 'hello' })
  t.equal((await send(server, body, '&ifGenerationMatch=0')).status, 200)
  t.equal((await send(server, body, '&ifGenerationMatch=0')).status, 412)
  t.equal((await send(server, body, '&ifGenerationMatch=x')).status, 400)
})

test('large content flows through, in one piece or chunked', async t => {
  const server = await startServer(t)
  const content = sampleBytes(20_000_000)
  const body = related({ resource: { name: 'large' }, content })
  const done = await send(server, body)
  t.equal(done.status, 200)
  t.equal(done.json().md5Hash, createHash('md5').update(content).digest('base64'))
  t.same((await read(server, 'large')).body, content)

  const wire = await server.connect()
  wire.head(`POST ${PATH}`, {
    'Content-Type': 'multipart/related; boundary=B',
    'Transfer-Encoding': 'chunked',
  })
  const piece = 333_333
  for (let at = 0; at < body.length; at += piece) {
    const bytes = body.subarray(at, at + piece)
    wire.send(`${bytes.length.toString(16)}\r\n`, bytes, '\r\n')
  }
  wire.send('0\r\n\r\n')
  const again = await wire.response()
  t.equal(again.status, 200)
  t.equal(again.json().md5Hash, done.json().md5Hash)
  wire.close()
})

test('a broken connection stores nothing', async t => {
  const server = await startServer(t)
  const body = related({ resource: { name: 'a' }, content: sampleBytes(100_000) })
  const wire = await server.connect()
  wire.head(`POST ${PATH}`, {
    'Content-Type': 'multipart/related; boundary=B',
    'Content-Length': body.length + 1,
  })
  // All but one byte of the epilogue: the request is not complete.
  wire.send(body)
  wire.cut()
  while (!server.log.some(line => line.includes('"gone":true'))) await sleep(5)
  t.notOk(await isStored(server, 'a'))
})

test('what can be refused on the headers costs no byte of the body', async t => {
  const server = await startServer(t)
  for (const [target, status] of [
    [PATH.replace('bkt', 'nope'), 404],
    [`${PATH}&ifGenerationMatch=x`, 400],
  ] as const) {
    const wire = await server.connect()
    wire.head(`POST ${target}`, {
      'Content-Type': 'multipart/related; boundary=B',
      'Content-Length': 1000,
      Expect: '100-continue',
    })
    t.equal((await wire.response()).status, status)
    wire.close()
  }
  const wire = await server.connect()
  wire.head(`POST ${PATH}`, { 'Content-Type': 'multipart/related; boundary=B' })
  t.equal((await wire.response()).status, 411)
  wire.close()
})
