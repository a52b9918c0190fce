/**
 * A numbered segment of an any-order upload: written whole into a blob of its own, in parallel with all others, and
 * swapped in when it is there. The lease is taken last, so the later to finish is the one that stays.
 */

import { admit } from './admission.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { Chunk } from './chunk.ts'
import { lengthOf } from './content.ts'
import type { DoorRules } from './door-rules.ts'
import { drainBody } from './drain-body.ts'
import { isRefusal, UploadError } from './failure.ts'
import { interruptionOf } from './interruption.ts'
import type { Writer } from './leases.ts'
import { dueAtOf } from './lifetime.ts'
import type { EngineParts, Extent, Session } from './ports.ts'

export interface ReplaceParts extends EngineParts {
  readonly blobs: BlobWriter
}

/** `chunk.offset` is 0: a segment is sent from its first byte. The session's total is the whole content's, not the segment's. */
export async function replaceSegment(
  parts: ReplaceParts,
  writer: Writer,
  rules: DoorRules,
  session: Session,
  chunk: Chunk,
): Promise<void> {
  const { blobs, catalog, clock, observer, settings, storage } = parts
  const number = chunk.segment ?? 0
  const blob = storage.create()
  let isReferenced = false
  let isUnclear = false
  try {
    const extents = await receive(parts, writer, rules, session, chunk, blob)
    const { epoch } = await catalog.lease(session.key, number)
    const at = clock()
    await catalog.advance({
      key: session.key,
      segment: number,
      epoch,
      extents,
      replaces: true,
      at,
      dueAt: dueAtOf(rules, settings, { createdAt: session.createdAt, activeAt: at }),
    })
    isReferenced = extents.length > 0
    observer.acknowledged(rules.door, lengthOf(extents))
  } catch (error) {
    isUnclear = !isRefusal(error)
    throw error
  } finally {
    if (!isReferenced && !isUnclear) await blobs.discard(blob)
  }
}

async function receive(
  { blobs, settings }: ReplaceParts,
  writer: Writer,
  rules: DoorRules,
  session: Session,
  chunk: Chunk,
  blob: string,
): Promise<readonly Extent[]> {
  const { bodyIdleMs, maxObjectSize } = settings
  const room = Math.min(session.total ?? maxObjectSize, maxObjectSize)
  const plan = admit(rules, { persisted: 0, total: undefined }, chunk, room)
  if (plan.kind === 'known') {
    await drainBody(chunk.body, bodyIdleMs)
    return []
  }
  const receipt = await blobs.write(rules.door, {
    blob,
    start: 0,
    seed: 0,
    body: chunk.body,
    skip: 0,
    limit: plan.limit,
    granule: 1,
    idleMs: bodyIdleMs,
    checkpoint: undefined,
    md5: false,
    signal: writer.signal,
  })
  const failure = interruptionOf({
    receipt,
    plan,
    expected: chunk.length ?? chunk.body.length,
    stopped: writer.stopped,
    idleMs: bodyIdleMs,
    maxObjectSize: room,
  })
  if (failure !== undefined) throw new UploadError(failure)
  const { stored } = receipt
  return stored.length === 0 ? [] : [{ blob, start: 0, ...stored }]
}
