import { once } from 'node:events'
import { setTimeout as after } from 'node:timers/promises'
import { test } from 'tap'
import type { Arrival } from '../../src/engine/ports.ts'
import { RequestBody, takeBody } from '../../src/http/request-body.ts'
import { serveBare } from '../support/bare-server.ts'
import { sampleBytes, type Test } from '../support/server.ts'

const MiB = 1024 * 1024

/** A server that hands the body of its first request to the test; the answer is sent when the test says so. */
async function receive(t: Test) {
  let take: (body: RequestBody) => void
  const body = new Promise<RequestBody>(resolve => {
    take = resolve
  })
  let answer = () => {}
  const isAnswered = new Promise<void>(resolve => {
    answer = resolve
  })
  t.teardown(() => answer())
  const server = await serveBare(t, async (request, reply) => {
    takeBody(request, reply)
    if (request.incoming !== undefined) take(request.incoming)
    await isAnswered
    return reply.send('done')
  })
  return { wire: await server.connect(), body, answer }
}

/** 0 for what is not bytes. */
function lengthOf(arrival: Arrival): number {
  return typeof arrival === 'string' ? 0 : Buffer.concat(arrival).length
}

function joined(arrival: Arrival): string {
  return typeof arrival === 'string' ? arrival : Buffer.concat(arrival).toString()
}

test('a body is its bytes in order, then its end, again and again', async t => {
  const { wire, body: arriving, answer } = await receive(t)
  const sent = sampleBytes(3 * MiB)
  wire.head('PUT /', { 'Content-Length': sent.length }).send(sent)
  const body = await arriving
  t.equal(body.length, sent.length)
  const parts: Buffer[] = []
  for (;;) {
    const arrival = await body.read(5000)
    if (typeof arrival === 'string') {
      t.equal(arrival, 'end')
      break
    }
    parts.push(...arrival)
  }
  t.same(Buffer.concat(parts), sent)
  t.equal(body.received, sent.length)
  t.equal(await body.read(5000), 'end')
  answer()
  t.equal((await wire.response()).text, 'done')
  wire.close()
})

test('declared lengths', async t => {
  const server = await serveBare(t, (request, reply) =>
    reply.send(String(new RequestBody(request.raw, reply.raw).length)),
  )
  const wire = await server.connect()
  wire.head('PUT /')
  t.equal((await wire.response()).text, '0')
  wire.head('PUT /', { 'Content-Length': 3 }).send('abc')
  t.equal((await wire.response()).text, '3')
  wire.head('PUT /', { 'Transfer-Encoding': 'chunked' }).send('0\r\n\r\n')
  t.equal((await wire.response()).text, 'undefined')
  wire.close()
})

test('nothing flows before the first read, and then 100 Continue comes first', async t => {
  const { wire, body: arriving } = await receive(t)
  wire.head('PUT /', { 'Content-Length': 5, Expect: '100-continue' })
  const body = await arriving
  await after(50)
  t.equal(wire.unread, '')
  const arrival = body.read(5000)
  t.equal((await wire.response()).status, 100)
  wire.send('hello')
  t.equal(joined(await arrival), 'hello')
  wire.close()
})

test('a reader that does not read holds the client back', async t => {
  const { wire, body: arriving } = await receive(t)
  const total = 64 * MiB
  wire.head('PUT /', { 'Content-Length': total })
  const block = Buffer.alloc(MiB)
  for (let sent = 0; sent < 64; sent += 1) wire.send(block)
  const body = await arriving
  let received = lengthOf(await body.read(5000))
  // Until nothing moves any more: the queue, the stream and the sockets' buffers are full.
  let before = -1
  while (before !== wire.socket.bytesWritten - wire.socket.writableLength) {
    before = wire.socket.bytesWritten - wire.socket.writableLength
    await after(100)
  }
  t.ok(body.received < 2 * MiB, `${body.received} bytes are in the server`)
  // And lets it go on when it reads again.
  for (let length = -1; length !== 0; received += length) length = lengthOf(await body.read(5000))
  t.equal(received, total)
  wire.close()
})

