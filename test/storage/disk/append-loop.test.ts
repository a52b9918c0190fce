import { getEventListeners } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32c } from '@node-rs/crc32'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { Budget } from '../../../src/engine/budget.ts'
import { UploadError } from '../../../src/engine/failure.ts'
import type { AppendRequest, Mark, Receipt } from '../../../src/engine/ports.ts'
import type { DiskSettings, DiskStorage } from '../../../src/storage/disk.ts'
import { appendRequest, markOf, someBytes } from '../../support/append-request.ts'
import { bodyOf, GatedBody } from '../../support/body.ts'
import { diskError, FaultyFiles } from '../../support/faulty-files.ts'
import { openDisk } from '../../support/open-disk.ts'
import { refusal } from '../../support/refusal.ts'

const KIB = 1024

/** A disk with faults, and one blob on it. */
interface Bench {
  readonly files: FaultyFiles
  readonly storage: DiskStorage
  readonly budget: Budget
  readonly blob: string
  append(request: Pick<AppendRequest, 'body'> & Partial<AppendRequest>): Promise<Receipt>
  /** What is in the blob's file now. */
  bytes(): Buffer
  /** How much of it would be there after a loss of power. */
  surviving(): number
}

async function openBench(t: Test, settings: Partial<DiskSettings> = {}): Promise<Bench> {
  const files = new FaultyFiles()
  const budget = new Budget(8 * KIB * KIB)
  const directory = t.testdir()
  const storage = await openDisk(t, { directory, files, budget, ...settings })
  const blob = storage.create()
  const path = join(directory, 'blobs', ...blob.split('-'))
  return {
    files,
    storage,
    budget,
    blob,
    append: request => storage.append(appendRequest({ blob, ...request })),
    bytes: () => readFileSync(path),
    surviving: () => files.survivingBytes(path),
  }
}

const fails = (call: string, nth: number, code: string) => (called: string, count: number) => {
  if (called === call && count === nth) throw diskError(code)
}

/** Fails the nth of these calls counted from now. */
function failNext(
  files: FaultyFiles,
  call: Parameters<FaultyFiles['count']>[0],
  code: string,
): void {
  files.before = fails(call, files.count(call) + 1, code)
}

test('what is promised survives a loss of power, whatever the disk does (P1, P7, P12)', async t => {
  const run = fc.record({
    length: fc.integer({ min: 0, max: 20_000 }),
    piece: fc.integer({ min: 1, max: 4_000 }),
    most: fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 7 }),
    slow: fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: 1, maxLength: 7 }),
    granule: fc.constantFrom(1, 100, 4_096),
    everyBytes: fc.integer({ min: 1, max: 20_000 }),
    memory: fc.constantFrom(1, 8 * KIB * KIB),
  })
  const property = fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 3 }), async runs => {
    const { files, storage, ...bench } = await openBench(t, {
      pace: { bytes: runs[0]?.everyBytes ?? 1, ms: 2 },
      budget: new Budget(runs[0]?.memory ?? 1),
    })
    let kept = Buffer.alloc(0)
    for (const { length, piece, most, slow, granule } of runs) {
      files.most = nth => most[nth % most.length] ?? 1
      files.before = async (_call, nth) => {
        const ms = slow[nth % slow.length] ?? 0
        if (ms > 0) await sleep(ms - 1)
      }
      const start = kept.length
      const seed = crc32c(kept)
      const bytes = someBytes(length, start)
      const promises: Mark[] = []
      const receipt = await bench.append({
        start,
        seed,
        granule,
        body: bodyOf(bytes, { piece }),
        checkpoint: async mark => {
          promises.push(mark)
          if (bench.surviving() < start + mark.length) t.fail('a checkpoint of what may be lost')
          await sleep(0)
          if (bench.surviving() < start + mark.length) t.fail('promised, then lost')
        },
      })
      if (length > 0 && bench.surviving() < start + length) t.fail('a receipt for what may be lost')
      for (const [index, mark] of promises.entries()) {
        t.equal(mark.length % granule, 0)
        t.same(mark, markOf(bytes.subarray(0, mark.length), seed))
        t.ok(mark.length > (promises[index - 1]?.length ?? 0), 'promises grow')
      }
      t.same(receipt.stored, markOf(bytes, seed))
      kept = Buffer.concat([kept, bytes])
      if (kept.length > 0) t.ok(bench.bytes().equals(kept))
    }
  })
  await fc.assert(property, { numRuns: 20 })
})

