/**
 * One scenario: every server started afresh, then round by round one after the other, so that whatever else the machine
 * does meets all of them alike. What is compared is a server with the reference of the same round.
 *
 * Memory that the machine gave back to its host is slow to touch again, by a factor of ten on some: before every run
 * the page cache is written full and emptied, so that no server is the one that pays for it.
 */

import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Contender, ContenderName, Shape } from './contenders.ts'
import type { LoadClient } from './load-client.ts'
import type { Scenario } from './scenarios.ts'
import { ServerProcess } from './server-process.ts'
import { type Store, verify } from './stored.ts'

export interface Sample {
  /** In the scenario's unit. */
  readonly rate: number
  /** What the server spent per GiB received. */
  readonly cpuSecondsPerGiB: number
  /** The part of the time that the load client was busy; near 1 it is what was measured. */
  readonly clientBusy: number
}

/** One line of a table: a server, asked in one way. */
export interface Row {
  readonly contender: ContenderName
  readonly shape: Shape
  /** One for each round. */
  readonly samples: readonly Sample[]
  readonly peakMemory: number
}

export interface Setup {
  readonly contenders: readonly Contender[]
  readonly client: LoadClient
  /** Made for this scenario; left to be removed at the end, for what stored.ts says of deleting. */
  readonly directory: string
  readonly rounds: number
  /** After this time no further round begins, if there were two. */
  readonly scenarioMs: number
  readonly serverCores: string
}

/** A row in the making. */
interface Lane {
  readonly contender: Contender
  readonly shape: Shape
  readonly server: ServerProcess
  readonly store: Store | undefined
  readonly samples: Sample[]
  peakMemory: number
}

const LEAST_ROUNDS = 2
const GIB = 1024 ** 3
/** Page cache made warm beyond what a run writes. */
const SPARE_BYTES = 128 * 1024 * 1024
const WARM_BUFFER = Buffer.alloc(4 * 1024 * 1024, 1)

export async function measure(scenario: Scenario, setup: Setup): Promise<readonly Row[]> {
  const deadline = performance.now() + setup.scenarioMs
  const lanes: Lane[] = []
  try {
    for (const contender of setup.contenders) {
      if (contender.groups?.includes(scenario.group) === false) continue
      lanes.push(...(await open(contender, scenario, setup)))
    }
    // Not counted: a part of the same, for code to be compiled and pools to be filled.
    for (const lane of lanes) await run(lane, partOf(scenario), { ...setup, round: 'warm-up' })
    for (let round = 1; round <= setup.rounds; round++) {
      if (round > LEAST_ROUNDS && performance.now() > deadline) break
      for (const lane of rotated(lanes, round)) {
        lane.samples.push(await run(lane, scenario, { ...setup, round }))
      }
    }
    return lanes.map(({ contender, shape, samples, peakMemory }) => ({
      contender: contender.name,
      shape,
      samples,
      peakMemory,
    }))
  } finally {
    for (const server of new Set(lanes.map(lane => lane.server))) await server.stop()
  }
}

/** Start the server; a lane for each shape that the scenario asks for and the server has. */
async function open(contender: Contender, scenario: Scenario, setup: Setup): Promise<Lane[]> {
  const directory = join(setup.directory, contender.name.replaceAll(/\W+/g, '-'))
  mkdirSync(join(directory, 'data'), { recursive: true })
  const server = await ServerProcess.start({
    command: port => contender.command(directory, port),
    cores: setup.serverCores,
    directory,
  })
  const asked = scenario.shapes.filter(shape => contender.shapes.includes(shape))
  const shapes = asked.length > 0 ? asked : contender.shapes.slice(0, 1)
  const store = contender.store?.(directory, server.port)
  return shapes.map(shape => ({ contender, shape, server, store, samples: [], peakMemory: 0 }))
}

async function run(
  lane: Lane,
  scenario: Scenario,
  { client, directory, round }: Setup & { readonly round: number | 'warm-up' },
): Promise<Sample> {
  const { contender, server, shape, store } = lane
  const bytes = scenario.count * scenario.length
  try {
    warmPageCache(directory, bytes + SPARE_BYTES)
    server.resetPeakMemory()
    const cpuBefore = server.cpuSeconds()
    const { seconds, clientCpuSeconds, stored } = await client.run({
      driver: contender.driver,
      port: server.port,
      count: scenario.count,
      concurrency: scenario.concurrency,
      length: scenario.length,
      chunkLength: scenario.chunkLength,
      oneRequest: shape === 'one request',
      // A name of its own: uploadx takes a second upload of the same name for a resumed one.
      prefix: `${shape === 'session' ? 's' : 'o'}${round}-`,
    })
    const cpuSeconds = server.cpuSeconds() - cpuBefore
    lane.peakMemory = Math.max(lane.peakMemory, server.peakMemory())

    if (store && round === 1) await verify(store, stored, scenario.length)
    await store?.empty(stored.flat())
    return {
      rate: (scenario.unit === 'MB/s' ? bytes / 1e6 : scenario.count) / seconds,
      cpuSecondsPerGiB: cpuSeconds / (bytes / GIB),
      clientBusy: clientCpuSeconds / seconds,
    }
  } catch (cause) {
    const where = `${contender.name}, ${scenario.title}, round ${round}`
    throw new Error(`${where}: ${String(cause)}\n${server.logTail()}`, { cause })
  }
}

function partOf(scenario: Scenario): Scenario {
  if (scenario.count > 1) return { ...scenario, count: Math.ceil(scenario.count / 4) }
  const length = scenario.length / 4
  return { ...scenario, length, chunkLength: Math.min(length, scenario.chunkLength) }
}

/** No server is always the one after nginx. */
function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const start = by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}

/** See above. What earlier runs left to be written or discarded is settled first: it is nobody's in this run. */
function warmPageCache(directory: string, bytes: number): void {
  spawnSync('sync', ['--file-system', directory])
  const path = join(directory, 'warm')
  const fd = openSync(path, 'w')
  for (let written = 0; written < bytes; written += WARM_BUFFER.length) writeSync(fd, WARM_BUFFER)
  closeSync(fd)
  unlinkSync(path)
}
