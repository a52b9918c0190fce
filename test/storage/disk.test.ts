import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { type Test, test } from 'tap'
import type { DiskStorage } from '../../src/storage/disk.ts'
import { storageContract } from '../contract/storage.ts'
import { appendRequest, extentOf, markOf, someBytes } from '../support/append-request.ts'
import { bodyOf } from '../support/body.ts'
import { type Call, diskError, FaultyFiles } from '../support/faulty-files.ts'
import { openDisk } from '../support/open-disk.ts'
import { refusal } from '../support/refusal.ts'

for (const durability of ['chunk', 'object', 'none'] as const) {
  test(`contract, durability ${durability}`, async t => {
    storageContract(t, t => openDisk(t, { durability }))
  })
}

const BYTES = someBytes(1_000)

/** A blob of 1000 bytes with `granule` 1, and its path. */
async function store(storage: DiskStorage, directory: string) {
  const blob = storage.create()
  await storage.append(appendRequest({ blob, body: bodyOf(BYTES) }))
  return { blob, path: join(directory, 'blobs', ...blob.split('-')) }
}

const CALLS: readonly Call[] = [
  'open',
  'writev',
  'read',
  'stat',
  'truncate',
  'datasync',
  'sync',
  'mkdir',
  'unlink',
]

/** The calls that `work` makes, as `{ open: 1, … }`. */
async function callsOf(files: FaultyFiles, work: () => Promise<unknown>): Promise<object> {
  const counts = () => CALLS.map(call => [call, files.count(call)] as const)
  const before = counts()
  await work()
  const made = counts().map(
    ([call, count], index) => [call, count - (before[index]?.[1] ?? 0)] as const,
  )
  return Object.fromEntries(made.filter(([, count]) => count > 0))
}

test('a small object takes few system calls, and sealing it none', async t => {
  const files = new FaultyFiles()
  const directory = t.testdir()
  const storage = await openDisk(t, { files, directory })
  await store(storage, directory)
  let blob = ''
  const calls = await callsOf(files, async () => {
    blob = (await store(storage, directory)).blob
  })
  t.same(calls, { open: 2, writev: 1, datasync: 1, sync: 1 }, 'the file, and its directory')
  t.same(await callsOf(files, () => storage.seal(blob, 1_000)), {})
  const more = { blob, start: 1_000, body: bodyOf(BYTES) }
  const again = await callsOf(files, () => storage.append(appendRequest(more)))
  t.same(again, { open: 1, stat: 1, writev: 1, datasync: 1 })
})

test('sealing cuts off an overhang, durably, and is then remembered', async t => {
  const files = new FaultyFiles()
  const directory = t.testdir()
  const storage = await openDisk(t, { files, directory })
  const { blob, path } = await store(storage, directory)
  const calls = await callsOf(files, () => storage.seal(blob, 600))
  t.same(calls, { open: 2, stat: 1, truncate: 1, datasync: 1, sync: 1 })
  t.same(await callsOf(files, () => storage.seal(blob, 600)), {})
  t.ok(readFileSync(path).equals(BYTES.subarray(0, 600)))
})

test('after a restart sealing looks, and syncs what an earlier process may not have', async t => {
  const directory = t.testdir()
  const first = await openDisk(t, { directory, durability: 'none' })
  const { blob, path } = await store(first, directory)
  const files = new FaultyFiles()
  const second = await openDisk(t, { directory, files })
  const calls = await callsOf(files, () => second.seal(blob, 1_000))
  t.match(calls, { stat: 1, datasync: 1, sync: 2 }, 'the data, its entry, the entry of the day')
  t.ok(readFileSync(path).equals(BYTES))
})

test('durability object: appends are not synced, sealing is (P1)', async t => {
  const files = new FaultyFiles()
  const directory = t.testdir()
  const storage = await openDisk(t, { files, directory, durability: 'object' })
  const { blob, path } = await store(storage, directory)
  t.equal(files.survivingBytes(path), 0)
  await storage.seal(blob, 1_000)
  t.equal(files.survivingBytes(path), 1_000)
  t.same(await callsOf(files, () => storage.seal(blob, 1_000)), {})
})

test('durability none: nothing of an upload is synced (P1)', async t => {
  const files = new FaultyFiles()
  const directory = t.testdir()
  const storage = await openDisk(t, { files, directory, durability: 'none' })
  await store(storage, directory)
  const calls = await callsOf(files, async () => {
    const { blob } = await store(storage, directory)
    await storage.seal(blob, 1_000)
    const cut = await store(storage, directory)
    await storage.seal(cut.blob, 500)
  })
  t.notMatch(calls, { datasync: Number })
  t.notMatch(calls, { sync: Number })
})

