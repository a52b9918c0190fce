/**
 * @google-cloud/storage by its other switch: with STORAGE_EMULATOR_HOST its calls go to `/b/…` at the root, and only its
 * uploads to `/upload/storage/v1/…` (gcs.md §16.1). The variable counts for the whole process, hence this file.
 */

import { Storage } from '@google-cloud/storage'
import { test } from 'tap'
import { startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { bytesOf, MIB, send } from './node-client.ts'

for (const suffix of ['', '/storage/v1']) {
  test(`STORAGE_EMULATOR_HOST=http://host:port${suffix}`, async t => {
    const server = await startServer(t, { dataDir: t.testdir() })
    process.env['STORAGE_EMULATOR_HOST'] = `${server.url}${suffix}`
    t.teardown(() => delete process.env['STORAGE_EMULATOR_HOST'])
    const storage = new Storage({ projectId: 'tidemark' })
    const bucket = storage.bucket('uploads')
    const source = new SourceBytes('emulator')
    const bytes = source.bytes(0, 3 * MIB + 1)
    for (const [name, chunkSize] of [
      ['a folder/one put.bin', undefined],
      ['a folder/chunked.bin', MIB],
    ] as const) {
      const file = bucket.file(name)
      await send(file, source.slices(0, bytes.length), chunkSize ? { chunkSize } : {})
      t.ok((await bytesOf(file)).equals(bytes), name)
      const [part] = await file.download({ start: 10, end: 19 })
      t.ok(part.equals(bytes.subarray(10, 20)))
      t.match(await file.getMetadata(), [{ name, size: String(bytes.length) }])
    }
    const [files] = await bucket.getFiles({ prefix: 'a folder/' })
    t.same(
      files.map(file => file.name),
      ['a folder/chunked.bin', 'a folder/one put.bin'],
    )
    await bucket.file('a folder/one put.bin').delete()
    t.same(await bucket.file('a folder/one put.bin').exists(), [false])
    await storage.createBucket('second')
    t.same(await storage.bucket('second').exists(), [true])
  })
}
