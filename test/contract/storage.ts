/**
 * What every Storage must do, by what it says and what can be read back. `make` gives an empty one, which the suite
 * closes.
 */

import { createHash, hash } from 'node:crypto'
import { crc32c } from '@node-rs/crc32'
import fc from 'fast-check'
import type { Test } from 'tap'
import type { AppendRequest, Extent, Mark, Receipt, Storage } from '../../src/engine/ports.ts'
import { appendRequest, extentOf, markOf, someBytes } from '../support/append-request.ts'
import { bodyOf, GatedBody } from '../support/body.ts'
import { refusal } from '../support/refusal.ts'

type Make = (t: Test) => Promise<Storage>
const NOTHING: Mark = { length: 0, crc32c: 0 }
const A_DAY_AGO = '20200101-00000000000000000000000000000000'

export function storageContract(t: Test, make: Make): void {
  const open = async (t: Test): Promise<Storage> => {
    const storage = await make(t)
    t.teardown(() => storage.close())
    return storage
  }
  t.test('append', async t => appends(t, open))
  t.test('seal, read, checksum', async t => reads(t, open))
  t.test('discard, blobs, hasRoom, check', async t => upkeep(t, open))
  t.test('digests', async t => digests(t, open))
}

function appends(t: Test, open: Make): void {
  t.test('a body is stored whole', async t => {
    const storage = await open(t)
    const blob = storage.create()
    const bytes = someBytes(300_000)
    const receipt = await append(storage, { blob, body: bodyOf(bytes) })
    const stored = markOf(bytes)
    t.same(receipt, { received: 300_000, stored, granules: stored, ended: 'end' })
    t.ok((await content(storage, [extentOf(blob, bytes)])).equals(bytes))
  })

  t.test('names are not given twice', async t => {
    const storage = await open(t)
    t.not(storage.create(), storage.create())
  })

  t.test('an append continues a blob, and its marks the checksum', async t => {
    const storage = await open(t)
    const blob = storage.create()
    const bytes = someBytes(100_000)
    const first = bytes.subarray(0, 33_333)
    const { stored } = await append(storage, { blob, body: bodyOf(first) })
    const receipt = await append(storage, {
      blob,
      start: stored.length,
      seed: stored.crc32c,
      body: bodyOf(bytes.subarray(33_333)),
      granule: 50_000,
    })
    t.same(receipt.stored, { length: 66_667, crc32c: crc32c(bytes) })
    t.same(receipt.granules, markOf(bytes.subarray(33_333, 83_333), stored.crc32c))
    t.ok((await content(storage, [extentOf(blob, bytes)])).equals(bytes))
  })

  t.test('what lies beyond the promise is dropped', async t => {
    const storage = await open(t)
    const blob = storage.create()
    const bytes = someBytes(5_000)
    await append(storage, { blob, body: bodyOf(bytes) })
    const tail = someBytes(100, 77)
    await append(storage, { blob, start: 1_000, body: bodyOf(tail) })
    const expected = Buffer.concat([bytes.subarray(0, 1_000), tail])
    t.ok((await content(storage, [extentOf(blob, expected)])).equals(expected))
    const beyond = { ...extentOf(blob, expected), length: 1_101 }
    await t.rejects(content(storage, [beyond]), refusal('blob_short', { blob }))
  })

  t.test('an append from 0 on begins anew', async t => {
    const storage = await open(t)
    const blob = storage.create()
    await append(storage, { blob, body: bodyOf(someBytes(5_000)) })
    const bytes = someBytes(10, 99)
    t.same((await append(storage, { blob, body: bodyOf(bytes) })).stored, markOf(bytes))
    t.ok((await content(storage, [extentOf(blob, bytes)])).equals(bytes))
    const beyond = { ...extentOf(blob, bytes), length: 11 }
    await t.rejects(content(storage, [beyond]), refusal('blob_short'))
  })

  t.test('known bytes are counted and not stored', async t => {
    const storage = await open(t)
    const blob = storage.create()
    const bytes = someBytes(1_000)
    const body = bodyOf(bytes, { piece: 64 })
    const receipt = await append(storage, { blob, body, skip: 300 })
    const stored = markOf(bytes.subarray(300))
    t.same(receipt, { received: 1_000, stored, granules: stored, ended: 'end' })
    const all = await append(storage, { blob: storage.create(), body: bodyOf(bytes), skip: 1_000 })
    t.same(all, { received: 1_000, stored: NOTHING, granules: NOTHING, ended: 'end' })
  })

  t.test('nothing is stored beyond the limit', async t => {
    const storage = await open(t)
    const bytes = someBytes(1_000)
    const blob = storage.create()
    const over = await append(storage, { blob, body: bodyOf(bytes), skip: 10, limit: 500 })
    t.equal(over.ended, 'over')
    t.same(over.stored, markOf(bytes.subarray(10, 510)))
    const beyond = { blob, start: 0, length: 501, crc32c: 0 }
    await t.rejects(content(storage, [beyond]), refusal('blob_short'))
    const exact = { blob: storage.create(), body: bodyOf(bytes), limit: 1_000 }
    t.match(await append(storage, exact), { ended: 'end', stored: markOf(bytes) })
  })

  t.test('a body cut by the network, or silent, leaves what arrived', async t => {
    const storage = await open(t)
    const bytes = someBytes(1_000)
    for (const [ended, options] of [
      ['cut', { cutAt: 700 }],
      ['idle', { idleAt: 700 }],
    ] as const) {
      const blob = storage.create()
      const receipt = await append(storage, { blob, body: bodyOf(bytes, options), granule: 256 })
      const kept = bytes.subarray(0, 700)
      t.same(receipt, {
        received: 700,
        stored: markOf(kept),
        granules: markOf(bytes.subarray(0, 512)),
        ended,
      })
      t.ok((await content(storage, [extentOf(blob, kept)])).equals(kept))
    }
  })

  t.test('a writer that is asked to stop keeps what arrived', async t => {
    const storage = await open(t)
    const blob = storage.create()
    const body = new GatedBody()
    const stop = new AbortController()
    const appending = append(storage, { blob, body, signal: stop.signal })
    const bytes = someBytes(1_000)
    body.push(bytes)
    await body.taken()
    stop.abort()
    const receipt = await appending
    t.same(receipt, {
      received: 1_000,
      stored: markOf(bytes),
      granules: markOf(bytes),
      ended: 'stopped',
    })
    t.ok((await content(storage, [extentOf(blob, bytes)])).equals(bytes))
    body.end()
    t.equal(await body.read(1), 'end', 'and the body can be drained')
    const before = { blob: storage.create(), body: bodyOf(bytes), signal: stop.signal }
    t.match(await append(storage, before), { stored: NOTHING, ended: 'stopped' })
  })

  t.test('an empty body is stored, and leaves no blob to care for', async t => {
    const storage = await open(t)
    const blob = storage.create()
    const receipt = await append(storage, { blob, body: bodyOf(Buffer.alloc(0)) })
    t.same(receipt, { received: 0, stored: NOTHING, granules: NOTHING, ended: 'end' })
    await storage.seal(blob, 0)
    t.same(await content(storage, [{ blob, start: 0, ...NOTHING }]), Buffer.alloc(0))
  })

  t.test('a blob that is shorter than its promise is never stretched', async t => {
    const storage = await open(t)
    const blob = storage.create()
    await append(storage, { blob, body: bodyOf(someBytes(100)) })
    const body = bodyOf(someBytes(10))
    await t.rejects(append(storage, { blob, start: 101, body }), refusal('blob_short', { blob }))
    const unknown = append(storage, { blob: A_DAY_AGO, start: 1, body })
    await t.rejects(unknown, refusal('blob_short', { blob: A_DAY_AGO }))
    t.equal(body.reads, 0, 'refused before a byte is asked for')
    t.equal((await content(storage, [extentOf(blob, someBytes(100))])).length, 100)
  })

  t.test('md5 of a small body, on the way', async t => {
    const storage = await open(t)
    const bytes = someBytes(200_000)
    const { md5 } = await append(storage, {
      blob: storage.create(),
      body: bodyOf(bytes),
      md5: true,
    })
    t.equal(md5, md5Of(bytes))
  })

  t.test('many at once', async t => {
    const storage = await open(t)
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const blob = storage.create()
        const bytes = someBytes(10_000 + index * 1_000, index)
        await append(storage, { blob, body: bodyOf(bytes, { piece: 1_000 }) })
        await storage.seal(blob, bytes.length)
        t.ok((await content(storage, [extentOf(blob, bytes)])).equals(bytes))
      }),
    )
  })

  t.test('however the bytes come, the blob is the same', async t => {
    const storage = await open(t)
    const chunk = fc.record({
      length: fc.integer({ min: 0, max: 5_000 }),
      piece: fc.integer({ min: 1, max: 3_000 }),
      atOnce: fc.integer({ min: 1, max: 4 }),
      skip: fc.integer({ min: 0, max: 100 }),
      cutAt: fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: undefined }),
      granule: fc.constantFrom(1, 7, 256),
    })
    const property = fc.asyncProperty(fc.array(chunk, { maxLength: 5 }), async chunks => {
      const blob = storage.create()
      let kept = Buffer.alloc(0)
      for (const { length, piece, atOnce, skip, cutAt, granule } of chunks) {
        const bytes = someBytes(length, kept.length)
        const cut = cutAt === undefined || cutAt >= length ? {} : { cutAt }
        const receipt = await append(storage, {
          blob,
          start: kept.length,
          seed: crc32c(kept),
          body: bodyOf(bytes, { piece, atOnce, ...cut }),
          skip,
          granule,
        })
        const arrived = bytes.subarray(skip, cut.cutAt ?? length)
        const whole = arrived.length - (arrived.length % granule)
        t.same(receipt, {
          received: cut.cutAt ?? length,
          stored: markOf(arrived, crc32c(kept)),
          granules: markOf(arrived.subarray(0, whole), crc32c(kept)),
          ended: cut.cutAt === undefined ? 'end' : 'cut',
        })
        kept = Buffer.concat([kept, arrived.subarray(0, whole)])
      }
      await storage.seal(blob, kept.length)
      t.ok((await content(storage, [extentOf(blob, kept)])).equals(kept))
    })
    await fc.assert(property, { numRuns: 60 })
  })
}

