import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { formatKeyFile } from '../../src/keys/key-file.ts'
import { KeyRing } from '../../src/keys/key-ring.ts'
import { newKeyToken } from '../../src/keys/token.ts'
import { G, initiate, put } from '../support/google.ts'
import { ALL, entriesOf, type Rights, startGuarded } from '../support/keys.ts'
import { sampleBytes } from '../support/server.ts'

const NEVER_MS = 3_600_000

function setUp(t: Test) {
  const path = join(t.testdir(), 'keys.json')
  const tokens = { a: newKeyToken(), b: newKeyToken() }
  const lines: string[] = []
  const say = (_fields: object, message: string) => lines.push(message)
  const clock = { now: Date.UTC(2026, 0, 1) }
  const write = (keys: Readonly<Record<string, Rights>>, to = path) =>
    writeFileSync(to, formatKeyFile(entriesOf(keys, tokens)), { mode: 0o600 })
  const open = async (lookEveryMs = NEVER_MS) => {
    const log = { debug: say, info: say, warn: say, error: say }
    const ring = await KeyRing.open({ path, clock: () => clock.now, log, lookEveryMs })
    t.teardown(() => ring.close())
    return ring
  }
  return { path, tokens, lines, clock, write, open }
}

test('a key is who it says, within its time', async t => {
  const { tokens, clock, write, open } = setUp(t)
  write({
    a: { scopes: ['read', 'list'], buckets: ['bkt'], prefix: 'a/' },
    b: { scopes: ['create'], expiresAt: '2026-01-01T01:00:00Z' },
  })
  const ring = await open()
  t.strictSame(ring.find(tokens.a), {
    name: 'a',
    scopes: new Set(['read', 'list']),
    buckets: new Set(['bkt']),
    prefix: 'a/',
  })
  t.match(ring.find(tokens.b), { name: 'b', buckets: undefined, prefix: '' })
  t.equal(ring.find(newKeyToken()), undefined)
  clock.now += 3_599_999
  t.ok(ring.find(tokens.b))
  clock.now += 1
  t.equal(ring.find(tokens.b), undefined)
  t.ok(ring.find(tokens.a))
})

test('a change is taken up: rewritten in place, replaced by a rename, gone and back', async t => {
  const { path, tokens, lines, write, open } = setUp(t)
  write({ a: ALL })
  const ring = await open()
  write({ b: ALL })
  await ring.reload()
  t.notOk(ring.find(tokens.a), 'a is none any more')
  t.ok(ring.find(tokens.b))

  write({ a: ALL }, `${path}.new`)
  renameSync(`${path}.new`, path)
  await ring.reload()
  t.ok(ring.find(tokens.a))

  rmSync(path)
  await ring.reload()
  await ring.reload()
  t.ok(ring.find(tokens.a), 'the keys from before stay')
  write({ b: ALL })
  await ring.reload()
  t.ok(ring.find(tokens.b))
  await ring.reload()
  const stay = lines.filter(line => line === 'the keys from before stay')
  t.equal(stay.length, 1, 'and that is said once')
  t.equal(lines.filter(line => line === 'keys read again').length, 3)
})

test('without anyone saying so, too', async t => {
  const { tokens, write, open } = setUp(t)
  write({ a: ALL })
  const ring = await open(5)
  write({ b: ALL })
  while (!ring.find(tokens.b)) await after(5)
  t.notOk(ring.find(tokens.a))
})

test('a file that is no good changes nothing, and is no start', async t => {
  const { path, tokens, lines, write, open } = setUp(t)
  await t.rejects(open(), {
    message: /^TIDEMARK_AUTH=keys: the keys in .*keys\.json cannot be used: ENOENT/,
  })
  writeFileSync(path, '{"keys": [', { mode: 0o600 })
  await t.rejects(open(), { message: /it is not JSON/ })
  write({ a: ALL })
  chmodSync(path, 0o602)
  await t.rejects(open(), { message: /everybody may write to it/ })
  chmodSync(path, 0o600)
  chmodSync(dirname(path), 0o777)
  await t.rejects(open(), { message: /everybody may put another file in its place/ })
  chmodSync(dirname(path), 0o1777)
  const ring = await open()

  writeFileSync(path, '{"keys": [')
  await ring.reload()
  t.ok(ring.find(tokens.a))
  write({ b: ALL })
  chmodSync(path, 0o602)
  await ring.reload()
  t.ok(ring.find(tokens.a), 'nor does one that others may have written')
  t.notOk(ring.find(tokens.b))
  chmodSync(path, 0o604)
  await ring.reload()
  t.ok(ring.find(tokens.b))
  t.ok(lines.includes('everybody may read the file of keys'))
  write({})
  await ring.reload()
  t.notOk(ring.find(tokens.b))
  t.ok(lines.includes('there is no key: nobody may begin anything'))
})

test('a key that is removed opens nothing more, and what it opened goes on', async t => {
  const { server, as, rewrite } = await startGuarded(t, { a: ALL, b: ALL })
  const session = await initiate(server, 'a', as.a)
  const wire = await server.connect()
  wire.head(`PUT ${session}`, {
    'Content-Range': `bytes 0-${2 * G - 1}/*`,
    'Content-Length': 2 * G,
  })
  wire.send(sampleBytes(G))
  await rewrite({ b: ALL })
  t.equal((await server.ask('GET /storage/v1/b/bkt', as.a)).status, 401)
  t.equal((await server.ask('GET /storage/v1/b/bkt', as.b)).status, 200)
  wire.send(sampleBytes(G))
  t.equal((await wire.response()).status, 308)
  wire.close()
  t.equal((await put(server, session, `${2 * G}-${2 * G}/${2 * G + 1}`, 'x')).status, 200)
})