test('silence is idle, but only while somebody waits', async t => {
  const { wire, body: arriving } = await receive(t)
  wire.head('PUT /', { 'Content-Length': 10 }).send('hello')
  const body = await arriving
  t.equal(joined(await body.read(40)), 'hello')
  await after(100)
  wire.send('wor')
  t.equal(joined(await body.read(40)), 'wor')
  t.equal(await body.read(40), 'idle')
  t.equal(await body.read(40), 'idle')
  wire.close()
})

test('a body that never starts is idle', async t => {
  const { wire, body: arriving } = await receive(t)
  wire.head('PUT /', { 'Content-Length': 10 })
  t.equal(await (await arriving).read(30), 'idle')
  wire.close()
})

test('a stopped reader can drain on', async t => {
  const { wire, body: arriving } = await receive(t)
  wire.head('PUT /', { 'Content-Length': 10 }).send('hello')
  const body = await arriving
  const stop = new AbortController()
  t.equal(joined(await body.read(5000, stop.signal)), 'hello')
  const waiting = body.read(5000, stop.signal)
  stop.abort()
  t.equal(await waiting, 'stopped')
  t.equal(await body.read(5000, stop.signal), 'stopped')
  wire.send('world')
  t.equal(joined(await body.read(5000)), 'world')
  t.equal(await body.read(5000), 'end')
  wire.close()
})

test('a connection that breaks is a cut behind what arrived', async t => {
  for (const how of ['cut', 'close'] as const) {
    const { wire, body: arriving } = await receive(t)
    wire.head('PUT /', { 'Content-Length': 10 }).send('hello')
    const body = await arriving
    t.equal(joined(await body.read(5000)), 'hello')
    const waiting = body.read(5000)
    wire[how]()
    t.equal(await waiting, 'cut')
    t.equal(await body.read(5000), 'cut')
  }
})

test('a client that is gone before the first read is a cut', async t => {
  const { wire, body: arriving } = await receive(t)
  wire.head('PUT /', { 'Content-Length': 10 })
  const body = await arriving
  wire.cut()
  await once(wire.socket, 'close')
  await after(50)
  t.equal(await body.read(5000), 'cut')
})

test('half a chunked body is a cut, not an end', async t => {
  const { wire, body: arriving } = await receive(t)
  wire.head('PUT /', { 'Transfer-Encoding': 'chunked' }).send('5\r\nhello\r\n')
  const body = await arriving
  t.equal(joined(await body.read(5000)), 'hello')
  const waiting = body.read(5000)
  wire.socket.end()
  t.equal(await waiting, 'cut')
  wire.close()
})

test('broken chunk framing is a cut', async t => {
  const { wire, body: arriving } = await receive(t)
  wire.head('PUT /', { 'Transfer-Encoding': 'chunked' }).send('5\r\nhello\r\n')
  const body = await arriving
  t.equal(joined(await body.read(5000)), 'hello')
  const waiting = body.read(5000)
  wire.send('zzz\r\n')
  t.equal(await waiting, 'cut')
  t.equal((await wire.response()).status, 400)
})

test('P6: a body in chunks of one byte is not a buffer a byte', async t => {
  const { wire, body: arriving, answer } = await receive(t)
  const sent = sampleBytes(100_000)
  wire.head('PUT /', { 'Transfer-Encoding': 'chunked' })
  const chunks = Array.from(sent, byte => Buffer.from([0x31, 13, 10, byte, 13, 10]))
  wire.send(Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]))
  const body = await arriving
  // Let it come before it is read.
  let buffers = 0
  const parts: Buffer[] = []
  for (;;) {
    await after(20)
    const arrival = await body.read(5000)
    if (typeof arrival === 'string') break
    buffers += arrival.length
    parts.push(...arrival)
  }
  t.same(Buffer.concat(parts), sent)
  t.ok(buffers < 1000, `${buffers} buffers for ${sent.length} bytes`)
  answer()
  wire.close()
})

test('RFC 9110 §10.1.1: HTTP/1.0 gets no 100, whatever it expects', async t => {
  const server = await serveBare(t, async (request, reply) => {
    const arrival = await takeBody(request, reply).read(5000)
    return reply.send(joined(arrival))
  })
  const wire = await server.connect()
  wire.send('PUT /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello')
  await wire.ended()
  t.match(wire.unread, /^HTTP\/1\.1 200 /)
  t.match(wire.unread, /\r\n\r\nhello$/)
  t.notMatch(wire.unread, '100 Continue')
})
