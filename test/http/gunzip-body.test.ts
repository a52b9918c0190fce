import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import type { Arrival, Body } from '../../src/engine/ports.ts'
import { GunzipBody } from '../../src/http/gunzip-body.ts'
import { readSmallBody, SMALL_BODY_LIMIT } from '../../src/http/small-body.ts'
import { sampleBytes } from '../support/server.ts'

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

test('a bomb is held in memory a step at a time', async t => {
  const packed = gzipSync(Buffer.alloc(64 * 1024 * 1024))
  const { bytes, largest } = await readAll(new GunzipBody(bodyOf([packed])))
  t.equal(bytes.length, 64 * 1024 * 1024)
  t.ok(largest <= 9 * 1024 * 1024, `${largest} bytes at once`)
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

test('small bodies are read whole, or not at all', async t => {
  const read = (...arrivals: Arrival[]) => readSmallBody(bodyOf(...arrivals), 1000)
  t.equal(String(await read([Buffer.from('he'), Buffer.from('l')], [Buffer.from('lo')])), 'hello')
  t.equal(await read('cut'), 'cut')
  t.equal(await read('idle'), 'idle')
  t.equal(await read('stopped'), 'cut')
  t.equal(await read([Buffer.alloc(SMALL_BODY_LIMIT)], [Buffer.alloc(1)]), 'too_large')
  t.equal(await readSmallBody({ ...bodyOf(), length: SMALL_BODY_LIMIT + 1 }, 1000), 'too_large')
})
