import { statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { Ballast } from '../../../src/catalog/sqlite/ballast.ts'
import { openCatalog } from '../../support/sqlite-catalog.ts'

const MIB = 1024 * 1024

test('takes up room that is really taken, gives it back, and takes it again', async t => {
  const directory = t.testdir()
  const path = join(directory, 'ballast')
  const ballast = new Ballast(directory, 3 * MIB + 5)
  t.equal(ballast.release(), false, 'there is none yet')
  t.equal(ballast.fill(), true)
  t.equal(statSync(path).size, 3 * MIB + 5)
  t.ok(statSync(path).blocks * 512 >= 3 * MIB, 'no holes')
  t.equal(ballast.release(), true)
  t.equal(ballast.isHeld, false)
  t.equal(statSync(path).size, 0)
  t.equal(ballast.release(), false)
  t.equal(ballast.fill(), true)
  t.equal(ballast.isHeld, true)
})

test('is never larger than the reserve, nor than 16 MiB', async t => {
  const none = t.testdir({ none: {}, large: {} })
  t.equal(new Ballast(join(none, 'none'), 0).fill(), false)
  t.throws(() => statSync(join(none, 'none', 'ballast')), { code: 'ENOENT' })
  new Ballast(join(none, 'large'), 1e12).fill()
  t.equal(statSync(join(none, 'large', 'ballast')).size, 16 * MIB)
})

test('what an earlier run left is kept, and completed where it has holes', async t => {
  const directory = t.testdir()
  const path = join(directory, 'ballast')
  new Ballast(directory, MIB).fill()
  const { mtimeMs } = statSync(path)
  const next = new Ballast(directory, MIB)
  t.equal(next.fill(), true)
  t.equal(statSync(path).mtimeMs, mtimeMs)
  writeFileSync(path, '')
  truncateSync(path, MIB)
  t.equal(new Ballast(directory, MIB).fill(), true)
  t.ok(statSync(path).blocks * 512 >= MIB)
})

test('P10: the catalog has it from the start, and gives it up for a commit on a full disk', async t => {
  const directory = t.testdir()
  const record = { warnings: [], fatal: [] }
  const faults = { failCommits: [{ commit: 2, errcode: 13 }] }
  const catalog = await openCatalog(t, { directory, reserveBytes: MIB, faults }, record)
  t.equal(statSync(join(directory, 'ballast')).size, MIB)
  await catalog.createBucket('bkt', 1)
  await catalog.createBucket('bkt2', 1)
  t.equal(statSync(join(directory, 'ballast')).size, 0)
  t.ok(await catalog.findBucket('bkt2'))
  await catalog.check()
  t.match(record, { warnings: [/disk is full/], fatal: [] })
})