function reads(t: Test, open: Make): void {
  t.test('a synced blob keeps what lies past the end, and grows on', async t => {
    const storage = await open(t)
    const blob = await stored(storage, someBytes(1_000))
    await storage.sync(blob, 600)
    await storage.sync(blob, 600)
    const bytes = someBytes(1_500)
    t.ok((await content(storage, [extentOf(blob, bytes.subarray(0, 1_000))])).length === 1_000)
    const more = bodyOf(bytes.subarray(1_000))
    await append(storage, {
      blob,
      start: 1_000,
      seed: crc32c(bytes.subarray(0, 1_000)),
      body: more,
    })
    t.ok((await content(storage, [extentOf(blob, bytes)])).equals(bytes))
    await t.rejects(storage.sync(blob, 1_501), refusal('blob_short', { blob }))
    await t.rejects(storage.sync(A_DAY_AGO, 1), refusal('blob_short'))
  })

  t.test('sealing gives back what lies past the end, and may be repeated', async t => {
    const storage = await open(t)
    const blob = await stored(storage, someBytes(1_000))
    await storage.seal(blob, 600)
    await storage.seal(blob, 600)
    const bytes = someBytes(1_000).subarray(0, 600)
    t.ok((await content(storage, [extentOf(blob, bytes)])).equals(bytes))
    const beyond = { blob, start: 0, length: 601, crc32c: 0 }
    await t.rejects(content(storage, [beyond]), refusal('blob_short', { blob }))
    await t.rejects(storage.seal(blob, 601), refusal('blob_short', { blob }))
    await t.rejects(storage.seal(A_DAY_AGO, 1), refusal('blob_short'))
  })

  t.test('content is its extents in order, wherever they lie', async t => {
    const storage = await open(t)
    const bytes = someBytes(3_000_000)
    const a = await stored(storage, bytes)
    const b = await stored(storage, someBytes(500, 7))
    const extents: Extent[] = [
      { blob: b, start: 100, length: 50, crc32c: 0 },
      { blob: a, start: 1, length: 2_999_998, crc32c: 0 },
      { blob: A_DAY_AGO, start: 9, length: 0, crc32c: 0 },
      { blob: b, start: 0, length: 500, crc32c: 0 },
    ]
    const expected = Buffer.concat([
      someBytes(500, 7).subarray(100, 150),
      bytes.subarray(1, 2_999_999),
      someBytes(500, 7),
    ])
    t.ok((await content(storage, extents)).equals(expected))
  })

  t.test('a blob that ends early is reported after the bytes before', async t => {
    const storage = await open(t)
    const blob = await stored(storage, someBytes(1_000))
    const read = storage.read([{ blob, start: 0, length: 1_001, crc32c: 0 }])
    const iterator = read[Symbol.asyncIterator]()
    t.equal((await iterator.next()).value?.length, 1_000)
    await t.rejects(iterator.next(), refusal('blob_short', { blob }))
    const missing = [{ blob: A_DAY_AGO, start: 0, length: 1, crc32c: 0 }]
    await t.rejects(content(storage, missing), refusal('blob_short', { blob: A_DAY_AGO }))
  })

  t.test('a consumer may stop', async t => {
    const storage = await open(t)
    const blob = await stored(storage, someBytes(3_000_000))
    const extent = { blob, start: 0, length: 3_000_000, crc32c: 0 }
    for await (const bytes of storage.read([extent])) {
      t.ok(bytes.length > 0)
      break
    }
  })

  t.test('a slice has its checksum', async t => {
    const storage = await open(t)
    const bytes = someBytes(2_000_000)
    const blob = await stored(storage, bytes)
    const crc = await storage.checksum({ blob, start: 5, length: 1_999_990 })
    t.equal(crc, crc32c(bytes.subarray(5, 1_999_995)))
    t.equal(await storage.checksum({ blob, start: 5, length: 0 }), 0)
    const beyond = storage.checksum({ blob, start: 5, length: 2_000_000 })
    await t.rejects(beyond, refusal('blob_short', { blob }))
  })
}

