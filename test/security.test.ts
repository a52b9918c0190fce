/**
 * SECURITY.md, held to its tests: those that it names exist, by the titles that it gives.
 */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { initiate, put, tokenOf } from './support/google.ts'
import { ALL, startGuarded } from './support/keys.ts'

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'SECURITY.md'), 'utf8')

test('the tests that SECURITY.md names are there', t => {
  const rows = page.split('\n').filter(line => line.startsWith('| ') && line.includes('`test/'))
  t.ok(rows.length > 30, `${rows.length} claims`)
  for (const row of rows) {
    const [, path = '', title = ''] = /\| `(test\/[\w./-]+)`: (.*) \|$/.exec(row) ?? []
    t.ok(existsSync(join(root, path)), `${path} of: ${row}`)
    const text = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : ''
    const isThere = ["'", '`', '"'].some(quote => text.includes(`test(${quote}${title}${quote}`))
    t.ok(title !== '' && isThere, `${path}: ${title}`)
  }
  for (const [, path = ''] of page.matchAll(/`(test\/[\w./-]+)`/g))
    t.ok(existsSync(join(root, path)))
  t.end()
})

test('every table of claims has a test for each', t => {
  let isClaims = false
  for (const line of page.split('\n')) {
    if (!line.startsWith('|')) isClaims = false
    if (isClaims && !line.startsWith('|---')) t.match(line, /`test\//, line)
    if (line === '| Claim | Held by |') isClaims = true
  }
  t.end()
})

test('no token is in any file of the server', async t => {
  const { server, as, tokens, keysFile } = await startGuarded(t, { one: ALL })
  const sessions = [await initiate(server, 'done', as.one), await initiate(server, 'open', as.one)]
  await put(server, sessions[0] ?? '', undefined, 'content')
  await put(server, sessions[1] ?? '', '0-0/*', 'x')
  const secrets = [...sessions.map(tokenOf), tokens.one]
  const files = [keysFile, ...filesBelow(server.directory)]
  t.ok(files.some(file => file.endsWith('catalog.sqlite')))
  const look = () => {
    for (const file of files.filter(file => existsSync(file))) {
      const bytes = readFileSync(file)
      for (const secret of secrets) t.notOk(bytes.includes(secret), file)
    }
  }
  look()
  await server.stop()
  look()
})

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map(name => join(directory, name))
    .filter(path => statSync(path).isFile())
}
