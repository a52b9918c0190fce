import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { lockDataDirectory } from '../../src/catalog/data-directory.ts'
import { runProgram } from '../support/run-program.ts'

const MODULE = JSON.stringify(new URL('../../src/catalog/data-directory.ts', import.meta.url))
const LOCK = `
  import { lockDataDirectory } from ${MODULE}
  const lock = lockDataDirectory(process.argv[1])
`

test('makes the directory, and all that are missing above it', async t => {
  const root = t.testdir()
  const path = join(root, 'a', 'b', 'c')
  const directory = lockDataDirectory(path)
  t.teardown(() => directory.release())
  t.equal(directory.path, path)
  t.ok(statSync(path).isDirectory())
})

test('one server at a time, in this process and in others', async t => {
  const root = t.testdir()
  const first = lockDataDirectory(root)
  t.throws(() => lockDataDirectory(root), {
    name: 'DataDirectoryError',
    message: `the data directory ${root} is already served by another Tidemark: set TIDEMARK_DATA_DIR to a directory of its own`,
  })
  const other = await runProgram(LOCK, [root])
  t.equal(other.code, 1)
  t.match(other.stderr, /already served by another Tidemark/)
  first.release()
  first.release()
  t.equal((await runProgram(LOCK, [root])).code, 0)
  lockDataDirectory(root).release()
})

test('kill -9 frees it', async t => {
  const root = t.testdir()
  const { signal } = await runProgram(`${LOCK} process.kill(process.pid, 'SIGKILL'), lock`, [root])
  t.equal(signal, 'SIGKILL')
  lockDataDirectory(root).release()
})

test('P10: says which directory, and which setting, when it cannot be made', async t => {
  const root = t.testdir()
  writeFileSync(join(root, 'file'), '')
  const path = join(root, 'file', 'data')
  t.throws(() => lockDataDirectory(path), {
    name: 'DataDirectoryError',
    message: `the data directory ${path} cannot be made or written (ENOTDIR): set TIDEMARK_DATA_DIR to one that can`,
  })
})
