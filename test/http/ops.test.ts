import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { startServer } from '../support/server.ts'

test('livez and readyz', async t => {
  const server = await startServer(t)
  t.equal((await server.ask('GET /-/livez')).status, 200)
  t.equal((await server.ask('HEAD /-/livez')).status, 200)
  const ready = await server.ask('GET /-/readyz')
  t.equal(ready.status, 200)
  t.strictSame(ready.json(), { status: 'ready' })
})

test('readyz says why not: the disk cannot be written', async t => {
  const server = await startServer(t)
  rmSync(join(server.directory, 'data', 'blobs'), { recursive: true })
  const unready = await server.ask('GET /-/readyz')
  t.equal(unready.status, 503)
  t.strictSame(unready.json(), { status: 'unavailable', reason: 'storage_failed' })
  t.equal((await server.ask('GET /-/livez')).status, 200)
})

test('readyz says why not: shutting down', async t => {
  const server = await startServer(t)
  await server.app.engine.drain()
  const unready = await server.ask('GET /-/readyz')
  t.equal(unready.status, 503)
  t.strictSame(unready.json(), { status: 'unavailable', reason: 'shutting_down' })
  const begun = await server.ask('POST /upload/storage/v1/b/bkt/o?uploadType=resumable&name=a')
  t.equal(begun.status, 503)
  t.equal(begun.headers['retry-after'], '1')
})
