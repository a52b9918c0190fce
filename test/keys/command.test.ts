import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { runCommand } from '../../src/keys/command.ts'
import { parseKeyFile } from '../../src/keys/key-file.ts'
import { hashOfKeyToken } from '../../src/keys/token.ts'
import { runToExit, startServer } from '../support/server-process.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'keys', 'main.ts')
const NOW = Date.UTC(2026, 0, 1)

test('add, list and remove, as the program does it', async t => {
  const dataDir = join(t.testdir(), 'data')
  const keys = (...args: readonly string[]) => {
    const env = { PATH: process.env['PATH'] ?? '', TIDEMARK_DATA_DIR: dataDir }
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      env,
      encoding: 'utf8',
    })
    return { status, stdout, stderr }
  }
  t.match(keys(), { status: 1, stdout: '', stderr: /npm run keys -- add/ })
  t.notOk(existsSync(dataDir))
  const env = { TIDEMARK_AUTH: 'keys' }
  t.match((await runToExit({ dataDir, env })).stderr, /keys\.json cannot be used: ENOENT/)

  const added = keys('add', '--name', 'ci', '--scopes', 'create,list', '--bucket', 'uploads')
  t.equal(added.status, 0)
  t.match(added.stdout, /^tm_[\w-]{43}\n$/)
  t.equal(statSync(join(dataDir, 'keys.json')).mode & 0o777, 0o600)
  t.equal(readdirSync(dataDir).filter(name => name.startsWith('keys.json')).length, 1)
  t.notOk(readFileSync(join(dataDir, 'keys.json'), 'utf8').includes(added.stdout.trim()))

  const server = await startServer(t, { dataDir, env })
  const ask = async (token: string) => {
    const headers = { Authorization: `Bearer ${token.trim()}` }
    return (await fetch(`${server.url}/storage/v1/b/uploads`, { headers })).status
  }
  t.equal(await ask(added.stdout), 200)
  const second = keys('add', '--name', 'two', '--scopes', 'list', '--expires', '1h')
  process.kill(server.pid ?? 0, 'SIGHUP')
  while ((await ask(second.stdout)) !== 200);
  t.match(
    keys('list').stdout,
    /^ci {2}create,list {2}uploads\ntwo {2}list {2}all buckets {2}until 2/,
  )
  t.match(keys('remove', '--name', 'ci'), { status: 0, stdout: 'ci is removed\n' })
  while ((await ask(added.stdout)) !== 401);
  t.equal(await ask(second.stdout), 200, 'the program lives on, and the other key too')
})

test('what is written', t => {
  const { answer, text = '' } = runCommand(
    [
      'add',
      '--name=ci',
      '--scopes=create,read',
      '--bucket=one1',
      '--bucket=two2',
      '--prefix=ci/',
      '--expires=30d',
    ],
    undefined,
    NOW,
  )
  t.strictSame(parseKeyFile(text), [
    {
      name: 'ci',
      sha256: hashOfKeyToken(answer),
      scopes: ['create', 'read'],
      buckets: ['one1', 'two2'],
      prefix: 'ci/',
      expiresAt: '2026-01-31T00:00:00.000Z',
    },
  ])
  const ops = runCommand(['add', '--name=ops', '--scopes=admin', '--no-bucket'], text, NOW)
  t.match(parseKeyFile(ops.text ?? ''), [{ name: 'ci' }, { name: 'ops', buckets: [] }])
  t.equal(
    runCommand(['list'], ops.text, NOW + 31 * 86_400_000).answer,
    'ci  create,read  one1,two2  below ci/  expired 2026-01-31T00:00:00.000Z\nops  admin  no bucket',
  )
  const sensor = runCommand(
    ['add', '--name=sensor', '--scopes=create', '--certificate=sensor 1'],
    ops.text,
    NOW,
  )
  t.equal(sensor.answer, 'sensor is whoever is certified as sensor 1')
  t.strictSame(parseKeyFile(sensor.text ?? '').at(-1), {
    name: 'sensor',
    certificate: 'sensor 1',
    scopes: ['create'],
  })
  t.match(runCommand(['list'], sensor.text, NOW).answer, '\nsensor (certified as sensor 1)  create')
  const removed = runCommand(['remove', '--name=ci'], ops.text, NOW)
  t.match(parseKeyFile(removed.text ?? ''), [{ name: 'ops' }])
  for (const [args, message] of [
    [['add', '--name=ops', '--scopes=read'], /two keys have the name/],
    [['add', '--name=x', '--scopes=write'], /scopes\/0 must be one of/],
    [['add', '--name=x'], /npm run keys/],
    [['add', '--name=x', '--scopes=read', '--bucket=UP'], /must be the name of a bucket/],
    [['add', '--name=x', '--scopes=read', '--bucket=one1', '--no-bucket'], /not both/],
    [['add', '--name=x', '--scopes=read', '--expires=soon'], /no duration/],
    [['add', 'more', '--name=x', '--scopes=read'], /npm run keys/],
    [['remove', '--name=nobody'], /no key called nobody/],
    [['remove'], /npm run keys/],
    [['show'], /npm run keys/],
    [['list', '--nonsense'], /nonsense/],
  ] as const) {
    t.throws(() => runCommand(args, ops.text, NOW), { message })
  }
  t.throws(() => runCommand(['list'], 'x', NOW), { message: 'it is not JSON' })
  t.end()
})
