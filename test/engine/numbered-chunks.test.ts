/**
 * Protocols that number their chunks and tell only at the end what the content is: the count beside the bytes, the late name,
 * size and checksums, ids that clients choose. Run under DXL's rules, which are data.
 */

import { hash } from 'node:crypto'
import { type Test, test } from 'tap'
import { DXL, GOOGLE, TUS } from '../../src/engine/door-rules.ts'
import type { Chunk, Engine } from '../../src/engine/engine.ts'
import type { FailureCode } from '../../src/engine/failure.ts'
import { bodyOf, GatedBody } from '../support/body.ts'
import {
  contentOf,
  HOUR,
  intentOf,
  openEngine,
  sourceBytes,
  type TestEngine,
} from '../support/engine.ts'
import { FaultyCatalog } from '../support/faulty-catalog.ts'
import { refusal } from '../support/refusal.ts'

const { name: _, ...NAMELESS } = intentOf('')

function numbered(ordinal: number, bytes: Buffer, more: Partial<Chunk> = {}): Chunk {
  return { body: bodyOf(bytes), offset: 'end', ordinal, last: false, ...more }
}

function final(ordinal: number, bytes: Buffer, whole: Buffer, more: Partial<Chunk> = {}): Chunk {
  const checksums = { sha256: hash('sha256', whole, 'hex') }
  return numbered(ordinal, bytes, { last: true, name: 'o', size: whole.length, checksums, ...more })
}

async function begun(t: Test): Promise<TestEngine> {
  const running = await openEngine(t)
  await running.engine.create(DXL, NAMELESS, 'id')
  return running
}

const WHOLE = sourceBytes(0, 300)

test('each number once, in turn; what is refused changes nothing', async t => {
  const { engine } = await begun(t)
  const append = (chunk: Chunk) => engine.append(DXL, 'id', chunk)
  t.match(await append(numbered(1, WHOLE.subarray(0, 100))), { persisted: 100, chunks: 1 })
  for (const received of [0, 1, 3, 1e20]) {
    const refused = append(numbered(received, WHOLE.subarray(0, 100)))
    await t.rejects(refused, refusal('chunk_out_of_order', { expected: 2, received }))
    t.match(await engine.status(DXL, 'id'), { persisted: 100, chunks: 1 })
  }
  await append(numbered(2, WHOLE.subarray(100, 200)))
  t.match(await append(final(3, WHOLE.subarray(200), WHOLE)), { state: 'done' })
  t.same(await contentOf(engine, 'o'), WHOLE)
})

test('a chunk without a byte counts, however its length is said', async t => {
  const { engine } = await begun(t)
  const empty = Buffer.alloc(0)
  t.match(await engine.append(DXL, 'id', numbered(1, empty)), { persisted: 0, chunks: 1 })
  const body = bodyOf(empty, { isChunked: true })
  t.match(await engine.append(DXL, 'id', { ...numbered(2, empty), body }), { chunks: 2 })
  await engine.append(DXL, 'id', numbered(3, WHOLE))
  t.match(await engine.append(DXL, 'id', numbered(4, empty)), { persisted: 300, chunks: 4 })
  await t.rejects(engine.append(DXL, 'id', numbered(4, empty)), refusal('chunk_out_of_order'))
  const last = { ...final(5, empty, WHOLE), body: bodyOf(empty, { isChunked: true }) }
  t.match(await engine.append(DXL, 'id', last), { state: 'done' })
  t.same(await contentOf(engine, 'o'), WHOLE)
})

test('an empty body of unknown length ends no session whose protocol has no granule', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(TUS, intentOf('o'))
  const body = () => bodyOf(Buffer.alloc(0), { isChunked: true })
  for (const persisted of [0, 300]) {
    const nothing = engine.append(TUS, token, { body: body(), offset: persisted, last: false })
    t.match(await nothing, { state: 'open', persisted })
    await engine.append(TUS, token, { body: bodyOf(WHOLE), offset: persisted, last: false })
  }
  t.match(await engine.status(TUS, token), { persisted: 600 })
})

test('a chunk that is cut was never counted', async t => {
  const { engine } = await begun(t)
  const body = bodyOf(WHOLE, { cutAt: 100 })
  await t.rejects(engine.append(DXL, 'id', { ...numbered(1, WHOLE), body }), refusal('body_cut'))
  t.match(await engine.status(DXL, 'id'), { persisted: 0, chunks: 0 })
  t.match(await engine.append(DXL, 'id', numbered(1, WHOLE)), { persisted: 300, chunks: 1 })
})

