import { test } from 'tap'
import { routingUrl } from '../../src/http/routing.ts'
import { serveBare } from '../support/bare-server.ts'
import { initiate, read, upload } from '../support/google.ts'
import { startServer } from '../support/server.ts'

test('RFC 9112 §3.2.2: absolute-form is the same request, and its authority is the host', t => {
  const targets = {
    'http://host/a%2Fb?c=%20': ['/a.2Fb?c=%20', '/a%2Fb?c=%20', 'host'],
    'HTTPS://host:8080/': ['/', '/', 'host:8080'],
    'http://host': ['/', '/', 'host'],
    'http://host?a=b': ['/?a=b', '/?a=b', 'host'],
    'http://me:secret@host/a': ['/a', '/a', 'host'],
    'http:///a': ['/a', '/a', 'other'],
    '/http://host/a': ['/http://host/a', undefined, 'other'],
    '*': ['*', undefined, 'other'],
  }
  for (const [url, [routed, original, host]] of Object.entries(targets)) {
    const request: Parameters<typeof routingUrl>[0] = { url, headers: { host: 'other' } }
    t.equal(routingUrl(request), routed, url)
    t.equal(request.originalUrl, original, url)
    t.equal(request.headers?.host, host, url)
  }
  t.end()
})

test('RFC 9112 §3.2.2: routes read the path', async t => {
  const server = await serveBare(t, (request, reply) =>
    reply.send(`${request.originalUrl} ${request.host}`),
  )
  const wire = await server.connect()
  wire.head('GET http://elsewhere:81/a%2Fb?c=d', { Host: 'x' })
  t.equal((await wire.response()).text, '/a%2Fb?c=d elsewhere:81')
  wire.close()
})

test('RFC 9112 §3.2.2: in absolute-form to both APIs, a session too', async t => {
  const server = await startServer(t)
  await upload(server, 'dir/a', 'hello')
  const wire = await server.connect()
  for (const path of ['/storage/v1/b/bkt/o/dir%2Fa?alt=media', '/bkt/dir/a']) {
    wire.head(`GET ${server.base}${path}`)
    t.equal((await wire.response()).text, 'hello', path)
  }
  const session = await initiate(server, 'b')
  wire.head(`PUT ${server.base}${session}`, { 'Content-Length': 3 }).send('abc')
  t.equal((await wire.response()).status, 200)
  t.equal((await read(server, 'b')).text, 'abc')
  wire.head('POST http://files.example/upload/storage/v1/b/bkt/o?uploadType=resumable&name=c', {
    'Content-Length': 0,
  })
  t.match((await wire.response()).headers['location'], /^http:\/\/files\.example\/upload\//)
  wire.close()
})
