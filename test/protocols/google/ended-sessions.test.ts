import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { G, initiate, metadata, put, query, read, upload } from '../../support/google.ts'
import { sampleBytes, startServer, type TestServer } from '../../support/server.ts'

const HOUR = 3_600_000

test('GCS-36, P5: a completed session answers the same bytes to everything', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(2 * G)
  const session = await initiate(server)
  await put(server, session, `0-${G - 1}/${2 * G}`, bytes.subarray(0, G))
  const lastRange = `${G}-${2 * G - 1}/${2 * G}`
  const done = await put(server, session, lastRange, bytes.subarray(G))
  t.equal(done.status, 200)
  const again = [
    () => put(server, session, lastRange, bytes.subarray(G)),
    () => put(server, session, `*/${2 * G}`),
    () => put(server, session, undefined),
    () => put(server, session, undefined, bytes),
    () => query(server, session),
    () => put(server, session, '0-9/*', '0123456789'),
    () => put(server, session, '9999999-9999999/*', 'x'),
    () =>
      server.ask(`POST ${session}`, { 'Content-Range': `bytes ${lastRange}` }, bytes.subarray(G)),
    () => server.ask(`POST ${session}`, { 'Content-Range': 'bytes */*' }),
    () => server.ask(`DELETE ${session}`),
    () => put(server, session, '*/*', '', { 'X-GUploader-No-308': 'yes' }),
    () => server.ask(`PUT ${session}&fields=name`, { Host: 'elsewhere.example' }),
  ]
  for (const ask of again) {
    const repeated = await ask()
    t.equal(repeated.status, 200)
    t.equal(repeated.text, done.text)
    t.equal(repeated.headers['etag'], done.headers['etag'])
    t.equal(repeated.headers['x-http-status-code-override'], undefined)
  }
  await server.restart()
  t.equal((await query(server, session)).text, done.text)
})

test('GCS-37: the replay survives overwriting and deleting the object', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const done = await put(server, session, undefined, 'first')
  await upload(server, 'a.bin', 'second')
  t.equal((await query(server, session)).text, done.text)
  await server.ask('DELETE /storage/v1/b/bkt/o/a.bin')
  t.equal((await query(server, session)).text, done.text)
})

test('GCS-52: fields of the initiation hold at completion and in every replay', async t => {
  const server = await startServer(t)
  const begun = await server.ask(
    'POST /upload/storage/v1/b/bkt/o?uploadType=resumable&name=a&fields=name,size',
  )
  const session = (begun.headers['location'] ?? '').replace(server.base, '')
  const done = await put(server, session, undefined, 'hello')
  t.strictSame(done.json(), { name: 'a', size: '5' })
  t.equal((await query(server, session)).text, done.text)
})

test('GCS-38: cancel is 499, empty, and stays so until the tombstone is gone', async t => {
  const server = await startServer(t, { tombstoneTtlMs: 2 * HOUR })
  const session = await initiate(server)
  await put(server, session, `0-${G - 1}/*`, sampleBytes(G))
  const cancelled = await server.ask(`DELETE ${session}`, { 'Content-Length': 0 })
  t.equal(cancelled.status, 499)
  t.equal(cancelled.headers['content-length'], '0')
  t.equal(cancelled.text, '')
  for (const ask of [
    () => put(server, session, `${G}-${2 * G - 1}/*`, sampleBytes(G)),
    () => query(server, session),
    () => put(server, session, `*/${G}`),
    () => server.ask(`DELETE ${session}`),
  ]) {
    const after = await ask()
    t.equal(after.status, 499)
    t.equal(after.text, '')
  }
  t.equal((await metadata(server, 'a.bin')).status, 404)
  server.ahead = 3 * HOUR
  await server.app.engine.sweep()
  t.equal((await query(server, session)).status, 404)
  t.equal((await server.ask(`DELETE ${session}`)).status, 404)
})

test('GCS-39: a session idle for longer than its TTL is 404 everywhere, and its bytes are freed', async t => {
  const server = await startServer(t, { sessionTtlMs: 2 * HOUR })
  const session = await initiate(server)
  await put(server, session, `0-${4 * G - 1}/*`, sampleBytes(4 * G))
  t.ok(storedBytes(server) >= 4 * G)

  // Each chunk is activity.
  server.ahead = 1.5 * HOUR
  await put(server, session, `${4 * G}-${5 * G - 1}/*`, sampleBytes(G))
  server.ahead = 3 * HOUR
  t.equal((await query(server, session)).status, 308)

  server.ahead = 4 * HOUR
  for (const ask of [
    () => query(server, session),
    () => put(server, session, `*/${5 * G}`),
    () => put(server, session, `${5 * G}-${6 * G - 1}/*`, sampleBytes(G)),
    () => server.ask(`POST ${session}`, {}, 'x'),
    () => server.ask(`DELETE ${session}`),
  ]) {
    t.equal((await ask()).status, 404)
  }
  await server.app.engine.sweep()
  t.equal(storedBytes(server), 0)
})

test('GCS-40: an unknown upload_id is 404 for every method and question', async t => {
  const server = await startServer(t)
  const path = '/upload/storage/v1/b/bkt/o?uploadType=resumable&upload_id=unknown'
  for (const response of [
    await server.ask(`PUT ${path}`, {}, 'x'),
    await server.ask(`POST ${path}`, {}, 'x'),
    await server.ask(`DELETE ${path}`),
    await query(server, path),
    await put(server, path, '*/5'),
    await put(server, path, '*/*', 'body'),
  ]) {
    t.equal(response.status, 404)
    t.match(response.headers['content-type'], 'text/plain')
  }
})

test('§6.3 number 1: other methods on a session are 405', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  for (const method of ['GET', 'HEAD', 'PATCH']) {
    const refused = await server.ask(`${method} ${session}`)
    t.equal(refused.status, 405, method)
    t.equal(refused.headers['allow'], 'POST, PUT, DELETE')
  }
  // An override maps POST to PUT and does nothing else.
  const posted = await server.ask(`POST ${session}`, { 'X-HTTP-Method-Override': 'PUT' }, 'hello')
  t.equal(posted.status, 200)
  const deleted = await server.ask(`POST ${session}`, { 'X-HTTP-Method-Override': 'DELETE' })
  t.equal(deleted.status, 200)
  t.equal((await read(server, 'a.bin')).text, 'hello')
})

test('GCS-41: a session needs no Authorization, whoever began it', async t => {
  const server = await startServer(t)
  const session = await initiate(server, 'a', { Authorization: 'Bearer something' })
  t.equal((await put(server, session, undefined, 'x')).status, 200)
})

/** What all blobs take on the disk. */
function storedBytes({ directory }: TestServer): number {
  const data = join(directory, 'data')
  return readdirSync(data, { recursive: true, encoding: 'utf8' })
    .filter(path => path.includes('blobs'))
    .map(path => statSync(join(data, path)))
    .filter(stat => stat.isFile())
    .reduce((sum, { size }) => sum + size, 0)
}
