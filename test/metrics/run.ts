/**
 * `npm run test:metrics`: what is in docker/ for Prometheus and Grafana, with a real Prometheus before a real server under load.
 * Every query of the dashboard and every rule must answer something, the figures must be those of the load, and each alert must
 * have a story in rules.test.yml.
 *
 * Where Prometheus cannot be had it says so and passes, except in CI.
 */

import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from '../support/expect.ts'
import { freePort, ServerProcess } from '../support/server-process.ts'
import { type Expected, load } from './load.ts'
import { CONFIGURATION, getPrograms, type Programs, Prometheus, type Sample } from './prometheus.ts'

const ROUNDS = 6
const SEEN_WITHIN_MS = 30_000
const DASHBOARD = join(CONFIGURATION, '..', 'grafana', 'dashboard.json')

interface Panel {
  readonly title: string
  readonly targets?: ReadonlyArray<{ readonly expr: string }>
}

const scratch = await mkdtemp(join(tmpdir(), 'tidemark-metrics-'))
const server = new ServerProcess(await freePort(), {
  dataDir: join(scratch, 'data'),
  env: { TIDEMARK_LOG_LEVEL: 'warn', TIDEMARK_RESERVE: '64MiB' },
})
let prometheus: Prometheus | undefined
try {
  const programs = await getPrograms(scratch).catch((error: Error) => {
    console.log(`SKIPPED: no query was tried: there is no Prometheus: ${error.message}`)
    process.exit(process.env['CI'] === 'true' ? 1 : 0)
  })
  await server.start()
  await checkFiles(programs)
  await checkExposition(programs)
  prometheus = await Prometheus.start(programs, scratch, `127.0.0.1:${server.port}`)
  // It takes some seconds to find its targets; what it has not seen begin has no rate.
  const seen = prometheus
  const up = await until(
    () => seen.sum('tidemark_build_info'),
    sum => sum === 1,
  )
  expect('Prometheus has scraped the server', up === 1, up)
  const expected = await load(server.url, ROUNDS)
  await checkFigures(prometheus, expected)
  await checkDashboard(prometheus)
  await checkRules(prometheus)
  await checkDown(prometheus)
} catch (error) {
  expect('the run came to its end', false, error)
} finally {
  await prometheus?.stop()
  await server.kill()
  await rm(scratch, { recursive: true })
}
// Idle connections of the clients would hold the process.
process.exit()

async function checkFiles({ promtool }: Programs): Promise<void> {
  for (const [what, ...args] of [
    ['the configuration', 'check', 'config', 'prometheus.yml'],
    ['the rules', 'check', 'rules', 'rules.yml'],
    ['the stories of the alerts', 'test', 'rules', 'rules.test.yml'],
  ] as const) {
    const { status, stdout, stderr } = spawnSync(promtool, args, {
      cwd: CONFIGURATION,
      encoding: 'utf8',
    })
    expect(`promtool accepts ${what}`, status === 0, stdout + stderr)
  }
}

async function checkExposition({ promtool }: Programs): Promise<void> {
  const text = await (await fetch(`${server.url}/-/metrics`)).text()
  const { stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  })
  // prom-client's own names are as they are.
  const complaints = (stdout + stderr).split('\n').filter(line => line && !/^nodejs_/.test(line))
  expect('promtool accepts /-/metrics', complaints.length === 0, complaints)
}

/** Prometheus has seen what the clients did, exactly. */
async function checkFigures(seen: Prometheus, expected: Expected): Promise<void> {
  // The server hears of a cut connection, or of the request that comes instead, whichever is first.
  const broken = 'tidemark_refusals_total{reason=~"body_cut|superseded"}'
  const figures: ReadonlyArray<readonly [selector: string, value: number]> = [
    ['tidemark_uploads_total{outcome="published"}', expected.published],
    ['tidemark_uploads_total{outcome="failed"}', expected.failed],
    ['tidemark_uploads_total{outcome="cancelled"}', expected.cancelled],
    ['tidemark_uploads_total{outcome="invalid"}', expected.invalid],
    [broken, expected.broken],
    [`tidemark_takeovers_total >= bool ${expected.takeOvers}`, 1],
    ['tidemark_acknowledged_bytes_total', expected.acknowledgedBytes],
    ['tidemark_open_sessions', 1],
    ['tidemark_bodies', 0],
  ]
  for (const [selector, value] of figures) {
    const found = await until(
      () => seen.sum(selector),
      sum => sum === value,
    )
    expect(`${selector} is ${value}`, found === value, found)
  }
}

async function checkDashboard(seen: Prometheus): Promise<void> {
  const { panels } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as { panels: readonly Panel[] }
  for (const { title, targets = [] } of panels) {
    const silent: string[] = []
    for (const { expr } of targets) {
      const query = expr
        .replaceAll(/\$(?:instance|door)\b/g, '.*')
        .replaceAll('$__rate_interval', '5m')
      const samples = await seen.query(query).catch((error: Error) => error.message)
      if (typeof samples === 'string' || !saysSomething(samples))
        silent.push(`${query}: ${JSON.stringify(samples)}`)
    }
    if (targets.length > 0) expect(`panel "${title}" shows data`, silent.length === 0, silent)
  }
}

async function checkRules(seen: Prometheus): Promise<void> {
  const names = await seen.names()
  const stories = await readFile(join(CONFIGURATION, 'rules.test.yml'), 'utf8')
  const rules = await until(
    () => seen.rules(),
    found => found.every(({ health }) => health === 'ok'),
  )
  expect('there are rules', rules.length > 0)
  for (const { type, name, query, health, lastError } of rules) {
    expect(`rule ${name} is evaluated`, health === 'ok', lastError)
    if (type === 'recording') {
      const samples = await seen.query(name)
      expect(`${name} is recorded`, saysSomething(samples), samples)
      continue
    }
    // An alert that asks for what does not exist never fires.
    const asked = query.match(/\b(?:[a-z_]+:)?(?:tidemark|nodejs|process)_\w+(?::\w+)?/g) ?? ['up']
    const unknown = asked.filter(metric => !names.has(metric))
    expect(`alert ${name} asks for what there is`, unknown.length === 0, unknown)
    expect(`alert ${name} has a story`, stories.includes(`alertname="${name}"`))
  }
}

async function checkDown(seen: Prometheus): Promise<void> {
  await server.kill()
  const state = await until(
    async () => (await seen.rules()).find(({ name }) => name === 'TidemarkDown')?.state,
    found => found === 'pending',
  )
  expect('a killed server is noticed', state === 'pending', state)
}

function saysSomething(samples: readonly Sample[]): boolean {
  return samples.some(({ value: [, value] }) => value !== 'NaN')
}

/** What `ask` answers once it is good, or when there was time enough for it. */
async function until<Value>(
  ask: () => Promise<Value>,
  isGood: (value: Value) => boolean,
): Promise<Value> {
  const deadline = Date.now() + SEEN_WITHIN_MS
  for (;;) {
    const value = await ask()
    if (isGood(value) || Date.now() > deadline) return value
    await sleep(200)
  }
}
