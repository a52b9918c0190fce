/**
 * What the server counts, for Prometheus: the engine's Observer on prom-client, with a registry for each server.
 *
 * Counters and durations are told as things happen. What is a state (open sessions, the disk) is looked at when somebody
 * asks; a look that fails leaves those series without a value, and all others as they are.
 */

import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Budget } from '../engine/budget.ts'
import type { Clock, DoorName, Log, Measurements, Observer, Sweep } from '../engine/ports.ts'
import { beginAtZero, createInstruments, type Entrance, type Instruments } from './instruments.ts'
import { VERSION } from './version.ts'

export interface MetricsParts {
  /** The doors that are open. */
  readonly doors: readonly DoorName[]
  readonly budget: Budget
  readonly clock: Clock
  readonly log: Log
}

export class Metrics implements Observer {
  readonly #registry = new Registry()
  readonly #instruments: Instruments
  readonly #parts: MetricsParts

  constructor(parts: MetricsParts) {
    this.#parts = parts
    collectDefaultMetrics({ register: this.#registry })
    this.#instruments = createInstruments(this.#registry)
    const { bufferLimit, build, lastSweep } = this.#instruments
    beginAtZero(this.#instruments, parts.doors)
    bufferLimit.set(parts.budget.bytes)
    build.set({ version: VERSION, node: process.version }, 1)
    lastSweep.set(parts.clock() / 1000)
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE

  /** Everything, as text. Never rejects for what cannot be measured. */
  async exposition(measure: () => Promise<Measurements>): Promise<string> {
    const { bodies, buffers } = this.#instruments
    bodies.set(this.#parts.budget.bodies)
    buffers.set(this.#parts.budget.held)
    try {
      this.#show(await measure())
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'cannot measure')
      this.#show(undefined)
    }
    return this.#registry.metrics()
  }

  /** An answer over HTTP; without a status the client went away before it. */
  responded(door: Entrance, status: number | undefined): void {
    const statusClass = status === undefined ? 'gone' : `${Math.floor(status / 100)}xx`
    this.#instruments.responses.inc({ door, class: statusClass })
  }

  // Observer -----------------------------------------------------------------------------------

  sessionOpened(door: DoorName): void {
    this.#instruments.sessionsOpened.inc({ door })
  }

  uploadEnded(...[door, outcome]: Parameters<Observer['uploadEnded']>): void {
    this.#instruments.uploads.inc({ door, outcome })
  }

  received(door: DoorName, bytes: number): void {
    this.#instruments.received.inc({ door }, bytes)
  }

  acknowledged(door: DoorName, bytes: number): void {
    this.#instruments.acknowledged.inc({ door }, bytes)
  }

  chunkTaken(door: DoorName, ms: number): void {
    this.#instruments.chunkDuration.observe({ door }, ms / 1000)
  }

  published(ms: number): void {
    this.#instruments.finalizeDuration.observe(ms / 1000)
  }

  tookOver(): void {
    this.#instruments.takeOvers.inc()
  }

  refused(...[reason]: Parameters<Observer['refused']>): void {
    this.#instruments.refusals.inc({ reason })
  }

  swept({ ms, isComplete, expired, purged, freed }: Sweep): void {
    const { sweeps, sweepDuration, lastSweep } = this.#instruments
    sweeps.inc({ outcome: isComplete ? 'complete' : 'failed' })
    sweepDuration.observe(ms / 1000)
    if (isComplete) lastSweep.set(this.#parts.clock() / 1000)
    this.#instruments.expired.inc(expired)
    this.#instruments.purged.inc(purged)
    this.#instruments.freed.inc(freed)
  }

  synced(...[what, ms]: Parameters<Observer['synced']>): void {
    this.#instruments.syncDuration.observe({ what }, ms / 1000)
  }

  committed(steps: number, ms: number): void {
    this.#instruments.commitDuration.observe(ms / 1000)
    this.#instruments.commitSteps.observe(steps)
  }

  // --------------------------------------------------------------------------------------------

  /** NaN is Prometheus' own word for "not known". */
  #show(found: Measurements | undefined): void {
    const { doors, clock } = this.#parts
    const { openSessions, oldestSession, hasherLag } = this.#instruments
    const { diskCapacity, diskFree, diskReserve } = this.#instruments
    const sessions = new Map(found?.sessions.map(census => [census.door, census]))
    // A door that is closed now may have left sessions.
    for (const door of new Set([...doors, ...sessions.keys()])) {
      const { sessions: count = 0, oldestAt } = sessions.get(door) ?? {}
      const age = oldestAt === undefined ? 0 : Math.max(0, clock() - oldestAt) / 1000
      openSessions.set({ door }, found === undefined ? Number.NaN : count)
      oldestSession.set({ door }, found === undefined ? Number.NaN : age)
    }
    hasherLag.set(found?.hasherLagBytes ?? Number.NaN)
    diskCapacity.set(found?.space.capacity ?? Number.NaN)
    diskFree.set(found?.space.free ?? Number.NaN)
    diskReserve.set(found?.space.reserve ?? Number.NaN)
  }
}