function upkeep(t: Test, open: Make): void {
  t.test('a discarded blob is gone, and may be discarded again', async t => {
    const storage = await open(t)
    const bytes = someBytes(100)
    const blob = await stored(storage, bytes)
    await storage.discard(blob)
    await storage.discard(blob)
    await storage.discard(A_DAY_AGO)
    await t.rejects(content(storage, [extentOf(blob, bytes)]), refusal('blob_short'))
    await t.rejects(storage.seal(blob, 100), refusal('blob_short'))
  })

  t.test('a reader outlives the discarding of what it reads', async t => {
    const storage = await open(t)
    const bytes = someBytes(3_000_000)
    const blob = await stored(storage, bytes)
    const read = storage.read([extentOf(blob, bytes)])[Symbol.asyncIterator]()
    const buffers = [(await read.next()).value as Buffer]
    await storage.discard(blob)
    for (let next = await read.next(); next.done !== true; next = await read.next()) {
      buffers.push(next.value)
    }
    t.ok(Buffer.concat(buffers).equals(bytes))
  })

  t.test('every blob is listed', async t => {
    const storage = await open(t)
    t.same(await names(storage), [])
    const blobs = await Promise.all([1, 2, 3].map(length => stored(storage, someBytes(length))))
    t.same(await names(storage), blobs.toSorted())
    const [first = '', ...others] = blobs
    await storage.discard(first)
    t.same(await names(storage), others.toSorted())
  })

  t.test('there is room, and the medium can be written', async t => {
    const storage = await open(t)
    t.equal(await storage.hasRoom(), true)
    const { free, capacity, reserve } = await storage.space()
    t.ok(reserve >= 0 && free > reserve && capacity >= free)
    await storage.check()
    t.same(await names(storage), [])
  })
}

