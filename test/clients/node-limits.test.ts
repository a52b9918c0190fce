/** @google-cloud/storage against a server that takes fewer requests than it would like to make: it waits and goes on by itself. */

import { join } from 'node:path'
import { test } from 'tap'
import { startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { bytesOf, MIB, onlyIfAbsent, send, uploadsAt } from './node-client.ts'

test('a 429 in the middle of an upload makes the client wait', async t => {
  const folder = t.testdir({ data: {} })
  const server = await startServer(t, {
    dataDir: join(folder, 'data'),
    env: { TIDEMARK_RATE_LIMIT_CHUNKS: '5/s' },
  })
  const file = uploadsAt(server.url).file('patient.bin')
  const bytes = new SourceBytes('patient').bytes(0, 3 * MIB)
  await send(file, [bytes], { chunkSize: MIB / 4, ...onlyIfAbsent })
  t.ok((await bytesOf(file)).equals(bytes))
  t.match(server.output, '"status":429', 'there was one')
})
