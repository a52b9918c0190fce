import { setTimeout as after } from 'node:timers/promises'
import { test } from 'tap'
import { takeBody } from '../../src/http/request-body.ts'
import { serveBare } from '../support/bare-server.ts'
import { G, initiate, put } from '../support/google.ts'
import { startServer } from '../support/server.ts'

/** What the server has, in times that a test can wait for. */
const SHORT = { headersTimeout: 200, connectionsCheckingInterval: 50 }

test('half a head is answered with 408, and so is none at all', async t => {
  const server = await serveBare(t, (_request, reply) => reply.send('ok'), { http: SHORT })
  for (const begun of ['', 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ']) {
    const wire = await server.connect()
    wire.send(begun)
    t.equal((await wire.response()).status, 408)
    await wire.ended()
  }
})

test('a head that trickles in is no better than half a head', async t => {
  const server = await serveBare(t, (_request, reply) => reply.send('ok'), { http: SHORT })
  const wire = await server.connect()
  wire.send('GET / HTTP/1.1\r\nX-Slow: ')
  const trickle = setInterval(() => wire.send('x'), 20)
  t.teardown(() => clearInterval(trickle))
  t.equal((await wire.response()).status, 408)
})

test('the same on a connection that is kept; its body may take its time', async t => {
  const server = await serveBare(
    t,
    async (request, reply) => {
      const body = takeBody(request, reply)
      while ((await body.read(60_000)) !== 'end') {}
      return reply.send('whole')
    },
    { http: SHORT },
  )
  const wire = await server.connect()
  wire.head('PUT /', { 'Content-Length': 4 }).send('ab')
  await after(600)
  wire.send('cd')
  t.equal((await wire.response()).text, 'whole')
  wire.send('PUT / HTTP/1.1\r\nHost: ')
  t.equal((await wire.response()).status, 408)
  await wire.ended()
})

test('a kept connection that asks nothing more is closed', async t => {
  const server = await serveBare(t, (_request, reply) => reply.send('ok'), { keepAliveTimeout: 50 })
  const wire = await server.connect()
  wire.head('GET /')
  t.equal((await wire.response()).text, 'ok')
  await wire.ended()
  t.equal(wire.unread, '')
})

test('URL and headers have 32 KiB together; beyond it is 431', async t => {
  const server = await serveBare(t, (_request, reply) => reply.send('ok'))
  const statusOf = async (target: string, headers: Record<string, string>) => {
    const wire = await server.connect()
    wire.head(`GET ${target}`, headers)
    const { status } = await wire.response()
    wire.close()
    return status
  }
  const long = 'x'.repeat(15 * 1024)
  t.equal(await statusOf(`/${long}`, { 'X-Long': long }), 200)
  t.equal(await statusOf(`/${long}`, { 'X-Long': long, 'X-More': long }), 431)
  t.equal(await statusOf(`/${long}${long}${long}`, {}), 431)
  t.equal(await statusOf(`/?${long}${long}${long}`, {}), 431)
})

test('however many headers there are, none is left out', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const wire = await server.connect()
  wire.send(`PUT ${session} HTTP/1.1\r\nHost: x\r\n${'a:\r\n'.repeat(6000)}`)
  wire.send(`Content-Range: bytes 0-${G - 1}/${2 * G}\r\nContent-Length: ${G}\r\n\r\n`)
  wire.send(Buffer.alloc(G))
  const response = await wire.response()
  t.equal(response.status, 308)
  t.equal(response.headers['range'], `bytes=0-${G - 1}`)
  wire.close()
})

test('extensions of chunks are not a way around any limit', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const wire = await server.connect()
  wire.head(`PUT ${session}`, { 'Transfer-Encoding': 'chunked' })
  wire.send(`1;${'x'.repeat(20_000)}\r\nx\r\n`)
  t.equal((await wire.response()).status, 413)
  await wire.ended()
  t.equal((await put(server, session, '0-0/1', 'y')).status, 200, 'the session goes on')
})

test('beyond the most connections new ones are closed, and those that are there are served', async t => {
  const server = await serveBare(t, (_request, reply) => reply.send('ok'), { maxConnections: 2 })
  const first = await server.connect()
  const second = await server.connect()
  const third = await server.connect()
  await third.ended()
  for (const wire of [first, second]) {
    wire.head('GET /')
    t.equal((await wire.response()).status, 200)
  }
  first.close()
  for (;;) {
    const next = await server.connect()
    next.head('GET /')
    const response = await next.response().catch(() => undefined)
    next.close()
    if (response !== undefined) {
      t.equal(response.status, 200, 'the place is free again')
      break
    }
  }
  second.close()
})
