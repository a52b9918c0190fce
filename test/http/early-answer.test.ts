import { Readable } from 'node:stream'
import { test } from 'tap'
import { takeBody } from '../../src/http/request-body.ts'
import { serveBare } from '../support/bare-server.ts'

const MiB = 1024 * 1024

test('a refused request whose small rest is known leaves the connection usable', async t => {
  const server = await serveBare(t, (_request, reply) => reply.code(404).send('no'))
  const wire = await server.connect()
  wire.head('PUT /x', { 'Content-Length': 100_000 })
  t.equal((await wire.response()).status, 404)
  wire.send(Buffer.alloc(100_000))
  wire.head('GET /again')
  t.equal((await wire.response()).text, 'no')
  t.equal(wire.unread, '')
  wire.close()
})

test('a small rest that only trickles in does not keep its connection', async t => {
  const server = await serveBare(t, (_request, reply) => reply.code(404).send('no'), {
    lingerMs: 20,
  })
  const wire = await server.connect()
  wire.head('PUT /x', { 'Content-Length': 100_000 })
  t.equal((await wire.response()).status, 404)
  const trickle = setInterval(() => wire.send('x'), 10)
  t.teardown(() => clearInterval(trickle))
  await wire.ended()
})

test('so does one whose body was half read', async t => {
  const server = await serveBare(t, async (request, reply) => {
    await takeBody(request, reply).read(5000)
    return reply.code(400).send('enough')
  })
  const wire = await server.connect()
  wire.head('PUT /x', { 'Content-Length': 900_000 })
  wire.send(Buffer.alloc(450_000))
  t.equal((await wire.response()).text, 'enough')
  wire.send(Buffer.alloc(450_000))
  wire.head('PUT /again', { 'Content-Length': 3 }).send('abc')
  t.equal((await wire.response()).text, 'enough')
  wire.close()
})

test('a client that sends everything before it reads gets its answer, then the connection ends', async t => {
  const server = await serveBare(t, (_request, reply) => reply.code(403).send('refused'))
  const wire = await server.connect()
  wire.head('PUT /x', { 'Content-Length': 20 * MiB })
  for (let sent = 0; sent < 20; sent += 1) wire.send(Buffer.alloc(MiB))
  const response = await wire.response()
  t.equal(response.status, 403)
  t.equal(response.headers['connection'], 'close')
  t.equal(response.text, 'refused')
  await wire.ended()
})

test('a client that stops sending reads its answer, and is not waited for longer than the linger time', async t => {
  const server = await serveBare(t, (_request, reply) => reply.code(403).send('refused'), {
    lingerMs: 50,
  })
  const wire = await server.connect()
  wire.head('PUT /x', { 'Transfer-Encoding': 'chunked' })
  wire.send('5\r\nhello\r\n')
  t.equal((await wire.response()).text, 'refused')
  await wire.ended()
})

test('an empty answer leaves at once, too', async t => {
  const server = await serveBare(t, (_request, reply) => reply.code(499).send())
  const wire = await server.connect()
  wire.head('PUT /x', { 'Content-Length': 5 * MiB })
  const response = await wire.response()
  t.equal(response.status, 499)
  t.equal(response.headers['content-length'], '0')
  t.equal(response.headers['connection'], 'close')
  wire.close()
})

test('a refused Expect: 100-continue gets no 100', async t => {
  const server = await serveBare(t, (_request, reply) => reply.code(404).send('no'))
  const wire = await server.connect()
  wire.head('PUT /x', { 'Content-Length': 10, Expect: '100-continue' })
  const response = await wire.response()
  t.equal(response.status, 404)
  t.equal(response.headers['connection'], 'close')
  wire.close()
})

test('so does one that was taken and never read; what the client sends all the same is dropped', async t => {
  const server = await serveBare(t, (request, reply) => {
    takeBody(request, reply)
    return reply.code(503).send('later')
  })
  const wire = await server.connect()
  wire.head('PUT /x', { 'Content-Length': 500_000, Expect: '100-continue' })
  wire.send(Buffer.alloc(500_000))
  const response = await wire.response()
  t.equal(response.status, 503)
  t.equal(response.text, 'later')
  await wire.ended()
})

test('a read with a large body is answered all the same', async t => {
  const server = await serveBare(t, (_request, reply) => reply.send(Readable.from(['he', 'llo'])))
  const wire = await server.connect()
  wire.head('GET /x', { 'Content-Length': 2 * MiB })
  const response = await wire.response()
  t.equal(response.text, 'hello')
  t.equal(response.headers['connection'], 'close')
  wire.close()
})

test('requests without a body, and whole ones, keep the connection', async t => {
  const server = await serveBare(t, async (request, reply) => {
    const body = takeBody(request, reply)
    let length = 0
    for (;;) {
      const arrival = await body.read(5000)
      if (typeof arrival === 'string') return reply.send(`${length} ${arrival}`)
      for (const bytes of arrival) length += bytes.length
    }
  })
  const wire = await server.connect()
  wire.head('GET /x')
  t.equal((await wire.response()).text, '0 end')
  wire.head('POST /x', { 'Content-Length': 5 }).send('hello')
  t.equal((await wire.response()).text, '5 end')
  wire.head('POST /x', { 'Transfer-Encoding': 'chunked' }).send('5\r\nhello\r\n0\r\n\r\n')
  t.equal((await wire.response()).text, '5 end')
  wire.head('PUT /x', { 'Content-Length': 3 * MiB }).send(Buffer.alloc(3 * MiB))
  t.equal((await wire.response()).text, `${3 * MiB} end`)
  wire.head('GET /x')
  t.equal((await wire.response()).status, 200)
  wire.close()
})

test('what is not HTTP is answered and closed', async t => {
  const server = await serveBare(t, (_request, reply) => reply.send('ok'))
  const wire = await server.connect()
  wire.send('NONSENSE\r\n\r\n')
  t.equal((await wire.response()).status, 400)
  await wire.ended()
  const long = await server.connect()
  long.head('GET /x', { 'X-Long': 'x'.repeat(40_000) })
  t.equal((await long.response()).status, 431)
})
