import { test } from 'tap'
import { DirectorySync } from '../../../src/storage/disk/directory-sync.ts'
import { diskError, FaultyFiles } from '../../support/faulty-files.ts'

/** A directory whose syncs end when the test says so. */
function slowDirectory(path: string) {
  const files = new FaultyFiles()
  const syncs: PromiseWithResolvers<void>[] = []
  files.before = call => {
    if (call !== 'sync') return
    const sync = Promise.withResolvers<void>()
    syncs.push(sync)
    return sync.promise
  }
  const started = async (count: number) => {
    while (syncs.length < count) await new Promise(setImmediate)
  }
  return { directory: new DirectorySync(path, files), syncs, started }
}

test('who comes while a sync runs waits for the next, and shares it', async t => {
  const { directory, syncs, started } = slowDirectory(t.testdir())
  const ended: string[] = []
  const sync = async (name: string) => {
    await directory.sync()
    ended.push(name)
  }
  const first = Promise.all([sync('a'), sync('b')])
  await started(1)
  const later = Promise.all([sync('c'), sync('d')])
  t.equal(directory.hasSynced, false)
  syncs[0]?.resolve()
  await first
  t.same(ended, ['a', 'b'])
  t.equal(directory.hasSynced, true)
  await started(2)
  syncs[1]?.resolve()
  await later
  t.same(ended, ['a', 'b', 'c', 'd'])
  const last = sync('e')
  await started(3)
  syncs[2]?.resolve()
  await last
  t.equal(syncs.length, 3)
})

test('a failed sync fails those who waited behind it, and nobody after (P12)', async t => {
  const { directory, syncs, started } = slowDirectory(t.testdir())
  const first = directory.sync()
  await started(1)
  const second = directory.sync()
  syncs[0]?.reject(diskError('EIO'))
  await t.rejects(first, { code: 'EIO' })
  await t.rejects(second, { code: 'EIO' })
  t.equal(directory.hasSynced, false)
  const third = directory.sync()
  await started(2)
  syncs[1]?.resolve()
  await third
  t.equal(directory.hasSynced, true)
})

test('a directory that is gone', async t => {
  const directory = new DirectorySync(`${t.testdir()}/gone`, new FaultyFiles())
  await t.rejects(directory.sync(), { code: 'ENOENT' })
})
