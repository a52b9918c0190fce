import { once } from 'node:events'
import { truncateSync } from 'node:fs'
import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { crc32c } from '@node-rs/crc32'
import tap, { test } from 'tap'
import { backUp } from '../../src/maintenance/backup.ts'
import { backup, restore } from '../support/backups.ts'
import { blobFiles } from '../support/engine.ts'
import { startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { runTool, startTool } from '../support/tool.ts'
import { UploadClient } from '../support/upload-client.ts'

// Programs are started by the dozen, and may share the machine.
tap.setTimeout(120_000)

test('a second backup into the same place copies only what is new, and drops what is gone', async t => {
  const folder = t.testdir()
  const data = join(folder, 'data')
  const to = join(folder, 'backup')
  const server = await startServer(t, { dataDir: data })
  const client = new UploadClient(server.url)
  for (const name of ['one', 'two', 'three']) await client.media(name, new SourceBytes(name), 1000)
  t.match(await backup(data, to), { code: 0, copied: 3 })
  t.match(await backup(data, to), { code: 0, copied: 0 })
  await client.delete('two')
  await client.media('four', new SourceBytes('four'), 1000)
  t.match(await backup(data, to), { code: 0, copied: 1 })
  t.equal((await blobFiles(to)).length, 3)
  t.match(JSON.parse(await readFile(join(to, 'backup.json'), 'utf8')), { blobs: 3, damaged: 0 })
  client.close()
  t.equal(await server.stop(), 0)
  t.match(await backup(data, to), { code: 0, copied: 0 }, 'of a server that is not running as well')
})

test('what is deleted while it is copied is freed afterwards', async t => {
  const folder = t.testdir()
  const data = join(folder, 'data')
  const to = join(folder, 'backup')
  const server = await startServer(t, { dataDir: data })
  const client = new UploadClient(server.url)
  for (let n = 0; n < 40; n += 1) await client.media(`${n}`, new SourceBytes(`${n}`), 2_000_000)
  const child = startTool('backup', ['--data-dir', data, to])
  const closed = once(child, 'close')
  while ((await inPlace(to)).length < 1) await new Promise(resolve => setTimeout(resolve, 1))
  child.kill('SIGSTOP')
  t.ok((await inPlace(to)).length < 40, 'it is in the middle')
  for (let n = 0; n < 40; n += 1) await client.delete(`${n}`)
  // A deletion starts a sweep, which would be over by now.
  await new Promise(resolve => setTimeout(resolve, 1000))
  t.equal((await blobFiles(data)).length, 40, 'all blobs are still there')
  child.kill('SIGCONT')
  await closed
  t.equal(child.exitCode, 0)
  await client.media('last', new SourceBytes('last'), 1)
  await client.delete('last')
  while ((await blobFiles(data)).length > 0) await new Promise(resolve => setTimeout(resolve, 10))
  client.close()

  const restored = await restore(t, to, join(folder, 'restored'))
  const reader = new UploadClient(restored.url)
  for (const name of ['0', '39']) {
    const read = await reader.compare(name, new SourceBytes(name))
    t.match(read, { status: 200, length: 2_000_000, difference: undefined })
  }
  reader.close()
  await restored.stop()
})

/** Blobs of a backup that are copied to their end. */
async function inPlace(to: string): Promise<string[]> {
  const files = await blobFiles(to).catch(() => [])
  return files.filter(path => !path.endsWith('.new'))
}

test('a blob that is cut after its moment has the backup take another moment', async t => {
  const folder = t.testdir()
  const data = join(folder, 'data')
  const to = join(folder, 'backup')
  const server = await startServer(t, { dataDir: data })
  const client = new UploadClient(server.url)
  const source = new SourceBytes('content')
  for (let n = 0; n < 30; n += 1) await client.media(`${n}`, source, 1000)
  client.close()
  await server.stop()

  const catalog = new DatabaseSync(join(data, 'catalog.sqlite'))
  t.teardown(() => catalog.close())
  // Blobs are copied by name: the last of them is not yet there when the first are.
  const last = String(catalog.prepare('SELECT max(name) AS name FROM blobs').get()?.['name'])
  let moments = 0
  const { damage } = await backUp({
    from: data,
    to,
    progress: ({ blobs }) => {
      if (blobs === 1) moments += 1
      if (blobs === 1 && moments === 1) cut(data, catalog, last, source.bytes(0, 400))
    },
  })
  t.same(damage, [])
  t.equal(moments, 2)
  const checked = await runTool('fsck', ['--scrub', '--data-dir', to])
  t.equal(checked.code, 0, checked.stdout)
})

/** As publishing does where bytes of a session were replaced, but at this very moment. */
function cut(data: string, catalog: DatabaseSync, blob: string, bytes: Buffer): void {
  const [day = '', name = ''] = blob.split('-')
  truncateSync(join(data, 'blobs', day, name), bytes.length)
  const crc = crc32c(bytes)
  const extents = JSON.stringify([[blob, 0, bytes.length, crc]])
  const { changes } = catalog
    .prepare(
      'UPDATE objects SET size = ?, crc32c = ?, md5 = NULL, extents = ? WHERE extents LIKE ?',
    )
    .run(bytes.length, crc, extents, `%${blob}%`)
  if (changes !== 1) throw new Error(`${changes} objects have ${blob}`)
}

test('one that is killed can be told, holds nothing up, and is made good by the next', async t => {
  const folder = t.testdir()
  const data = join(folder, 'data')
  const to = join(folder, 'backup')
  const server = await startServer(t, { dataDir: data })
  const client = new UploadClient(server.url)
  for (let n = 0; n < 60; n += 1) await client.media(`${n}`, new SourceBytes(`${n}`), 2_000_000)
  const child = startTool('backup', ['--data-dir', data, to])
  // In the middle of its blobs.
  while ((await inPlace(to)).length < 3) {
    if (child.exitCode !== null) break
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  child.kill('SIGKILL')
  await new Promise(resolve => child.once('close', resolve))
  await t.rejects(stat(join(to, 'backup.json')), { code: 'ENOENT' })

  await client.delete('0')
  while ((await blobFiles(data)).length > 59) await new Promise(resolve => setTimeout(resolve, 10))
  t.pass('the server frees blobs again')
  const { code, copied } = await backup(data, to)
  t.equal(code, 0)
  t.ok(copied < 59, `${copied} of 59 were left to copy`)
  const restored = await restore(t, to, join(folder, 'restored'))
  await restored.stop()
  client.close()
})

test('damage in the data directory keeps nothing else from the backup', async t => {
  const folder = t.testdir()
  const data = join(folder, 'data')
  const to = join(folder, 'backup')
  const server = await startServer(t, { dataDir: data })
  const client = new UploadClient(server.url)
  await client.media('good', new SourceBytes('good'), 1000)
  await client.media('bad', new SourceBytes('bad'), 2000)
  const sizes = await Promise.all(
    (await blobFiles(data)).map(async path => ({ path, size: (await stat(path)).size })),
  )
  const bad = sizes.find(({ size }) => size === 2000)?.path ?? ''
  const file = await open(bad, 'r+')
  await file.write('damage', 1000)
  await file.close()
  const { code, stdout } = await backup(data, to)
  t.equal(code, 1)
  t.match(
    stdout,
    /^DAMAGE blob_damaged: .*object uploads\/bad.*but for 1 blobs that are damaged$/ms,
  )
  t.equal((await blobFiles(to)).length, 1)
  const checked = await runTool('fsck', ['--data-dir', to])
  t.match(checked.stdout, /^DAMAGE blob_missing: .*object uploads\/bad/m)
  client.close()
})

test('what it will not do', async t => {
  const folder = t.testdir()
  const data = join(folder, 'data')
  const server = await startServer(t, { dataDir: data })
  t.match(await backup(data, join(data, 'backup')), { code: 2, stderr: /outside of each other/ })
  t.match(await backup(data, folder), { code: 2, stderr: /outside of each other/ })
  await mkdir(join(folder, 'empty'))
  const nothing = await backup(join(folder, 'empty'), join(folder, 'backup'))
  t.match(nothing, { code: 2, stderr: /there is no catalog.sqlite/ })
  const other = await startServer(t, { dataDir: join(folder, 'other') })
  t.match(await backup(data, join(folder, 'other')), { code: 2, stderr: /already served/ })
  t.match(await runTool('backup', []), { code: 2, stderr: /usage/ })
  await server.stop()
  await other.stop()
})
