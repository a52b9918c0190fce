/** @google-cloud/storage and a file that does not fit into anybody's buffers: 200 MiB, up and down again. */

import { join } from 'node:path'
import { test } from 'tap'
import { startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { MIB, sha256Of, uploadsAt, writeSource } from './node-client.ts'

test('200 MiB', async t => {
  const folder = t.testdir({ data: {} })
  const server = await startServer(t, { dataDir: join(folder, 'data') })
  const bucket = uploadsAt(server.url)
  const path = join(folder, 'large.bin')
  const sha256 = await writeSource(path, new SourceBytes('large'), 200 * MIB)
  for (const [name, options] of [
    ['one PUT', {}],
    ['chunks of 8 MiB', { chunkSize: 8 * MIB }],
  ] as const) {
    t.test(name, async t => {
      const [file] = await bucket.upload(path, { destination: name, ...options })
      t.equal(await sha256Of(file.createReadStream()), sha256)
    })
  }
})