test('a write that takes nothing fails (P12)', async t => {
  const { files, append } = await openBench(t)
  files.most = nth => (nth === 1 + 1 ? 100 : 0)
  const error = await append({ body: bodyOf(someBytes(1_000)) }).catch(error => error)
  t.match(error, refusal('storage_failed'))
  t.match(error.cause, /0 bytes/)
})

test('a failed sync at the end is believed: an error, and no second try (P12)', async t => {
  const { files, append, surviving } = await openBench(t)
  const syncs = files.count('datasync')
  failNext(files, 'datasync', 'EIO')
  const error = await append({ body: bodyOf(someBytes(1_000)) }).catch(error => error)
  t.match(error, refusal('storage_failed'))
  t.match(error.cause, { code: 'EIO' })
  t.equal(files.count('datasync'), syncs + 1)
  t.equal(surviving(), 0)
})

test('a failed sync of the directory is believed as well', async t => {
  const { files, append, surviving } = await openBench(t)
  await append({ body: bodyOf(Buffer.alloc(0)) })
  failNext(files, 'sync', 'EIO')
  await t.rejects(append({ body: bodyOf(someBytes(1_000)) }), refusal('storage_failed'))
  t.equal(surviving(), 0)
})

test('a sync that finds the disk full has failed like any other: bytes are lost (P12)', async t => {
  const { files, append } = await openBench(t)
  failNext(files, 'datasync', 'ENOSPC')
  await t.rejects(append({ body: bodyOf(someBytes(1_000)) }), refusal('storage_failed'))
})

test('a failed sync in the background ends an append that waits for its client', async t => {
  const { files, append, budget } = await openBench(t, { pace: { bytes: 100, ms: 60_000 } })
  const syncs = files.count('datasync')
  failNext(files, 'datasync', 'EIO')
  const body = new GatedBody()
  const marks: Mark[] = []
  const appending = append({ body, checkpoint: async mark => void marks.push(mark) })
  body.push(someBytes(1_000))
  await t.rejects(appending, refusal('storage_failed'))
  t.same(marks, [], 'nothing was promised')
  t.equal(files.count('datasync'), syncs + 1)
  t.same([budget.bodies, budget.held], [0, 0])
  body.end()
  t.equal(await body.read(1), 'end', 'the body was let go and can be drained')
})

test('a sync ahead that fails is the failure of the sync that would have promised (P12)', async t => {
  const { files, append } = await openBench(t)
  const syncs = files.count('datasync')
  failNext(files, 'datasync', 'EIO')
  // Twice what sets the disk to work early: the sync at the end is another one, and succeeds.
  const error = await append({ body: bodyOf(someBytes(9 * 1024 * 1024)) }).catch(error => error)
  t.match(error, refusal('storage_failed'))
  t.match(error.cause, { code: 'EIO' })
  t.ok(files.count('datasync') >= syncs + 2, 'there was a later one that did not fail')
})

test('a refused checkpoint ends the append with its own error', async t => {
  const { append, bytes } = await openBench(t, { pace: { bytes: 100, ms: 60_000 } })
  const superseded = new UploadError({ code: 'superseded' })
  const strange = new Error('not ours')
  for (const refusal of [superseded, strange]) {
    const body = new GatedBody()
    const appending = append({ body, checkpoint: () => Promise.reject(refusal) })
    body.push(someBytes(200))
    t.equal(await appending.catch(error => error), refusal)
    t.equal(bytes().length, 200)
  }
})

test('a disk that fails outweighs a checkpoint that was refused', async t => {
  const { files, append } = await openBench(t, { pace: { bytes: 100, ms: 60_000 } })
  const broken = Promise.withResolvers<void>()
  const body = new GatedBody()
  const checkpoint = async () => {
    files.before = fails('writev', files.count('writev') + 1, 'EIO')
    body.push(someBytes(300_000))
    body.end()
    await broken.promise
    throw new UploadError({ code: 'superseded' })
  }
  const appending = append({ body, checkpoint })
  body.push(someBytes(200))
  appending.catch(() => {})
  while (files.count('writev') < 3) await sleep(1)
  broken.resolve()
  await t.rejects(appending, refusal('storage_failed'))
})

test('a refused checkpoint counts, although the body has ended meanwhile', async t => {
  const { append } = await openBench(t, { pace: { bytes: 100, ms: 60_000 } })
  const checkpoint = async () => {
    await sleep(20)
    throw new UploadError({ code: 'superseded' })
  }
  await t.rejects(append({ body: bodyOf(someBytes(200)), checkpoint }), refusal('superseded'))
})

