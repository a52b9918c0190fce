/**
 * The end of a session whose segments came in any order: all of them, by number, become one object in one transaction, without
 * a look at their bytes. Those who ask at the same time wait for one publication and have its answer; a segment that is written
 * meanwhile is in it, or finds the session done.
 */

import { lengthOf } from './content.ts'
import type { DoorRules } from './door-rules.ts'
import { UploadError } from './failure.ts'
import type { Finalizer } from './finalize.ts'
import { PUBLISHING, type Writer, type Writers } from './leases.ts'
import type { EngineParts, Session, Tally } from './ports.ts'
import type { LateIntent } from './publish.ts'
import type { DoneProgress, Sessions } from './sessions.ts'

/** Missing segments that a failure names. */
const NAMED = 1000

export interface AssemblerParts extends EngineParts {
  readonly sessions: Sessions
  readonly writers: Writers
  readonly finalizer: Finalizer
}

/** What is to be published. */
interface Assembly {
  readonly rules: DoorRules
  readonly key: string
  readonly declared: LateIntent & { readonly total: number }
}

export class Assembler {
  readonly #parts: AssemblerParts

  constructor(parts: AssemblerParts) {
    this.#parts = parts
  }

  /** `segments_missing`, `incomplete`, and what a publication may be refused for: the session stays open then. */
  async finalize(assembly: Assembly): Promise<DoneProgress> {
    const { key } = assembly
    const glance = await this.#parts.sessions.find(key)
    if (glance.state === 'done') return glance
    await this.#demandWhole(assembly, glance.session, glance.session)
    return this.#parts.writers.write(key, PUBLISHING, 'wait', writer =>
      this.#publish(assembly, writer),
    )
  }

  async #publish(assembly: Assembly, writer: Writer): Promise<DoneProgress> {
    const { catalog, finalizer, sessions } = this.#parts
    const { rules, key, declared: late } = assembly
    for (;;) {
      const found = await sessions.find(key)
      if (found.state === 'done') return found
      const { session } = found
      try {
        const segments = await catalog.leaseAll(key)
        const persisted = segments.reduce((sum, { extents }) => sum + lengthOf(extents), 0)
        await this.#demandWhole(assembly, session, { persisted, segments: segments.length })
        return await finalizer.finalize({ rules, session, segments, late, writer })
      } catch (error) {
        // A segment was written anew since it was read, or somebody ended the session: it is looked at again.
        const isOvertaken = isOneOf(error, 'superseded', 'session_ended')
        if (!isOvertaken || writer.stopped !== undefined) throw error
      }
    }
  }

  async #demandWhole({ declared }: Assembly, session: Session, tally: Tally): Promise<void> {
    const { segmentCount = tally.segments } = session.intent
    if (tally.segments !== segmentCount) {
      const there = new Set(await this.#parts.catalog.segmentNumbers(session.key))
      const numbers: number[] = []
      for (let number = 0; number < segmentCount && numbers.length < NAMED; number += 1) {
        if (!there.has(number)) numbers.push(number)
      }
      throw new UploadError({ code: 'segments_missing', numbers, count: segmentCount - there.size })
    }
    const { total } = declared
    const { persisted } = tally
    if (persisted !== total || (session.total ?? total) !== total) {
      throw new UploadError({ code: 'incomplete', persisted, total })
    }
  }
}

function isOneOf(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof UploadError && codes.includes(error.failure.code)
}
