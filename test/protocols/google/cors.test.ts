import { test } from 'tap'
import { begin, put, query, read, upload } from '../../support/google.ts'
import { startServer } from '../../support/server.ts'

const ORIGIN = { Origin: 'https://app.example' }
const OTHER = { Origin: 'https://evil.example' }

test('GCS-74: preflight on an initiation and on a session', async t => {
  const server = await startServer(t)
  const begun = await begin(server, 'a', ORIGIN)
  const session = (begun.headers['location'] ?? '').replace(server.base, '')
  for (const path of ['/upload/storage/v1/b/bkt/o?uploadType=resumable&name=a', session]) {
    const preflight = await server.ask(`OPTIONS ${path}`, {
      ...ORIGIN,
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'content-range,x-upload-content-type',
      'Access-Control-Request-Private-Network': 'true',
    })
    t.equal(preflight.status, 204)
    t.equal(preflight.headers['access-control-allow-origin'], ORIGIN.Origin)
    t.equal(
      preflight.headers['access-control-allow-methods'],
      'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    )
    t.equal(
      preflight.headers['access-control-allow-headers'],
      'content-range,x-upload-content-type',
    )
    t.equal(preflight.headers['access-control-max-age'], '3600')
    t.equal(preflight.headers['access-control-allow-private-network'], 'true')
  }
})

test('GCS-74: what a page may read of an answer', async t => {
  const server = await startServer(t)
  const begun = await begin(server, 'a', ORIGIN)
  const exposed = begun.headers['access-control-expose-headers']?.split(', ') ?? []
  for (const name of ['Range', 'Location', 'X-GUploader-UploadID', 'x-goog-hash', 'ETag']) {
    t.ok(exposed.includes(name), name)
  }
  t.equal(begun.headers['vary'], 'Origin')
  t.equal((await begin(server, 'a')).headers['access-control-allow-origin'], undefined)
})

test('GCS-74: a session is pinned to the origin that began it, also in its errors', async t => {
  const server = await startServer(t)
  const pinned = (await begin(server, 'a', ORIGIN)).headers['location'] ?? ''
  for (const origin of [ORIGIN, OTHER]) {
    for (const response of [
      await put(server, pinned, '*/*', '', origin),
      await put(server, pinned, '5-9/*', 'later', origin),
    ]) {
      t.equal(response.headers['access-control-allow-origin'], ORIGIN.Origin)
    }
  }
  const done = await put(server, pinned, undefined, 'x', ORIGIN)
  t.equal(done.headers['access-control-allow-origin'], ORIGIN.Origin)
  t.equal((await query(server, pinned)).headers['access-control-allow-origin'], undefined)

  // Begun without an origin: reflected.
  const free = (await begin(server, 'b')).headers['location'] ?? ''
  t.equal(
    (await put(server, free, '*/*', '', OTHER)).headers['access-control-allow-origin'],
    OTHER.Origin,
  )
})

test('GCS-74: errors and downloads carry CORS headers', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'x')
  for (const response of [
    await read(server, 'a', ORIGIN),
    await read(server, 'missing', ORIGIN),
    await server.ask('GET /storage/v1/b/nope', ORIGIN),
    await server.ask('GET /storage/v1/b/bkt/o/%ZZ', ORIGIN),
    await server.ask('PUT /upload/storage/v1/b/bkt/o?upload_id=unknown', ORIGIN),
  ]) {
    t.equal(response.headers['access-control-allow-origin'], ORIGIN.Origin, String(response.status))
  }
})
