import { test } from 'tap'
import { FreeSpace } from '../../../src/storage/disk/free-space.ts'
import { diskError, FaultyFiles } from '../../support/faulty-files.ts'

const MIB = 1024 * 1024

test('what was taken counts, without asking the disk each time', async t => {
  const files = new FaultyFiles()
  files.available = () => 1_000 * MIB
  const space = new FreeSpace(t.testdir(), 100 * MIB, files)
  for (let taken = 0; taken < 32; taken += 1) t.equal(await space.take(MIB), true)
  t.ok(files.count('statfs') < 8, 'measured now and then')
  for (let taken = 0; taken < 64; taken += 1) t.equal(await space.take(MIB), true)
  t.ok(files.count('statfs') >= 2, 'others may have written as well')
})

test('"no" is said after a fresh look only', async t => {
  const files = new FaultyFiles()
  let available = 150
  files.available = () => available
  const space = new FreeSpace(t.testdir(), 100, files)
  t.equal(await space.take(50), true)
  available = 100
  t.equal(await space.take(1), false)
  available = 130
  t.equal(await space.take(31), false)
  t.equal(await space.take(30), true, 'somebody removed something')
})

test('a disk that cannot be asked', async t => {
  const files = new FaultyFiles()
  files.before = () => {
    throw diskError('EIO')
  }
  const space = new FreeSpace(t.testdir(), undefined, files)
  await t.rejects(space.hasRoom(), { code: 'EIO' })
})
