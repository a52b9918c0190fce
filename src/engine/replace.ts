/**
 * A numbered segment of an any-order upload: written whole into a blob of its own, in parallel with all others, and
 * swapped in when it is there. The lease is taken last, so the later to finish is the one that stays. Nothing here looks at
 * the other segments: the ten thousandth costs what the first one did.
 */

import { admit } from './admission.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { Chunk } from './chunk.ts'
import { lengthOf } from './content.ts'
import type { DoorRules } from './door-rules.ts'
import { drainBody } from './drain-body.ts'
import { type FailureCode, isRefusal, UploadError } from './failure.ts'
import { PUBLISHING, type Writer, type Writers } from './leases.ts'
import { dueAtOf } from './lifetime.ts'
import type { EngineParts, Extent, Session, Tally } from './ports.ts'
import { receive } from './receive.ts'
import type { Turns } from './turns.ts'

/**
 * A complete session that nobody finalizes is published once it was left alone for this long: every byte of it was acknowledged,
 * so it must not be lost to whoever never asks. Until then segments can still be sent again.
 */
export const COMPLETE_IDLE_MS = 10 * 60_000

export interface ReplaceParts extends EngineParts {
  readonly blobs: BlobWriter
  readonly writers: Writers
  /** Of those who swap in the same segment. */
  readonly turns: Turns
}

/** One segment on its way. */
export interface Replacement {
  readonly writer: Writer
  readonly rules: DoorRules
  readonly session: Session
  readonly chunk: Chunk
  /** What its body came to, once that is over; undefined where no digests are kept. */
  readonly sha256: () => string | undefined
}

/** `chunk.offset` is 0: a segment is sent from its first byte. The session's total is the whole content's, not the segment's. */
export async function replaceSegment(
  parts: ReplaceParts,
  replacement: Replacement,
): Promise<Tally> {
  const { blobs, observer, storage, turns } = parts
  const { session, chunk } = replacement
  const blob = storage.create()
  let isReferenced = false
  let isUnclear = false
  try {
    const extents = await store(parts, replacement, blob)
    // One after the other: two at once would take the lease from each other for ever.
    const tally = await turns.take(`${session.key}/${chunk.segment ?? 0}`, () =>
      swapIn(parts, replacement, extents),
    )
    isReferenced = extents.length > 0
    observer.acknowledged(replacement.rules.door, lengthOf(extents))
    return tally
  } catch (error) {
    isUnclear = !isRefusal(error)
    throw error
  } finally {
    if (!isReferenced && !isUnclear) await blobs.discard(blob)
  }
}

/**
 * A publication may come between the lease and the record. Whoever publishes is waited for: the session may be done then
 * (`session_ended`), or still be open, and this segment is the later one.
 */
async function swapIn(
  { catalog, clock, settings, writers }: ReplaceParts,
  { writer, rules, session, chunk, sha256 }: Replacement,
  extents: readonly Extent[],
): Promise<Tally> {
  const { key, createdAt } = session
  const segment = chunk.segment ?? 0
  const digest = sha256()
  for (;;) {
    try {
      const { epoch } = await catalog.lease(key, segment)
      const at = clock()
      const dueAt = dueAtOf(rules, settings, { createdAt, activeAt: at })
      return await catalog.advance({
        key,
        segment,
        epoch,
        extents,
        replaces: true,
        ...(digest !== undefined && { sha256: digest }),
        at,
        dueAt,
        completeDueAt: Math.min(dueAt, at + COMPLETE_IDLE_MS),
      })
    } catch (error) {
      if (codeOf(error) !== 'superseded') throw error
      if (writer.stopped !== undefined) throw new UploadError(writer.stopped)
      await writers.idle(key, PUBLISHING)
    }
  }
}

function codeOf(error: unknown): FailureCode | undefined {
  return error instanceof UploadError ? error.failure.code : undefined
}

async function store(
  parts: ReplaceParts,
  { writer, rules, session, chunk }: Replacement,
  blob: string,
): Promise<readonly Extent[]> {
  const { bodyIdleMs, maxObjectSize } = parts.settings
  const room = Math.min(session.total ?? maxObjectSize, maxObjectSize)
  const plan = admit(rules, { persisted: 0, total: undefined }, chunk, room)
  if (plan.kind === 'known') {
    await drainBody(chunk.body, bodyIdleMs)
    return []
  }
  const { receipt, failure } = await receive(parts, {
    rules,
    writer,
    plan,
    blob,
    start: 0,
    seed: 0,
    body: chunk.body,
    expected: chunk.length ?? chunk.body.length,
    checkpoint: undefined,
    md5: false,
    maxObjectSize: room,
  })
  if (failure !== undefined) throw new UploadError(failure)
  const { stored } = receipt
  return stored.length === 0 ? [] : [{ blob, start: 0, ...stored }]
}
