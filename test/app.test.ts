import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'tap'
import { Conversation } from './support/conversation.ts'
import { upload } from './support/google.ts'
import { startServer } from './support/server.ts'

const MAIN = join(import.meta.dirname, '..', 'src', 'main.ts')

function run(settings: Record<string, string>): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [MAIN], { env: { ...settings, PATH: process.env['PATH'] } })
}

/** The program that should not start: its exit code and what it says. */
async function refusal(settings: Record<string, string>): Promise<[number, string]> {
  const child = run(settings)
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  return [code as number, said]
}

/** The program, listening. */
async function listening(
  settings: Record<string, string>,
): Promise<[ChildProcessWithoutNullStreams, number]> {
  const child = run({ TIDEMARK_PORT: '0', ...settings })
  let log = ''
  for await (const bytes of child.stdout) {
    log += bytes
    const [, port] = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(log) ?? []
    if (port !== undefined) return [child, Number(port)]
  }
  throw new Error(`did not start: ${log}`)
}

test('two servers in one process know nothing of each other', async t => {
  const one = await startServer(t)
  const two = await startServer({
    testdir: () => join(one.directory, 'two'),
    teardown: f => t.teardown(f),
  })
  await upload(one, 'a', 'one')
  t.equal((await one.ask('GET /b/bkt/o/a?alt=media')).text, 'one')
  t.equal((await two.ask('GET /b/bkt/o/a?alt=media')).status, 404)
})

test('buckets are made on the first start, and stay on the next', async t => {
  const server = await startServer(t, { buckets: ['uploads', 'second'], doors: [] })
  const list = async () =>
    (await server.ask('GET /storage/v1/b?fields=items/name'))
      .json()
      .items.map(({ name }: { name: string }) => name)
  t.strictSame(await list(), ['second', 'uploads'])
  await upload(server, 'x', 'y')
  await server.restart()
  t.strictSame(await list(), ['second', 'uploads'])
})

test('SIGTERM: what arrived is kept, the client is answered, the program ends with 0', async t => {
  const settings = { TIDEMARK_DATA_DIR: join(t.testdir(), 'data') }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const [child, port] = await listening(settings)
    const exit = once(child, 'exit')
    const wire = await Conversation.open(port)
    wire.head('POST /upload/storage/v1/b/uploads/o?uploadType=resumable&name=a', {
      'Content-Length': 0,
    })
    const { location = '' } = (await wire.response()).headers
    wire.head(`PUT ${new URL(location).pathname}${new URL(location).search}`, {
      'Content-Range': 'bytes 0-*/1000000',
      'Content-Length': 1_000_000,
      Expect: '100-continue',
    })
    t.equal((await wire.response()).status, 100)
    child.kill(signal)
    t.equal((await wire.response()).status, 503)
    t.strictSame(await exit, [0, null])
  }
})

test('a start-up that fails says why in a line, and ends with 1', async t => {
  const directory = t.testdir()
  const data = { TIDEMARK_DATA_DIR: join(directory, 'data') }
  const [code, said] = await refusal({ TIDEMARK_PORT: 'x', TIDEMARK_MD5: 'maybe' })
  t.equal(code, 1)
  t.strictSame(said.trim().split('\n'), [
    'tidemark: TIDEMARK_PORT="x" is not a port from 0 (any free one) to 65535',
    'tidemark: TIDEMARK_MD5="maybe" is not on or off',
  ])

  const [child, port] = await listening(data)
  const refusals = [
    await refusal({ ...data, TIDEMARK_PORT: '0' }),
    await refusal({ TIDEMARK_DATA_DIR: join(directory, 'other'), TIDEMARK_PORT: String(port) }),
  ]
  writeFileSync(join(directory, 'file'), '')
  refusals.push(await refusal({ TIDEMARK_DATA_DIR: join(directory, 'file') }))
  for (const [at, expected] of [
    'already served',
    'EADDRINUSE',
    'cannot be made or written',
  ].entries()) {
    t.equal(refusals[at]?.[0], 1)
    t.match(refusals[at]?.[1], new RegExp(`^tidemark: .*${expected}.*\n$`))
  }
  t.ok(existsSync(join(directory, 'data', 'catalog.sqlite')))
  child.kill('SIGKILL')
  await once(child, 'exit')
})