test('the count outlives the process, with the bytes', async t => {
  const running = await begun(t)
  await running.engine.append(DXL, 'id', numbered(1, WHOLE.subarray(0, 100)))
  await running.engine.append(DXL, 'id', numbered(2, WHOLE.subarray(100, 200)))
  const { engine } = await running.reopen()
  t.match(await engine.status(DXL, 'id'), { persisted: 200, chunks: 2 })
  const repeated = engine.append(DXL, 'id', numbered(2, WHOLE.subarray(100, 200)))
  await t.rejects(repeated, refusal('chunk_out_of_order'))
  await engine.append(DXL, 'id', final(3, WHOLE.subarray(200), WHOLE))
  t.same(await contentOf(engine, 'o'), WHOLE)
})

test('a failed commit counts nothing', async t => {
  const faults = new FaultyCatalog()
  const { engine } = await openEngine(t, { wrapCatalog: faults.wrap })
  await engine.create(DXL, NAMELESS, 'id')
  faults.fail('advance')
  await t.rejects(engine.append(DXL, 'id', numbered(1, WHOLE)), refusal('catalog_failed'))
  t.match(await engine.status(DXL, 'id'), { persisted: 0, chunks: 0 })
  t.match(await engine.append(DXL, 'id', numbered(1, WHOLE)), { persisted: 300, chunks: 1 })
})

test('two with the same number at once: one is taken, the other waits and is refused', async t => {
  const { engine } = await begun(t)
  const body = new GatedBody(100)
  const first = engine.append(DXL, 'id', { ...numbered(1, WHOLE), body })
  await body.taken()
  const second = engine.append(DXL, 'id', numbered(1, WHOLE.subarray(0, 100)))
  second.catch(() => {})
  body.push(WHOLE.subarray(0, 100))
  body.end('end')
  t.match(await first, { persisted: 100, chunks: 1 })
  await t.rejects(second, refusal('chunk_out_of_order', { expected: 2, received: 1 }))
})

test('the name may come last; a final chunk without a good one is refused before its bytes', async t => {
  const { engine } = await begun(t)
  await engine.append(DXL, 'id', numbered(1, WHOLE))
  for (const name of ['', 'a\0b', '..', 'x'.repeat(1025)]) {
    const chunk = final(2, Buffer.from('more'), WHOLE, { name })
    await t.rejects(engine.append(DXL, 'id', chunk), refusal('object_name_invalid'))
    t.equal((chunk.body as GatedBody).reads, 0)
  }
  t.match(await engine.status(DXL, 'id'), { persisted: 300, chunks: 1 })
  const done = await engine.append(DXL, 'id', final(2, Buffer.alloc(0), WHOLE, { name: 'late' }))
  t.match(done, { state: 'done', object: { name: 'late', size: 300 } })
  // An early name is not changed by a late one.
  const { token } = await engine.create(DXL, intentOf('early'))
  t.match(await engine.append(DXL, token, final(1, WHOLE, WHOLE)), { object: { name: 'early' } })
})

test('size and checksum at the end: what is wrong ends the session, and both are told', async t => {
  const { engine } = await openEngine(t)
  const sha256 = hash('sha256', WHOLE, 'hex')
  const wrong = 'f'.repeat(64)
  const checksum = {
    code: 'checksum_mismatch',
    algorithm: 'sha256',
    declared: wrong,
    computed: sha256,
  }
  const cases = [
    [{ size: 299 }, { code: 'size_mismatch', declared: 299, size: 300 }],
    [{ size: 301 }, { code: 'size_mismatch', declared: 301, size: 300 }],
    [{ checksums: { sha256: wrong } }, checksum],
    [
      { size: 301, checksums: { sha256: wrong } },
      { code: 'size_mismatch', checksum },
    ],
  ] as const
  for (const [index, [more, { code, ...figures }]] of cases.entries()) {
    const { token } = await engine.create(DXL, NAMELESS)
    await engine.append(DXL, token, numbered(1, WHOLE.subarray(0, 200)))
    const bytes = index % 2 === 0 ? WHOLE.subarray(200) : Buffer.alloc(0)
    if (bytes.length === 0) await engine.append(DXL, token, numbered(2, WHOLE.subarray(200)))
    const chunk = final(bytes.length === 0 ? 3 : 2, bytes, WHOLE, more)
    await t.rejects(engine.append(DXL, token, chunk), refusal(code as FailureCode, figures))
    await t.rejects(engine.status(DXL, token), refusal('session_invalid'))
  }
  await t.rejects(engine.objects.find({ bucket: 'bkt', name: 'o' }), refusal('object_not_found'))
})

