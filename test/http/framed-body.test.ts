import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { Budget } from '../../src/engine/budget.ts'
import { type Frame, FramedBodies, type Unframed } from '../../src/http/framed-body.ts'
import { GunzipBody } from '../../src/http/gunzip-body.ts'
import { bodyOf, GatedBody } from '../support/body.ts'
import { sampleBytes } from '../support/server.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** Longer than any test runs. */
const PATIENT = 3_600_000

function frameOf(frame: Frame | Unframed): Frame {
  if (typeof frame === 'string') throw new Error(frame)
  return frame
}

test('a body comes whole, as one buffer, however it arrives', async t => {
  const budget = new Budget(8 * MIB)
  const frames = new FramedBodies(budget, 1000)
  const bytes = sampleBytes(MIB)
  for (const options of [{}, { isChunked: true }, { piece: 1000, atOnce: 7 }, { piece: 2 * MIB }]) {
    const frame = frameOf(await frames.read(bodyOf(bytes, options), MIB))
    t.ok(frame.bytes.equals(bytes))
    t.ok(budget.held >= MIB, 'and is counted as long as it is used')
    frame.release()
    frame.release()
    t.equal(budget.held, 0)
    t.equal(budget.bodies, 0)
  }
  const empty = frameOf(await frames.read(bodyOf(Buffer.alloc(0)), MIB))
  t.equal(empty.bytes.length, 0)
  empty.release()
  t.equal(budget.bodies, 0)
})

test('one that does not come whole leaves nothing', async t => {
  const budget = new Budget(8 * MIB)
  const frames = new FramedBodies(budget, 1000)
  const bytes = sampleBytes(100 * KIB)
  t.equal(await frames.read(bodyOf(bytes, { cutAt: 70_000 }), MIB), 'cut')
  t.equal(await frames.read(bodyOf(bytes, { idleAt: 70_000 }), MIB), 'idle')
  t.equal(await frames.read(bodyOf(bytes, { isChunked: true }), 100 * KIB - 1), 'too_large')
  const announced = new GatedBody(100 * KIB + 1)
  t.equal(await frames.read(announced, 100 * KIB), 'too_large')
  t.equal(announced.reads, 0, 'not a byte is asked for when the announced length is too large')
  t.equal(budget.held, 0)
  t.equal(budget.bodies, 0)
})

test('memory follows what arrived, not what was announced', async t => {
  const budget = new Budget(64 * MIB)
  const frames = new FramedBodies(budget, 1000)
  const body = new GatedBody(16 * MIB)
  const reading = frames.read(body, 16 * MIB)
  await body.taken()
  t.equal(budget.held, 0)
  for (const [piece, arrived] of [
    [1, 1],
    [100 * KIB, 100 * KIB + 1],
    [3 * MIB, 3 * MIB + 100 * KIB + 1],
  ] as const) {
    body.push(Buffer.alloc(piece))
    await body.taken()
    t.ok(budget.held >= arrived && budget.held <= 2 * arrived, `${budget.held} for ${arrived}`)
  }
  body.end('cut')
  t.equal(await reading, 'cut')
  t.equal(budget.held, 0)
})

test('a bomb is stopped at the limit', async t => {
  const budget = new Budget(8 * MIB)
  const frames = new FramedBodies(budget, 1000)
  const bomb = new GunzipBody(bodyOf(gzipSync(Buffer.alloc(64 * MIB))))
  t.equal(await frames.read(bomb, 256 * KIB), 'too_large')
  bomb.destroy()
  t.equal(budget.held, 0)
})

test('no frame is larger than half of the budget, whatever its limit', async t => {
  const frames = new FramedBodies(new Budget(8 * MIB), 1000)
  t.equal(frames.most(16 * MIB), 4 * MIB)
  t.equal(frames.most(MIB), MIB)
  t.equal(await frames.read(new GatedBody(4 * MIB + 1), 16 * MIB), 'too_large')
  const bytes = sampleBytes(4 * MIB)
  const frame = frameOf(await frames.read(bodyOf(bytes), 16 * MIB))
  t.ok(frame.bytes.equals(bytes))
  frame.release()
})

test('P6: a frame waits for memory in its turn, and one of them gets on, whatever others hold', async t => {
  const budget = new Budget(MIB)
  const frames = new FramedBodies(budget, 1000, PATIENT)
  const upload = budget.join()
  upload.hold(MIB)
  const first = new GatedBody(300 * KIB)
  const reading = frames.read(first, MIB)
  first.push(Buffer.alloc(100 * KIB))
  await first.taken()
  t.equal(budget.held, MIB + 100 * KIB)
  let isRead = false
  const second = frames.read(bodyOf(Buffer.alloc(KIB)), MIB).finally(() => {
    isRead = true
  })
  first.push(Buffer.alloc(200 * KIB))
  first.end()
  const frame = frameOf(await reading)
  t.notOk(isRead, 'the second waits')
  frame.release()
  frameOf(await second).release()
  upload.leave()
  t.equal(budget.held, 0)
  t.equal(budget.bodies, 0)
})

test('P6: frames that wait for each other are read one after the other', async t => {
  const budget = new Budget(MIB)
  const frames = new FramedBodies(budget, 1000, PATIENT)
  const bodies = Array.from({ length: 4 }, () => new GatedBody(500 * KIB))
  let most = 0
  const reading = bodies.map(async body => {
    const frame = frameOf(await frames.read(body, MIB))
    most = Math.max(most, budget.held)
    frame.release()
  })
  // 1000 KiB of 1024 are taken, and nobody is complete.
  for (const body of bodies) body.push(Buffer.alloc(250 * KIB))
  await Promise.all(bodies.map(body => body.taken()))
  for (const body of bodies) {
    body.push(Buffer.alloc(250 * KIB))
    body.end()
  }
  await Promise.all(reading)
  t.ok(most <= MIB + 500 * KIB, 'one frame beyond the budget at most')
  t.equal(budget.held, 0)
  t.equal(budget.bodies, 0)
})

test('P6: who waits too long hears so, and keeps nothing', async t => {
  const budget = new Budget(MIB)
  const frames = new FramedBodies(budget, 1000, 1)
  const [upload, slow] = [budget.join(), new GatedBody(KIB)]
  upload.hold(MIB)
  const reading = frames.read(slow, MIB)
  slow.push(Buffer.alloc(1))
  await slow.taken()
  t.equal(await frames.read(bodyOf(Buffer.alloc(KIB)), MIB), 'no_memory')
  slow.end('cut')
  t.equal(await reading, 'cut')
  upload.leave()
  t.equal(budget.held, 0)
  t.equal(budget.bodies, 0)
})
