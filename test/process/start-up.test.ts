/**
 * A data directory that cannot serve ends the start-up: exit code 1 and one line for the operator, which names the
 * directory and, where another one is the way out, the setting.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Exit, runToExit, startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { UploadClient } from '../support/upload-client.ts'

t.test('a file in the place of the data directory', async t => {
  const dataDir = join(t.testdir({ data: 'a file' }), 'data')
  refuses(t, await runToExit({ dataDir }), dataDir)
})

t.test('a file in the place of its parent', async t => {
  const dataDir = join(t.testdir({ parent: 'a file' }), 'parent', 'data')
  refuses(t, await runToExit({ dataDir }), dataDir)
})

t.test(
  'places where nobody can write, root included',
  { skip: process.platform !== 'linux' && 'needs /sys and /proc' },
  async t => {
    refuses(t, await runToExit({ dataDir: '/sys/tidemark' }), '/sys/tidemark')
    refuses(t, await runToExit({ dataDir: '/proc/tidemark/data' }), '/proc/tidemark/data')
  },
)

t.test('a file in the place of the blobs', async t => {
  const dataDir = t.testdir({ blobs: 'a file' })
  names(t, await runToExit({ dataDir }), dataDir)
})

t.test('something else in the place of the catalog', async t => {
  const dataDir = t.testdir()
  writeFileSync(
    join(dataDir, 'catalog.sqlite'),
    'no database at all, but long enough to be read as one',
  )
  names(t, await runToExit({ dataDir }), dataDir)
})

t.test('a directory in the place of the catalog', async t => {
  const dataDir = t.testdir()
  mkdirSync(join(dataDir, 'catalog.sqlite'))
  names(t, await runToExit({ dataDir }), dataDir)
})

t.test('a data directory that is already served', async t => {
  const dataDir = t.testdir()
  const server = await startServer(t, { dataDir })
  const client = new UploadClient(server.url)
  t.teardown(() => client.close())
  const source = new SourceBytes('served')
  t.equal((await client.media('before', source, 300_000)).status, 200)

  const second = await runToExit({ dataDir })
  refuses(t, second, dataDir)
  t.match(second.stderr, 'already served')

  // The first one does not notice.
  t.match(await client.compare('before', source), { status: 200, length: 300_000 })
  t.equal((await client.media('after', source, 300_000)).status, 200)

  await server.kill()
  const successor = await startServer(t, { dataDir })
  const other = new UploadClient(successor.url)
  t.teardown(() => other.close())
  t.match(
    await other.compare('after', source),
    { status: 200, length: 300_000, difference: undefined },
    'a server that was killed leaves no lock behind',
  )
})

t.test('a port that is taken', async t => {
  const dataDir = t.testdir({ one: {}, two: {} })
  const server = await startServer(t, { dataDir: join(dataDir, 'one') })
  const { code, stderr } = await runToExit({ dataDir: join(dataDir, 'two') }, server.port)
  t.equal(code, 1)
  t.match(stderr, /^tidemark: [^\n]*\n$/, 'one line')
  t.match(stderr, String(server.port), 'which names the port')
})

function refuses(t: Test, exit: Exit, dataDir: string): void {
  names(t, exit, dataDir)
  t.match(exit.stderr, 'TIDEMARK_DATA_DIR')
}

function names(t: Test, { code, stderr }: Exit, dataDir: string): void {
  t.equal(code, 1)
  t.match(stderr, /^tidemark: [^\n]*\n$/, 'one line')
  t.match(stderr, dataDir)
}
