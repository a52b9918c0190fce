/**
 * Finding a session, and what one that has ended says instead (design P5, P8).
 */

import { type Failure, UploadError } from './failure.ts'
import type { DoorName, EngineParts, Session, StoredObject } from './ports.ts'

/** Nothing expires sooner than this after a start-up: clients that the outage kept away get their chance (design P8). */
export const EXPIRY_GRACE_MS = 30 * 60_000

/** Where an upload stands after a request. */
export type Progress =
  /** `chunks`: how many numbered ones it has taken. */
  | {
      readonly state: 'open'
      readonly persisted: number
      readonly chunks: number
      readonly session: Session
    }
  | DoneProgress

export interface DoneProgress {
  readonly state: 'done'
  readonly object: StoredObject
  readonly session: Session
}

/** It has all the segments that were declared, and they add up to the total: nobody has to ask for it to be published. */
export function isComplete({ intent, total, persisted, segments }: Session): boolean {
  return intent.segmentCount === segments && total === persisted
}

/** A session that a request may go on with. */
export type Found = { readonly state: 'open'; readonly session: Session } | DoneProgress

export class Sessions {
  readonly #parts: EngineParts
  readonly #isBusy: (key: string) => boolean

  /** `isBusy` tells whether a session is being written at this moment. */
  constructor(parts: EngineParts, isBusy: (key: string) => boolean) {
    this.#parts = parts
    this.#isBusy = isBusy
  }

  /** True once the grace after a start-up is over. */
  get mayExpire(): boolean {
    return this.#parts.uptime() >= EXPIRY_GRACE_MS
  }

  /** The open session, or the answer of a done one; an UploadError for every other state. */
  async find(key: string): Promise<Found> {
    const session = await this.#parts.catalog.find(key)
    if (session === undefined) throw new UploadError({ code: 'session_not_found' })
    switch (session.state) {
      case 'open':
        // Due, but the sweeper has not come round yet.
        if (this.#isOver(session)) {
          throw new UploadError({ code: 'session_not_found' })
        }
        return { state: 'open', session }
      case 'done':
        if (session.outcome?.kind !== 'published') throw new UploadError({ code: 'catalog_failed' })
        return { state: 'done', object: session.outcome.object, session }
      case 'cancelled':
        throw new UploadError({ code: 'session_cancelled' })
      case 'expired':
        throw new UploadError({ code: 'session_not_found' })
      case 'invalid': {
        const reason =
          session.outcome?.kind === 'failed'
            ? session.outcome.failure
            : ({ code: 'session_ended' } as const)
        throw new UploadError({ code: 'session_invalid', reason })
      }
    }
  }

  /** What is promised of an open session. */
  async progress(session: Session): Promise<Progress> {
    const { catalog } = this.#parts
    const { persisted } = (await catalog.find(session.key)) ?? session
    // Chunks are counted by sequential protocols alone.
    const { chunks = 0 } = await catalog.segment(session.key, 0)
    return { state: 'open', persisted, chunks, session }
  }

  #isOver(session: Session): boolean {
    const isDue = session.dueAt <= this.#parts.clock() && this.mayExpire
    return isDue && !isComplete(session) && !this.#isBusy(session.key)
  }

  /** Ends the session for good, with the failure that it repeats from now on. */
  async invalidate(door: DoorName, key: string, failure: Failure): Promise<void> {
    const { catalog, storage, clock, observer, settings } = this.#parts
    storage.digests.forget(key)
    const dueAt = clock() + settings.tombstoneTtlMs
    if (await catalog.end(key, 'invalid', dueAt, failure)) observer.uploadEnded(door, 'invalid')
  }
}