test('checkpoints are made without syncs as well, where nothing is synced', async t => {
  for (const durability of ['object', 'none'] as const) {
    const pace = { bytes: 100, ms: 60_000 }
    const storage = await openDisk(t, { directory: t.testdir(), durability, pace })
    const marks: unknown[] = []
    const checkpoint = async (mark: unknown) => void marks.push(mark)
    const body = bodyOf(BYTES)
    await storage.append(appendRequest({ blob: storage.create(), body, checkpoint }))
    t.same(marks, [markOf(BYTES)])
  }
})

test('sealing the second object of a day syncs its entry as well', async t => {
  const files = new FaultyFiles()
  const directory = t.testdir()
  const storage = await openDisk(t, { files, directory, durability: 'object' })
  for (const _ of ['first', 'second']) {
    const { blob, path } = await store(storage, directory)
    await storage.seal(blob, 1_000)
    t.equal(files.survivingBytes(path), 1_000)
  }
})

test('a seal that fails is not done, and not tried again where bytes may be lost (P12)', async t => {
  for (const call of ['open', 'stat', 'datasync', 'sync'] as const) {
    const files = new FaultyFiles()
    const directory = t.testdir()
    const storage = await openDisk(t, { files, directory, durability: 'object' })
    const { blob, path } = await store(storage, directory)
    files.before = called => {
      if (called === call) throw diskError('EIO')
    }
    await t.rejects(storage.seal(blob, 1_000), refusal('storage_failed'), call)
    files.before = () => {}
    if (call === 'datasync' || call === 'sync') {
      await t.rejects(storage.seal(blob, 1_000), refusal('storage_failed'), call)
    } else {
      await storage.seal(blob, 1_000)
      t.equal(files.survivingBytes(path), 1_000)
    }
  }
})

test('a disk that cannot be read from', async t => {
  const files = new FaultyFiles()
  const directory = t.testdir()
  const storage = await openDisk(t, { files, directory })
  const { blob } = await store(storage, directory)
  for (const call of ['open', 'read'] as const) {
    files.before = called => {
      if (called === call) throw diskError('EIO')
    }
    const read = storage.read([extentOf(blob, BYTES)])[Symbol.asyncIterator]()
    await t.rejects(read.next(), refusal('storage_failed'), call)
  }
})

test('a read error in what nobody asked for any more is nobody’s', async t => {
  const files = new FaultyFiles()
  const directory = t.testdir()
  const storage = await openDisk(t, { files, directory })
  const blob = storage.create()
  const bytes = someBytes(2_000_000)
  await storage.append(appendRequest({ blob, body: bodyOf(bytes) }))
  files.before = (call, nth) => {
    if (call === 'read' && nth === 2) throw diskError('EIO')
  }
  for await (const piece of storage.read([extentOf(blob, bytes)])) {
    t.ok(piece.length > 0)
    break
  }
  t.equal(files.count('read'), 2)
})

test('no file stays open, whoever stops first', { skip: !existsSync('/proc/self/fd') }, async t => {
  const files = new FaultyFiles()
  const directory = t.testdir()
  const storage = await openDisk(t, { files, directory })
  const open = () =>
    readdirSync('/proc/self/fd').filter(fd => {
      // The one of the listing itself is gone by now.
      const target = existsSync(`/proc/self/fd/${fd}`) ? readlinkSync(`/proc/self/fd/${fd}`) : ''
      return target.startsWith(directory)
    })
  const blob = storage.create()
  const bytes = someBytes(2_000_000)
  await storage.append(appendRequest({ blob, body: bodyOf(bytes) }))
  for await (const _ of storage.read([extentOf(blob, bytes)])) break
  const beyond = { start: 3_000_000, body: bodyOf(bytes) }
  await t.rejects(storage.append(appendRequest({ blob, ...beyond })), refusal('blob_short'))
  files.before = call => {
    if (call === 'writev' || call === 'read') throw diskError('EIO')
  }
  const broken = { blob, start: 10, body: bodyOf(bytes) }
  await t.rejects(storage.append(appendRequest(broken)), refusal('storage_failed'))
  await t.rejects(storage.checksum({ blob, start: 0, length: 10 }), refusal('storage_failed'))
  // Nobody waits for files to be closed.
  while (open().length > 0) await new Promise(setImmediate)
})

test('readiness: the disk takes a write and a sync, or it is not ready', async t => {
  const files = new FaultyFiles()
  const directory = t.testdir()
  const storage = await openDisk(t, { files, directory })
  await storage.check()
  t.same(readdirSync(join(directory, 'blobs')), [])
  for (const [call, code, failure] of [
    ['open', 'EROFS', 'storage_failed'],
    ['writev', 'ENOSPC', 'no_space'],
    ['datasync', 'EIO', 'storage_failed'],
  ] as const) {
    files.before = called => {
      if (called === call) throw diskError(code)
    }
    await t.rejects(storage.check(), refusal(failure), call)
    files.before = () => {}
    await storage.check()
  }
})

