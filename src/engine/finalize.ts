/**
 * The end of a session that has all its bytes: it becomes an object, or a check fails and the door's rule says what
 * becomes of it. Every check passes before the session leaves `open` (design P4).
 */

import type { BlobWriter } from './blob-writer.ts'
import type { DoorRules } from './door-rules.ts'
import { type FailureCode, UploadError } from './failure.ts'
import type { Writer } from './leases.ts'
import type { EngineParts, Segment, Session } from './ports.ts'
import { type LateIntent, publish } from './publish.ts'
import { shortKey } from './session-key.ts'
import type { DoneProgress, Sessions } from './sessions.ts'

export interface Completion {
  readonly rules: DoorRules
  readonly session: Session
  /** All segments in order, with the epochs under which they were read. */
  readonly segments: readonly Segment[]
  readonly late: LateIntent
  readonly writer: Writer
  /** The content's md5, where it is known already. */
  readonly md5?: string | undefined
  /** Records bytes that are not promised yet, where a failed check leaves the session open. */
  readonly record?: () => Promise<void>
}

export class Finalizer {
  readonly #parts: EngineParts
  readonly #sessions: Sessions
  readonly #blobs: BlobWriter

  constructor(parts: EngineParts, sessions: Sessions, blobs: BlobWriter) {
    this.#parts = parts
    this.#sessions = sessions
    this.#blobs = blobs
  }

  async finalize(completion: Completion): Promise<DoneProgress> {
    const { rules, session, segments, late, md5, writer } = completion
    const { clock, log, observer, settings } = this.#parts
    const extents = segments.flatMap(segment => segment.extents)
    const data = late.doorData === undefined ? {} : { doorData: late.doorData }
    writer.beginPublishing()
    try {
      const publishing = () =>
        publish(this.#parts, {
          intent: session.intent,
          late,
          extents,
          run: session.key,
          md5,
          hasMd5: rules.hasMd5,
          session: {
            key: session.key,
            segments: segments.map(({ number, epoch }) => ({ number, epoch })),
            dueAt: clock() + settings.tombstoneTtlMs,
            ...data,
          },
          // Also where it shows nothing any more: there may be copies of what it showed.
          isShared: rules.unfinished === 'shown',
        })
      // Cancelled meanwhile, its blobs are garbage, but not to be freed under the hasher's eyes.
      const object = await this.#blobs.hold(extents, publishing)
      log.info({ session: shortKey(session.key), size: object.size }, 'published')
      observer.uploadEnded(rules.door, 'published')
      const outcome = { kind: 'published', object, ...data } as const
      return { state: 'done', object, session: { ...session, state: 'done', outcome } }
    } catch (error) {
      if (!(error instanceof UploadError)) throw error
      const { code } = error.failure
      if (code === 'blob_short' || (isCheck(code) && rules.failedCheck === 'invalid')) {
        await this.#sessions.invalidate(rules.door, session.key, error.failure)
      } else if (isCheck(code)) {
        await completion.record?.()
      }
      throw error
    }
  }
}

function isCheck(code: FailureCode): boolean {
  return (
    code === 'checksum_mismatch' ||
    code === 'size_mismatch' ||
    code === 'precondition_failed' ||
    code === 'bucket_not_found'
  )
}
