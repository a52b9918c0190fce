/**
 * What time does to uploads: complete ones that nobody asked for are published, idle sessions expire, tombstones vanish, blobs
 * that nothing refers to are freed. In small batches with a pause between them, so that no request ever waits for a sweep
 * (design P8). Nothing here looks at an object, and a session that is being written is left alone.
 */

import { setImmediate as pause } from 'node:timers/promises'
import type { EngineParts, Hold, Session, Sweep } from './ports.ts'
import { shortKey } from './session-key.ts'
import type { Sessions } from './sessions.ts'

const SWEEP_EVERY_MS = 60_000
const BATCH = 100
const SCAN_BATCH = 500

export interface SweeperParts extends EngineParts {
  readonly sessions: Sessions
  /** Keys of sessions that are being written. */
  readonly busy: () => ReadonlySet<string>
  /** Publishes a session that is complete. */
  readonly publish: (session: Session) => Promise<unknown>
  /** True for a blob that is being read or written, whatever the catalog says of it. */
  readonly isInUse: (blob: string) => boolean
}

const NOBODY_HOLDS: Hold = {
  async unlessHeld(work) {
    await work()
    return true
  },
}

type Tally = { -readonly [Count in 'expired' | 'purged' | 'freed']: Sweep[Count] }

export class Sweeper {
  readonly #parts: SweeperParts
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #isAskedAgain = false
  #isClosed = false

  constructor(parts: SweeperParts) {
    this.#parts = parts
  }

  /** Frees what a crash left: blobs that no record knows. Before the first request, when nothing is being written. */
  async discardOrphans(): Promise<number> {
    const { storage, catalog, log } = this.#parts
    let orphans = 0
    let batch: string[] = []
    const settle = async () => {
      for (const blob of await catalog.unknown(batch)) {
        await storage.discard(blob)
        orphans += 1
      }
      batch = []
    }
    for await (const blob of storage.blobs()) {
      batch.push(blob)
      if (batch.length === SCAN_BATCH) await settle()
    }
    await settle()
    if (orphans > 0) log.info({ orphans }, 'discarded blobs that no record knows')
    return orphans
  }

  start(): void {
    this.#timer = setInterval(() => void this.sweep(), SWEEP_EVERY_MS).unref()
  }

  /** One sweep; resolves when it is through. A call during a sweep has it go round once more. Never rejects. */
  sweep(): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    this.#isAskedAgain = this.#running !== undefined
    this.#running ??= this.#sweepAll().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#running
  }

  async #sweepAll(): Promise<void> {
    const { log, observer } = this.#parts
    const begin = performance.now()
    const tally: Tally = { expired: 0, purged: 0, freed: 0 }
    let isComplete = false
    try {
      do {
        this.#isAskedAgain = false
        await this.#publishComplete()
        await this.#expire(tally)
        await this.#purge(tally)
        await this.#free(tally)
      } while (this.#isAskedAgain && !this.#isClosed)
      isComplete = true
    } catch (error) {
      log.error({ err: error }, 'sweep failed; the next one tries again')
    }
    observer.swept({ ...tally, isComplete, ms: performance.now() - begin })
  }

  async #publishComplete(): Promise<void> {
    const { catalog, clock, busy, log, publish } = this.#parts
    let after: string | undefined
    for (;;) {
      const complete = await catalog.complete(clock(), BATCH, after)
      for (const session of complete) {
        if (busy().has(session.key) || this.#isClosed) continue
        try {
          await publish(session)
        } catch (error) {
          log.warn({ session: shortKey(session.key), err: error }, 'complete, but not published')
          await this.#expireUnpublished(session)
        }
      }
      after = complete.at(-1)?.key
      if (complete.length < BATCH || this.#isClosed) return
      await pause()
    }
  }

  /** Its bucket may be gone for good: what cannot be published ends when any other idle session would. */
  async #expireUnpublished({ key, door, activeAt }: Session): Promise<void> {
    const { catalog, clock, observer, sessions, settings } = this.#parts
    const now = clock()
    if (!sessions.mayExpire || activeAt + settings.sessionTtlMs > now) return
    const hasEnded = await catalog.end(key, 'expired', now + settings.tombstoneTtlMs)
    if (hasEnded) observer.uploadEnded(door, 'expired')
  }

  async #expire(tally: Tally): Promise<void> {
    const { catalog, clock, log, observer, sessions, settings, storage, busy } = this.#parts
    if (!sessions.mayExpire) return
    for (;;) {
      const now = clock()
      const expired = await catalog.expire(now, now + settings.tombstoneTtlMs, BATCH, busy())
      for (const { key, door } of expired) {
        storage.digests.forget(key)
        log.info({ session: shortKey(key) }, 'expired')
        observer.uploadEnded(door, 'expired')
      }
      tally.expired += expired.length
      if (expired.length < BATCH || this.#isClosed) return
      await pause()
    }
  }

  async #purge(tally: Tally): Promise<void> {
    const { catalog, clock, settings } = this.#parts
    for (;;) {
      const now = clock()
      const rows = await catalog.purge(now, now - settings.tombstoneTtlMs, BATCH)
      tally.purged += rows
      if (rows < BATCH || this.#isClosed) return
      await pause()
    }
  }

  async #free(tally: Tally): Promise<void> {
    const { catalog, hold = NOBODY_HOLDS, log } = this.#parts
    let after: string | undefined
    for (;;) {
      const garbage = await catalog.garbage(BATCH, after)
      if (garbage.length === 0) return
      if (!(await hold.unlessHeld(() => this.#discard(garbage, tally)))) {
        log.debug({}, 'nothing is freed while a backup is taken')
        return
      }
      after = garbage.at(-1)
      if (garbage.length < BATCH || this.#isClosed) return
      await pause()
    }
  }

  async #discard(garbage: readonly string[], tally: Tally): Promise<void> {
    const { catalog, storage, isInUse, log } = this.#parts
    const freed: string[] = []
    for (const blob of garbage) {
      if (isInUse(blob)) continue
      try {
        await storage.discard(blob)
        freed.push(blob)
        tally.freed += 1
      } catch (error) {
        // One that cannot be freed keeps no other.
        log.error({ err: error, blob }, 'cannot free a blob')
      }
    }
    if (freed.length > 0) await catalog.forget(freed)
  }
}
