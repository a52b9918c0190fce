import { test } from 'tap'
import { G, initiate, metadata, put, query, read, tokenOf } from '../../support/google.ts'
import { sampleBytes, startServer } from '../../support/server.ts'

const HELLO_MD5 = 'XUFAKrxLKna5cZ2REBfFkg=='
const HELLO_CRC32C = 'mnG7TA=='

test('GCS-44: x-goog-hash on the final request is checked against the whole object', async t => {
  const server = await startServer(t)
  const good = [
    `crc32c=${HELLO_CRC32C}`,
    `md5=${HELLO_MD5}`,
    `crc32c=${HELLO_CRC32C},md5=${HELLO_MD5}`,
    ` md5=${HELLO_MD5} , crc32c=${HELLO_CRC32C}, sha9=whatever`,
  ]
  for (const hash of good) {
    const session = await initiate(server, 'good')
    t.equal(
      (await put(server, session, '0-4/5', 'hello', { 'x-goog-hash': hash })).status,
      200,
      hash,
    )
  }
  const bad = {
    'crc32c=AAAAAA==': 'Provided CRC32C "AAAAAA==" doesn\'t match calculated CRC32C "mnG7TA==".',
    'md5=1B2M2Y8AsgTpgAmY7PhCfg==':
      'Provided MD5 hash "1B2M2Y8AsgTpgAmY7PhCfg==" doesn\'t match calculated MD5 hash "XUFAKrxLKna5cZ2REBfFkg==".',
  }
  for (const [hash, message] of Object.entries(bad)) {
    const session = await initiate(server, 'bad')
    const refused = await put(server, session, '0-4/5', 'hello', { 'x-goog-hash': hash })
    t.equal(refused.status, 400)
    t.equal(refused.headers['content-type'], 'application/json; charset=UTF-8')
    t.equal(refused.json().error.errors[0].reason, 'invalid')
    t.equal(refused.json().error.message, message)
    // §6.9: the session has failed.
    t.equal((await query(server, session)).status, 410)
    t.equal((await put(server, session, '0-4/5', 'hello')).status, 410)
    t.equal((await metadata(server, 'bad')).status, 404)
  }
  for (const hash of [
    'crc32c=x',
    'md5=x',
    'crc32c=mnG7TA',
    `crc32c=${HELLO_CRC32C},crc32c=AAAAAA==`,
  ]) {
    const session = await initiate(server, 'bad')
    const refused = await put(server, session, '0-4/5', 'hello', { 'x-goog-hash': hash })
    t.equal(refused.status, 400, hash)
    // What cannot be read is the request's mistake, not the content's.
    t.equal((await query(server, session)).status, 308)
  }
})

test('GCS-44: on a finishing query, too, over several chunks', async t => {
  const server = await startServer(t)
  const bytes = Buffer.alloc(G)
  const session = await initiate(server)
  await put(server, session, `0-${G - 1}/*`, bytes)
  const hash = { 'x-goog-hash': 'crc32c=8DK88w==,md5=7IeoOJMdTV0ulKBGRHiKVQ==' }
  t.equal((await put(server, session, `*/${G}`, '', hash)).status, 200)
})

test('GCS-45: md5Hash and crc32c of the initiation are verified', async t => {
  const server = await startServer(t)
  const good = await initiate(server, 'a', {}, { md5Hash: HELLO_MD5, crc32c: HELLO_CRC32C })
  t.equal((await put(server, good, undefined, 'hello')).status, 200)
  for (const resource of [{ md5Hash: HELLO_MD5 }, { crc32c: HELLO_CRC32C }]) {
    const session = await initiate(server, 'b', {}, resource)
    const refused = await put(server, session, undefined, 'hallo')
    t.equal(refused.status, 400)
    t.equal(refused.json().error.errors[0].reason, 'invalid')
    t.equal((await metadata(server, 'b')).status, 404)
  }
  const header = await initiate(server, 'c', { 'x-goog-hash': `md5=${HELLO_MD5}` })
  t.equal((await put(server, header, undefined, 'hallo')).status, 400)
})

test('GCS-46: a hash on a non-final chunk is ignored', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(G + 1)
  const session = await initiate(server)
  const wrong = { 'x-goog-hash': 'crc32c=AAAAAA==', 'Content-MD5': 'nonsense' }
  const first = await put(server, session, `0-${G - 1}/${G + 1}`, bytes.subarray(0, G), wrong)
  t.equal(first.status, 308)
  t.equal((await put(server, session, `${G}-${G}/${G + 1}`, bytes.subarray(G))).status, 200)
  t.same((await read(server, 'a.bin')).body, bytes)
})

test('§8: Content-MD5 counts on a single request that is the whole object', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const wrong = { 'Content-MD5': '1B2M2Y8AsgTpgAmY7PhCfg==' }
  t.equal((await put(server, session, '0-4/5', 'hello', wrong)).status, 400)
  t.ok(tokenOf(session))
})

test('TIDEMARK_MD5=off leaves md5Hash out, and still verifies a declared one', async t => {
  const server = await startServer(t, { md5: false })
  const session = await initiate(server)
  const done = await put(server, session, undefined, 'hello')
  t.equal(done.json().md5Hash, undefined)
  t.equal(done.json().crc32c, HELLO_CRC32C)
  const declared = await initiate(server, 'b', {}, { md5Hash: HELLO_MD5 })
  t.equal((await put(server, declared, undefined, 'hallo')).status, 400)
})