test('a door that keeps a session whose checks fail keeps it with its bytes', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(TUS, NAMELESS)
  const refused = engine.append(TUS, token, final(1, WHOLE, WHOLE, { size: 1 }))
  await t.rejects(refused, refusal('size_mismatch'))
  t.match(await engine.status(TUS, token), { state: 'open', persisted: 300, chunks: 1 })
})

test('sha256 that is declared at the end was followed from the first byte', async t => {
  const { engine, storage } = await begun(t)
  const asked: string[] = []
  const { follow, finish } = storage.digests
  storage.digests.follow = (run, content, algorithms) => {
    asked.push(`follow ${algorithms}`)
    return follow.call(storage.digests, run, content, algorithms)
  }
  storage.digests.finish = (run, content, algorithms) => {
    asked.push(`finish ${algorithms}`)
    return finish.call(storage.digests, run, content, algorithms)
  }
  await engine.append(DXL, 'id', numbered(1, WHOLE))
  await engine.append(DXL, 'id', final(2, Buffer.alloc(0), WHOLE))
  t.strictSame(asked, ['follow md5,sha256', 'finish md5,sha256'])
})

test('what the door wants to know of the end is there when it is asked again, also later', async t => {
  const running = await begun(t)
  const doorData = { segments: '1' }
  const finish = () => final(1, WHOLE, WHOLE, { doorData })
  const expected = { state: 'done', session: { outcome: { kind: 'published', doorData } } }
  t.match(await running.engine.append(DXL, 'id', finish()), expected)
  const { engine } = await running.reopen()
  t.match(await engine.status(DXL, 'id'), expected)
  t.match(await engine.append(DXL, 'id', finish()), expected)
})

test('an id is free again once its session has ended, however it ended', async t => {
  const ends: Record<string, (engine: Engine, running: TestEngine) => Promise<unknown>> = {
    cancelled: engine => engine.cancel(DXL, 'id'),
    done: engine => engine.append(DXL, 'id', final(2, Buffer.alloc(0), WHOLE)),
    invalid: engine =>
      engine.append(DXL, 'id', final(2, Buffer.alloc(0), WHOLE, { size: 1 })).catch(() => {}),
    expired: async (engine, { clock }) => {
      clock.now += 49 * HOUR
      await engine.sweep()
    },
    'due, but not swept': async (_, { clock }) => {
      clock.now += 49 * HOUR
    },
  }
  for (const [how, end] of Object.entries(ends)) {
    const running = await begun(t)
    const { engine } = running
    await engine.append(DXL, 'id', numbered(1, WHOLE))
    await t.rejects(engine.create(DXL, NAMELESS, 'id'), refusal('session_exists'), how)
    await end(engine, running)
    await engine.create(DXL, NAMELESS, 'id')
    t.match(await engine.status(DXL, 'id'), { state: 'open', persisted: 0, chunks: 0 }, how)
    const other = sourceBytes(0, 50, 7)
    t.match(await engine.append(DXL, 'id', final(1, other, other)), { state: 'done' }, how)
    t.same(await contentOf(engine, 'o'), other, how)
    await running.close()
  }
})

test('what still writes to a session that was cancelled never reaches the next one of that id', async t => {
  const faults = new FaultyCatalog()
  const { engine } = await openEngine(t, { wrapCatalog: faults.wrap })
  await engine.create(DXL, NAMELESS, 'id')
  // The first chunk is stored and about to be recorded when its session is cancelled.
  const recording = faults.hold('advance')
  const old = engine.append(DXL, 'id', numbered(1, WHOLE))
  old.catch(() => {})
  await recording.reached
  await engine.cancel(DXL, 'id')
  const created = engine.create(DXL, NAMELESS, 'id')
  const isEarly = await Promise.race([
    created.then(() => true),
    new Promise(resolve => setTimeout(resolve, 100)),
  ])
  t.not(isEarly, true, 'the id is not free before the writer is gone')
  recording.release()
  await t.rejects(old, refusal('session_cancelled'))
  await created
  t.match(await engine.status(DXL, 'id'), { persisted: 0, chunks: 0 })
})

test('ids that nobody chooses are never used twice', async t => {
  const { engine } = await openEngine(t)
  await engine.create(GOOGLE, intentOf('o'), 'id')
  await engine.cancel(GOOGLE, 'id')
  await t.rejects(engine.create(GOOGLE, intentOf('o'), 'id'), refusal('session_exists'))
})
