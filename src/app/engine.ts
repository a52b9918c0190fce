/**
 * The engine on its ground: one disk, one SQLite catalog beside it.
 */

import { statfs } from 'node:fs/promises'
import { SqliteCatalog } from '../catalog/sqlite.ts'
import type { Config } from '../config.ts'
import type { Budget } from '../engine/budget.ts'
import type { Engine } from '../engine/engine.ts'
import { ObservedEngine } from '../engine/observed-engine.ts'
import type { Clock, Hold, Log, Observer } from '../engine/ports.ts'
import { defaultReserve } from '../storage/disk/free-space.ts'
import { DiskStorage } from '../storage/disk.ts'

export interface EngineSurroundings {
  readonly config: Config
  readonly directory: string
  readonly hold: Hold
  readonly budget: Budget
  readonly log: Log
  readonly observer: Observer
  readonly clock: Clock
  readonly onFatal: (error: Error) => void
}

export async function openEngine(surroundings: EngineSurroundings): Promise<Engine> {
  const { config, directory, clock } = surroundings
  const reserveBytes = config.reserveBytes ?? (await reserveOf(directory))
  const parts = { ...surroundings, durability: config.durability, reserveBytes }
  const catalog = await SqliteCatalog.open(parts)
  const storage = await DiskStorage.open(parts).catch(async (error: unknown) => {
    await catalog.close()
    throw error
  })
  return new ObservedEngine({
    ...parts,
    storage,
    catalog,
    uptime: uptimeBy(clock),
    settings: config,
  })
}

/** The system's clock may be set; how long this server runs is told by one that cannot, unless a test sets the time. */
function uptimeBy(clock: Clock): () => number {
  const now = clock === Date.now ? () => performance.now() : clock
  const startedAt = now()
  return () => now() - startedAt
}

/** The catalog's ballast and the uploads' reserve go by one figure. */
async function reserveOf(directory: string): Promise<number> {
  const { blocks, bsize } = await statfs(directory)
  return defaultReserve(blocks * bsize)
}