test('a data directory that is none is refused with its name and the reason', async t => {
  const directory = t.testdir({ file: 'not a directory' })
  const opening = openDisk(t, { directory: join(directory, 'file') })
  await t.rejects(opening, {
    message: /data directory .*file .*(ENOTDIR|EEXIST).*TIDEMARK_DATA_DIR/,
  })
  const files = new FaultyFiles()
  files.before = call => {
    if (call === 'datasync') throw diskError('EROFS')
  }
  await t.rejects(openDisk(t, { directory: join(directory, 'new'), files }), { message: /EROFS/ })
})

test('the directories are made, for us alone', async t => {
  const directory = join(t.testdir(), 'deep', 'down')
  const storage = await openDisk(t, { directory })
  const { path } = await store(storage, directory)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(join(directory, 'blobs')).mode & 0o777, 0o700)
})

test('foreign files are left alone and reported; old empty days go', async t => {
  const warnings: object[] = []
  const log = { debug() {}, info() {}, warn: (fields: object) => warnings.push(fields), error() {} }
  const directory = t.testdir()
  const blobs = join(directory, 'blobs')
  const storage = await openDisk(t, { directory, log })
  const { blob } = await store(storage, directory)
  for (const day of ['20250101', '20260101', '20250102', '20260102x']) mkdirSync(join(blobs, day))
  writeFileSync(join(blobs, 'notes'), '')
  writeFileSync(join(blobs, '.probe'), '')
  writeFileSync(join(blobs, '20250102', 'README'), '')
  const old = `20250102-${'0'.repeat(32)}`
  writeFileSync(join(blobs, ...old.split('-')), '')
  const listed: string[] = []
  for await (const name of storage.blobs()) listed.push(name)
  t.same(listed.toSorted(), [old, blob])
  t.same(readdirSync(blobs).toSorted(), [
    '.probe',
    '20250102',
    '20260101',
    '20260102',
    '20260102x',
    'notes',
  ])
  t.same(warnings.length, 3)
})

test('a directory that cannot be listed', async t => {
  const files = new FaultyFiles()
  const storage = await openDisk(t, { directory: t.testdir(), files })
  files.before = call => {
    if (call === 'opendir') throw diskError('EIO')
  }
  await t.rejects(storage.blobs()[Symbol.asyncIterator]().next(), refusal('storage_failed'))
})

test('a data directory may be given relative to where the server starts', async t => {
  const directory = relative(process.cwd(), t.testdir({ data: {} }))
  const storage = await openDisk(t, { directory: join(directory, 'data', 'new') })
  const { path } = await store(storage, join(directory, 'data', 'new'))
  t.equal(statSync(path).size, 1_000)
})

test('what is not a name of ours is never a path', async t => {
  const directory = t.testdir({ secret: 'secret' })
  const storage = await openDisk(t, { directory })
  for (const blob of [
    '../secret',
    '20260102-../../secret',
    'secret',
    '',
    `20260102-${'A'.repeat(32)}`,
  ]) {
    const body = bodyOf(BYTES)
    await t.rejects(storage.append(appendRequest({ blob, body })), refusal('storage_failed'))
    const later = storage.append(appendRequest({ blob, start: 1, body }))
    await t.rejects(later, refusal('blob_short'))
    const extent = { blob, start: 0, length: 6, crc32c: 0 }
    await t.rejects(storage.checksum(extent), refusal('blob_short'))
    await t.rejects(storage.digests.finish('run', [extent], ['md5']), refusal('blob_short'))
    await storage.discard(blob)
  }
  t.equal(readFileSync(join(directory, 'secret'), 'utf8'), 'secret')
})

test('each day has its directory', async t => {
  const directory = t.testdir()
  let now = Date.UTC(2026, 0, 2, 23, 59, 59)
  const files = new FaultyFiles()
  const storage = await openDisk(t, { directory, files, clock: () => now })
  const before = storage.create()
  now += 2_000
  const after = storage.create()
  t.same([before.slice(0, 8), after.slice(0, 8)], ['20260102', '20260103'])
  for (const blob of [after, before]) {
    await storage.append(appendRequest({ blob, body: bodyOf(BYTES) }))
    const path = join(directory, 'blobs', ...blob.split('-'))
    t.equal(files.survivingBytes(path), 1_000)
  }
})

test('a failed discard says so', async t => {
  const files = new FaultyFiles()
  const directory = t.testdir()
  const storage = await openDisk(t, { files, directory })
  const { blob, path } = await store(storage, directory)
  files.before = call => {
    if (call === 'unlink') throw diskError('EIO')
  }
  await t.rejects(storage.discard(blob), refusal('storage_failed'))
  t.equal(statSync(path).size, 1_000)
})

test('the reserve is 1 GiB or a twentieth of the disk, unless it is set', async t => {
  const room = async (t: Test, available: number) => {
    const files = new FaultyFiles()
    const storage = await openDisk(t, { directory: t.testdir(), files, reserveBytes: undefined })
    files.available = () => available
    return await storage.hasRoom()
  }
  t.equal(await room(t, 1024 ** 3 + 1), true)
  t.equal(await room(t, 1), false)
})
