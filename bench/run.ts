/**
 * `npm run bench`: Tidemark beside its peers, in one run on one machine.
 *
 * Figures of different runs or machines say little: what counts are the ratios of one run. Every server gets the same
 * cores, the load client another one; Tidemark's worker threads (records, md5) have to share the server's.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { contenders } from './contenders.ts'
import { type Outcome, printExpectations } from './expectations.ts'
import { LoadClient } from './load-client.ts'
import { measure } from './measure.ts'
import { ensureNginx } from './nginx.ts'
import { type Options, optionsOf, USAGE } from './options.ts'
import { printTable } from './report.ts'
import { scenariosOf } from './scenarios.ts'

/** Bounds the whole on a slow or busy machine. */
const SCENARIO_MS = { full: 65_000, quick: 12_000 }
const TMPFS_MAGIC = 0x01021994

await main()

async function main(): Promise<void> {
  const options = optionsOrExit()
  const measured = contendersOf(options)
  mkdirSync(options.directory, { recursive: true })
  const scratch = mkdtempSync(join(options.directory, 'tidemark-bench-'))
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

  printSetup(options, scratch)
  const client = new LoadClient(options.clientCore)
  const scenarioMs = options.quick ? SCENARIO_MS.quick : SCENARIO_MS.full
  const outcomes: Outcome[] = []
  for (const scenario of options.groups.flatMap(group => scenariosOf(group, options.quick))) {
    const directory = join(scratch, String(outcomes.length))
    const rows = await measure(scenario, {
      ...options,
      contenders: measured,
      client,
      directory,
      scenarioMs,
    })
    printTable(scenario, rows)
    outcomes.push({ scenario, rows })
  }
  client.stop()
  printExpectations(outcomes)
}

function optionsOrExit(): Options {
  try {
    return optionsOf(process.argv.slice(2))
  } catch (cause) {
    console.error(`${cause instanceof Error ? cause.message : cause}\n\n${USAGE}`)
    process.exit(2)
  }
}

function contendersOf({ only }: Options): typeof contenders {
  installPeers()
  const hasNginx = ensureNginx()
  return contenders.filter(
    ({ name }) =>
      (!name.startsWith('nginx') || hasNginx) &&
      (only.length === 0 || only.some(part => name.includes(part))),
  )
}

/** The peers from npm, as bench/package-lock.json pins them. Done again only when they are missing. */
function installPeers(): void {
  const directory = fileURLToPath(new URL('.', import.meta.url))
  if (spawnSync('npm', ['ls'], { cwd: directory }).status === 0) return
  const install = spawnSync('npm', ['ci', '--ignore-scripts'], { cwd: directory, stdio: 'inherit' })
  if (install.status !== 0) throw new Error('the peers could not be installed')
}

function printSetup({ serverCores, clientCore, rounds }: Options, scratch: string): void {
  const isMemory = statfsSync(scratch).type === TMPFS_MAGIC
  console.log(
    `${cpus()[0]?.model}, ${availableParallelism()} cores; Node ${process.version}; ${scratch}\n` +
      `servers on core ${serverCores}, load client on core ${clientCore}; at most ${rounds} rounds, medians\n` +
      'MB is 10⁶ bytes; CPU is the server process with all its threads, without the kernel threads that write back;\n' +
      'client is how busy the load client was; the sink stores nothing and shows how much the client can send',
  )
  if (isMemory)
    console.warn('!! That is memory, not a disk: a sync costs nothing there. Use --dir.')
}
