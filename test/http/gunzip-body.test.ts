import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import type { Arrival, Body } from '../../src/engine/ports.ts'
import { GunzipBody } from '../../src/http/gunzip-body.ts'
import { sampleBytes } from '../support/server.ts'

/** Buffers are outside of the heap. */
function memory(): number {
  const { arrayBuffers, external } = process.memoryUsage()
  return arrayBuffers + external
}

function bodyOf(...arrivals: Arrival[]): Body {
  return { length: undefined, read: async () => arrivals.shift() ?? 'end' }
}

async function readAll(body: Body): Promise<{ bytes: Buffer; end: string; largest: number }> {
  const parts: Buffer[] = []
  let largest = 0
  for (;;) {
    const arrival = await body.read(1000)
    if (typeof arrival === 'string') return { bytes: Buffer.concat(parts), end: arrival, largest }
    parts.push(...arrival)
    largest = Math.max(largest, Buffer.concat(arrival).length)
  }
}

test('decoded, however it is cut into pieces', async t => {
  const bytes = sampleBytes(300_000)
  const packed = gzipSync(bytes)
  for (const size of [1000, 7777, packed.length]) {
    const pieces: Arrival[] = []
    for (let at = 0; at < packed.length; at += size) pieces.push([packed.subarray(at, at + size)])
    const { bytes: decoded, end } = await readAll(new GunzipBody(bodyOf(...pieces)))
    t.ok(decoded.equals(bytes), `in pieces of ${size}`)
    t.equal(end, 'end')
  }
})

const MiB = 1024 * 1024

test('P6: a bomb is decoded only as far as it is read', async t => {
  const packed = gzipSync(Buffer.alloc(64 * MiB))
  const { bytes, largest } = await readAll(new GunzipBody(bodyOf([packed])))
  t.equal(bytes.length, 64 * MiB)
  t.ok(largest <= 128 * 1024, `${largest} bytes at once`)
})

test('P6: many of them that nobody reads on hold a constant each', async t => {
  const packed = gzipSync(Buffer.alloc(64 * MiB))
  const before = memory()
  const bodies = Array.from({ length: 100 }, () => new GunzipBody(bodyOf([packed])))
  for (const body of bodies) await body.read(1000)
  await sleep(100)
  const held = memory() - before
  t.ok(held < 64 * MiB, `${held / MiB} MiB`)
  for (const body of bodies) body.destroy()
  t.equal(await bodies[0]?.read(1000), 'cut')
})

test('a reader whose body is destroyed while zlib works is told', async t => {
  const body = new GunzipBody(bodyOf([gzipSync(Buffer.alloc(MiB))]))
  const reading = body.read(1000)
  body.destroy()
  t.equal(await reading, 'cut')
  t.notOk(body.isMalformed)
})

test('zeros behind the last member, in one piece with it or not, are its end', async t => {
  const packed = gzipSync('hello')
  const zeros = Buffer.alloc(512)
  for (const pieces of [
    [[Buffer.concat([packed, zeros])], [zeros]],
    [[packed], [zeros], [zeros]],
  ]) {
    const { bytes, end } = await readAll(new GunzipBody(bodyOf(...pieces)))
    t.equal(bytes.toString(), 'hello')
    t.equal(end, 'end')
  }
  const followed = new GunzipBody(bodyOf([Buffer.concat([packed, Buffer.from('junk')])]))
  t.equal((await readAll(followed)).end, 'cut')
  t.ok(followed.isMalformed)
  const twice = await readAll(new GunzipBody(bodyOf([packed], [packed])))
  t.equal(twice.bytes.toString(), 'hellohello')
})

test('ends of all kinds', async t => {
  const packed = gzipSync('hello')
  const broken = new GunzipBody(bodyOf([Buffer.from('not gzip at all')]))
  t.equal((await readAll(broken)).end, 'cut')
  t.ok(broken.isMalformed)
  const half = new GunzipBody(bodyOf([packed.subarray(0, 12)]))
  t.equal((await readAll(half)).end, 'cut')
  t.ok(half.isMalformed)
  const cut = new GunzipBody(bodyOf([packed.subarray(0, 12)], 'cut'))
  t.equal((await readAll(cut)).end, 'cut')
  t.notOk(cut.isMalformed)
  t.equal((await readAll(new GunzipBody(bodyOf('idle')))).end, 'idle')
  t.equal((await readAll(new GunzipBody(bodyOf()))).end, 'end')
  const stopped = new GunzipBody(bodyOf('stopped', [packed]))
  t.equal(await stopped.read(1000), 'stopped')
  t.equal((await readAll(stopped)).bytes.toString(), 'hello')
  t.equal(await new GunzipBody(bodyOf()).read(1000, AbortSignal.abort()), 'stopped')
})