test('a slow client gets its checkpoint in time, and only for a new granule', async t => {
  const { append, surviving } = await openBench(t, { pace: { bytes: 1e9, ms: 1 } })
  const marks: Mark[] = []
  const body = new GatedBody()
  let seen = Promise.withResolvers<void>()
  const checkpoint = async (mark: Mark) => {
    marks.push(mark)
    t.ok(surviving() >= mark.length)
    seen.resolve()
  }
  const appending = append({ body, granule: 256, checkpoint })
  body.push(someBytes(300))
  await seen.promise
  seen = Promise.withResolvers()
  body.push(someBytes(100, 300))
  await body.taken()
  await sleep(30)
  t.equal(marks.length, 1, 'no granule more, no checkpoint')
  body.push(someBytes(200, 400))
  await seen.promise
  body.end()
  t.same((await appending).stored, markOf(someBytes(600)))
  t.same(marks, [markOf(someBytes(256)), markOf(someBytes(512))])
})

test('the body flows on during a checkpoint, up to where the next is due', async t => {
  const { files, append, budget } = await openBench(t, {
    pace: { bytes: 1_000, ms: 60_000 },
    budget: new Budget(1),
  })
  const gate = Promise.withResolvers<void>()
  const syncs = files.count('datasync')
  files.before = (call, nth) =>
    call === 'datasync' && nth === syncs + 1 ? gate.promise : undefined
  const marks: number[] = []
  const body = bodyOf(someBytes(5_000), { piece: 250 })
  const appending = append({ body, checkpoint: async ({ length }) => void marks.push(length) })
  while (body.reads < 8) await sleep(1)
  await sleep(30)
  t.equal(body.reads, 8, 'the first 1000 bytes and the next')
  t.same(marks, [])
  gate.resolve()
  await appending
  t.same(marks, [1_000, 2_000, 3_000, 4_000, 5_000])
  t.equal(budget.held, 0)
})

test('a full disk ends the append, and what was written in order is kept (P10, P12)', async t => {
  // A budget that small writes every arrival by itself.
  for (const code of ['ENOSPC', 'EDQUOT']) {
    const { files, append, bytes, surviving, storage, blob } = await openBench(t, {
      budget: new Budget(1),
    })
    const before = files.count('writev')
    // The fourth write takes a part and then finds no room for the rest.
    files.most = nth => (nth === before + 4 ? 60 : Number.POSITIVE_INFINITY)
    files.before = fails('writev', before + 5, code)
    const body = bodyOf(someBytes(1_000), { piece: 100 })
    const receipt = await append({ body, granule: 256, md5: true })
    t.same(receipt, {
      received: 400,
      stored: markOf(someBytes(300)),
      granules: markOf(someBytes(256)),
      ended: 'no_space',
    })
    t.ok(bytes().equals(someBytes(300)), 'and the rest was given back')
    t.equal(surviving(), 300)
    files.before = () => {}
    const again = { start: 256, body: bodyOf(someBytes(10)) }
    t.match(await append(again), { ended: 'end', stored: { length: 10 } }, 'it goes on')
    await storage.seal(blob, 266)
  }
})

test('of two writes in flight, the second counts only if the first is there', async t => {
  const batch = 256 * KIB
  const body = () => bodyOf(someBytes(4 * batch), { piece: batch })
  for (const [first, second, expected] of [
    ['ENOSPC', undefined, 'no_space'],
    ['ENOSPC', 'EIO', 'storage_failed'],
    ['EIO', 'ENOSPC', 'storage_failed'],
  ] as const) {
    const { files, append, bytes, budget } = await openBench(t, { budget: new Budget(3 * batch) })
    const written = files.count('writev')
    files.before = async (call, nth) => {
      if (call !== 'writev') return
      if (nth === written + 2) {
        await sleep(20)
        throw diskError(first)
      }
      if (nth === written + 3 && second !== undefined) throw diskError(second)
    }
    const appending = append({ body: body() })
    if (expected === 'storage_failed') await t.rejects(appending, refusal(expected))
    else {
      t.match(await appending, { ended: expected, stored: markOf(someBytes(batch)) })
      t.equal(bytes().length, batch)
    }
    t.same([budget.bodies, budget.held], [0, 0])
  }
})

