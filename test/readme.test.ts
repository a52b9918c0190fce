/**
 * The README, word for word: its commands and its example run against the program and must answer what it shows, and its
 * table of settings must be that of src/config.ts. Only the port is another.
 */

import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { ConfigError, loadConfig } from '../src/config.ts'
import { blocksOf, inOneShell, missingFrom } from './support/readme.ts'
import { startServer } from './support/server-process.ts'
import { SourceBytes } from './support/source-bytes.ts'

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

function whyNoCurl(): string | false {
  const isThere = ['curl', 'bash'].every(command => spawnSync(command, ['--version']).status === 0)
  if (isThere || process.env['CI'] === 'true') return false
  return "SKIPPED: the README's upload needs curl and bash"
}

test('the upload that breaks and goes on', { skip: whyNoCurl() }, async t => {
  t.equal(await answersAsShown(t, 'An upload that breaks, and goes on'), 6)
})

test('the doors’ examples', { skip: whyNoCurl() }, async t => {
  t.ok((await answersAsShown(t, 'Doors')) > 0)
})

/** Runs the commands below a heading, one after the other, on a server of their own; answers how many there were. */
async function answersAsShown(t: Test, heading: string): Promise<number> {
  const folder = t.testdir({ data: {}, work: {} })
  const server = await startServer(t, { dataDir: join(folder, 'data') })
  const blocks = blocksOf(heading)
  const commands = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text)
  const here = commands.map(text => text.replaceAll('http://127.0.0.1:8080', server.url))
  const outputs = await inOneShell(here, join(folder, 'work'))
  for (const [n, command] of commands.entries()) {
    const next = blocks[blocks.findIndex(({ text }) => text === command) + 1]
    if (next?.language !== 'text') continue
    const shown = next.text.replaceAll('http://127.0.0.1:8080', server.url).trim()
    const output = outputs[n] ?? ''
    t.same(missingFrom(output, shown), [], `block ${n + 1} answers what it shows`, { output })
  }
  return commands.length
}

test('the Node client in five lines', async t => {
  const folder = t.testdir({ data: {} })
  const server = await startServer(t, { dataDir: join(folder, 'data') })
  const [example, shown] = blocksOf('With a client')
  t.match([example, shown], [{ language: 'js' }, { language: 'text' }])
  t.equal(example?.text.trim().split('\n').length, 5)
  await writeFile(join(folder, 'video.bin'), new SourceBytes('readme').bytes(0, 20_000_000))
  const text = example?.text.replaceAll('http://127.0.0.1:8080', server.url) ?? ''
  await writeFile(join(folder, 'example.mjs'), text)
  const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: folder })
  t.equal(stdout, shown?.text)
})

test('the keys', { skip: whyNoCurl() }, async t => {
  const folder = t.testdir({ data: { 'keys.json': '{"keys": []}' } })
  chmodSync(join(folder, 'data', 'keys.json'), 0o600)
  const dataDir = join(folder, 'data')
  const server = await startServer(t, { dataDir, env: { TIDEMARK_AUTH: 'keys' } })
  const blocks = blocksOf('Keys').map(({ language, text }) => ({
    language,
    text: text.replaceAll('http://127.0.0.1:8080', server.url).replaceAll('data/', `${dataDir}/`),
  }))
  const commands = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text)
  t.equal(commands.length, 3)
  const settings = `export TIDEMARK_DATA_DIR='${dataDir}'`
  const [, ...outputs] = await inOneShell([settings, ...commands, 'echo "$key"'], root)
  for (const [n, command] of commands.entries()) {
    const shown = blocks[blocks.findIndex(({ text }) => text === command) + 1]?.text.trim() ?? ''
    const output = outputs[n] ?? ''
    t.same(missingFrom(output, shown), [], `block ${n + 1} answers what it shows`, { output })
  }

  const example = blocks.findIndex(({ language }) => language === 'js')
  await writeFile(join(folder, 'video.bin'), new SourceBytes('readme').bytes(0, 20_000_000))
  await writeFile(join(folder, 'example.mjs'), blocks[example]?.text ?? '')
  const env = { ...process.env, KEY: outputs[commands.length]?.split('\n')[0] }
  const inFolder = { cwd: folder, env }
  const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], inFolder)
  t.equal(stdout, blocks[example + 1]?.text)
})

test('the settings', t => {
  const rows = [...readme.matchAll(/^\| `(TIDEMARK_\w+)` \| (?:`([^`]*)` )?\|/gm)]
  t.same(
    rows.map(([, name]) => name),
    settings(),
    'are those of src/config.ts, in its order',
  )
  const env = Object.fromEntries(rows.map(([, name, value]) => [name ?? '', value]))
  const stated = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined))
  t.same(loadConfig(stated), loadConfig({}), 'have the defaults that are stated')
  t.end()
})

/** The names that the configuration itself gives to someone who uses a wrong one. */
function settings(): string[] {
  try {
    loadConfig({ TIDEMARK_NO_SUCH_SETTING: '1' })
  } catch (error) {
    const [mistake = ''] = error instanceof ConfigError ? error.mistakes : []
    return mistake.split(': ')[1]?.split(', ') ?? []
  }
  return []
}

test('the scripts that the pages name exist', t => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const page of ['README.md', 'CONTRIBUTING.md']) {
    const text = readFileSync(join(root, page), 'utf8')
    for (const [, name = ''] of text.matchAll(/npm run ([\w:]+)/g)) {
      t.ok(name in scripts, `${page}: npm run ${name}`)
    }
  }
  t.end()
})