function digests(t: Test, open: Make): void {
  t.test('a run follows growing content', async t => {
    const storage = await open(t)
    const bytes = someBytes(2_500_000)
    const blob = await stored(storage, bytes)
    const prefix = (length: number) => [extentOf(blob, bytes.subarray(0, length))]
    await storage.digests.follow('run', prefix(1_000), ['md5'])
    await storage.digests.follow('run', prefix(1_200_000), ['md5'])
    await storage.digests.follow('run', prefix(1_200_000), ['md5'])
    t.equal((await storage.digests.finish('run', prefix(2_500_000), ['md5'])).md5, md5Of(bytes))
    t.equal(
      (await storage.digests.finish('run', prefix(3), ['md5'])).md5,
      md5Of(bytes.subarray(0, 3)),
      'forgotten',
    )
  })

  t.test('all algorithms of a run in one reading, and one that is asked for late', async t => {
    const storage = await open(t)
    const bytes = someBytes(300_000)
    const extents = [extentOf(await stored(storage, bytes), bytes)]
    const both = { md5: md5Of(bytes), sha256: hash('sha256', bytes, 'hex') }
    await storage.digests.follow('run', extents, ['md5', 'sha256'])
    t.strictSame(await storage.digests.finish('run', extents, ['sha256']), both)
    await storage.digests.follow('run', extents, ['md5'])
    t.match(await storage.digests.finish('run', extents, ['sha256']), { sha256: both.sha256 })
    t.strictSame(await storage.digests.finish('none', extents, []), {})
  })

  t.test('the lag is what the runs have not hashed yet', async t => {
    const storage = await open(t)
    const { digests } = storage
    const bytes = someBytes(2_500_000)
    const extents = [extentOf(await stored(storage, bytes), bytes)]
    t.equal(digests.lagBytes, 0)
    // Read before the hasher's first word can have come.
    const following = ['a', 'b'].map(run => digests.follow(run, extents, ['md5']))
    t.equal(digests.lagBytes, 5_000_000)
    digests.forget('b')
    const finishing = digests.finish('a', extents, ['md5'])
    t.equal(digests.lagBytes, 2_500_000, 'also of a run that somebody waits for')
    await Promise.all([...following, finishing])
    t.equal(digests.lagBytes, 0)
  })

  t.test('an unknown run, and one without content', async t => {
    const storage = await open(t)
    const blob = await stored(storage, someBytes(10))
    const extents = [extentOf(blob, someBytes(10))]
    t.equal((await storage.digests.finish('unknown', extents, ['md5'])).md5, md5Of(someBytes(10)))
    t.equal((await storage.digests.finish('empty', [], ['md5'])).md5, md5Of(Buffer.alloc(0)))
    storage.digests.forget('unknown')
  })

  t.test('content that changed below what was hashed begins again', async t => {
    const storage = await open(t)
    const a = await stored(storage, someBytes(100_000))
    const b = await stored(storage, someBytes(100_000, 5))
    await storage.digests.follow('run', [extentOf(a, someBytes(100_000))], ['md5'])
    const spliced: Extent[] = [
      { blob: a, start: 0, length: 40_000, crc32c: 0 },
      { blob: b, start: 0, length: 20_000, crc32c: 0 },
      { blob: a, start: 60_000, length: 40_000, crc32c: 0 },
    ]
    const expected = await content(storage, spliced)
    t.equal((await storage.digests.finish('run', spliced, ['md5'])).md5, md5Of(expected))
  })

  t.test('content divided otherwise is the same content', async t => {
    const storage = await open(t)
    const bytes = someBytes(1_000)
    const blob = await stored(storage, bytes)
    await storage.digests.follow('run', [extentOf(blob, bytes)], ['md5'])
    const divided: Extent[] = [
      { blob, start: 0, length: 400, crc32c: 0 },
      { blob, start: 400, length: 600, crc32c: 0 },
    ]
    t.equal((await storage.digests.finish('run', divided, ['md5'])).md5, md5Of(bytes))
  })

  t.test('many runs at a time', async t => {
    const storage = await open(t)
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const bytes = someBytes(50_000, index)
        const blob = await stored(storage, bytes)
        await storage.digests.follow(
          `${index}`,
          [extentOf(blob, bytes.subarray(0, 20_000))],
          ['md5'],
        )
        if (index % 3 === 0) storage.digests.forget(`${index}`)
        const md5 = (await storage.digests.finish(`${index}`, [extentOf(blob, bytes)], ['md5'])).md5
        t.equal(md5, md5Of(bytes))
      }),
    )
  })

  t.test('a blob that is too short has no digest', async t => {
    const storage = await open(t)
    const blob = await stored(storage, someBytes(10))
    const extents = [{ blob, start: 0, length: 11, crc32c: 0 }]
    await t.rejects(
      storage.digests.finish('run', extents, ['md5']),
      refusal('blob_short', { blob }),
    )
    await storage.digests.finish('run', [extentOf(blob, someBytes(10))], ['md5'])
  })
}

function append(
  storage: Storage,
  request: Pick<AppendRequest, 'blob' | 'body'> & Partial<AppendRequest>,
): Promise<Receipt> {
  return storage.append(appendRequest(request))
}

/** A sealed blob of these bytes. */
async function stored(storage: Storage, bytes: Buffer): Promise<string> {
  const blob = storage.create()
  await append(storage, { blob, body: bodyOf(bytes) })
  await storage.seal(blob, bytes.length)
  return blob
}

async function content(storage: Storage, extents: readonly Extent[]): Promise<Buffer> {
  const buffers: Buffer[] = []
  for await (const bytes of storage.read(extents)) buffers.push(bytes)
  return Buffer.concat(buffers)
}

async function names(storage: Storage): Promise<string[]> {
  const blobs: string[] = []
  for await (const blob of storage.blobs()) blobs.push(blob)
  return blobs.toSorted()
}

function md5Of(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('base64')
}
