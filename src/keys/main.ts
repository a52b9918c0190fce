/**
 * `npm run keys`: makes, lists and removes keys. A running server takes the change up by itself. The token of a new key is
 * printed once, alone on standard output; it is kept nowhere.
 */

import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { loadConfig } from '../config.ts'
import { runCommand } from './command.ts'

try {
  const { keysFile } = loadConfig(process.env)
  const { answer, text } = runCommand(process.argv.slice(2), await present(keysFile), Date.now())
  if (text !== undefined) {
    await replace(keysFile, text)
    process.stderr.write(`${keysFile} is written\n`)
  }
  if (answer !== '') process.stdout.write(`${answer}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}

async function present(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Whole or not at all: a server may be reading it. For its owner alone. */
async function replace(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const beside = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(beside, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}