test('the reserve is left free (P10)', async t => {
  const { files, append, bytes, storage } = await openBench(t, {
    reserveBytes: 1_000,
    budget: new Budget(1),
  })
  let isMade = false
  files.available = () => 1_450 - (isMade ? bytes().length : 0)
  t.equal(await storage.hasRoom(), true)
  const body = bodyOf(someBytes(1_000), { piece: 100 })
  files.before = call => {
    if (call === 'writev') isMade = true
  }
  const receipt = await append({ body })
  t.match(receipt, { ended: 'no_space', stored: markOf(someBytes(400)) })
  t.ok(bytes().equals(someBytes(400)))
})

test('where the reserve is reached, nobody is asked for bytes (P10)', async t => {
  const { files, append, storage } = await openBench(t, { reserveBytes: 1_000 })
  files.available = () => 1_000
  t.equal(await storage.hasRoom(), false)
  const body = bodyOf(someBytes(10))
  t.match(await append({ body }), { ended: 'no_space', received: 0 })
  t.equal(body.reads, 0)
  t.match(await append({ body: bodyOf(Buffer.alloc(0)) }), { ended: 'end' }, 'none need no room')
})

test('no room even for a new file is no_space', async t => {
  const { files, append } = await openBench(t)
  failNext(files, 'open', 'ENOSPC')
  const receipt = await append({ body: bodyOf(someBytes(10)) })
  t.match(receipt, { ended: 'no_space', received: 10, stored: { length: 0 } })
})

test('other errors of the disk are storage_failed', async t => {
  for (const call of ['open', 'mkdir', 'writev', 'statfs'] as const) {
    const { files, append, budget } = await openBench(t)
    failNext(files, call, 'EIO')
    const error = await append({ body: bodyOf(someBytes(10)) }).catch(error => error)
    t.match(error, refusal('storage_failed'), call)
    t.match(error.cause, { code: 'EIO' })
    t.same([budget.bodies, budget.held], [0, 0])
    files.before = () => {}
    t.match(await append({ body: bodyOf(someBytes(10)) }), { ended: 'end' }, 'and then it goes on')
  }
  for (const call of ['open', 'stat', 'truncate'] as const) {
    const { files, append } = await openBench(t)
    await append({ body: bodyOf(someBytes(10)) })
    failNext(files, call, 'EIO')
    const again = append({ start: 5, body: bodyOf(someBytes(10)) })
    await t.rejects(again, refusal('storage_failed'), call)
  }
})

test('a writer that is asked to stop waits for its disk, not for its client', async t => {
  const { files, append, surviving } = await openBench(t, { budget: new Budget(1) })
  const stop = new AbortController()
  const writes = files.count('writev')
  files.before = async (call, nth) => {
    if (call !== 'writev' || nth !== writes + 2) return
    stop.abort()
    await sleep(20)
  }
  const body = bodyOf(someBytes(1_000), { piece: 100 })
  const receipt = await append({ body, signal: stop.signal })
  t.match(receipt, { ended: 'stopped', received: 200, stored: markOf(someBytes(200)) })
  t.equal(surviving(), 200)
})

test('memory stays within the budget, however slow the disk (P6)', async t => {
  const budget = new Budget(2 * KIB * KIB)
  const { files, storage } = await openBench(t, { budget })
  let most = 0
  files.before = async call => {
    most = Math.max(most, budget.held)
    if (call === 'writev') await sleep(2)
  }
  const bodies = 16
  const piece = 16 * KIB
  await Promise.all(
    Array.from({ length: bodies }, async () => {
      const body = bodyOf(someBytes(1_000_000), { piece })
      const receipt = await storage.append(appendRequest({ blob: storage.create(), body }))
      t.same(receipt.stored, markOf(someBytes(1_000_000)))
    }),
  )
  t.ok(most > 0)
  t.ok(most <= 2 * KIB * KIB + bodies * (256 * KIB + piece), `${most} bytes were held`)
  t.same([budget.bodies, budget.held], [0, 0])
})

test('a body of thousands of tiny buffers', async t => {
  const { append, bytes } = await openBench(t)
  const body = bodyOf(someBytes(20_000), { piece: 3, atOnce: 2_500 })
  t.match(await append({ body }), { ended: 'end', stored: markOf(someBytes(20_000)) })
  t.ok(bytes().equals(someBytes(20_000)))
})

test('nothing listens to a signal any more when the append has ended', async t => {
  const { append } = await openBench(t)
  const { signal } = new AbortController()
  await append({ body: bodyOf(someBytes(10)), signal })
  t.same(getEventListeners(signal, 'abort'), [])
})
