/**
 * What a chunk may do, decided from its headers alone. Pure, and asked twice: once before anything else, so that a wrong
 * retry costs nobody anything, and once more under the lease, where the answer counts (design P3).
 */

import type { Chunk } from './chunk.ts'
import type { DoorRules } from './door-rules.ts'
import { UploadError } from './failure.ts'

/** Where the segment stands. */
export interface Standing {
  readonly persisted: number
  readonly total: number | undefined
  /** How many numbered chunks it has taken. */
  readonly chunks?: number | undefined
}

export type Admission =
  /** Every byte of it is known already. */
  | { readonly kind: 'known'; readonly isFinal: boolean; readonly total: number | undefined }
  | WritePlan

export interface WritePlan {
  readonly kind: 'write'
  /** Where in the segment the stored bytes go: at its end, but for a splice or a replacement. */
  readonly position: number
  /** Leading body bytes that are known already. */
  readonly skip: number
  /** Most bytes to store. */
  readonly limit: number
  /** The total with this chunk's word for it. */
  readonly total: number | undefined
  /** What is kept is a multiple of this many bytes, unless the chunk is the final one. */
  readonly granule: number
  /** Nothing of it counts until all of it is there. */
  readonly revocable: boolean
}

export function admit(
  rules: DoorRules,
  standing: Standing,
  chunk: Chunk,
  maxObjectSize: number,
): Admission {
  const { persisted } = standing
  refuseOutOfOrder(standing, chunk)
  const offset = chunk.offset === 'end' ? persisted : chunk.offset
  const length = chunk.length ?? chunk.body.length
  const end = length === undefined ? undefined : offset + length
  // Where the content would end: new bytes in the middle of it leave its tail in place.
  const reach = end !== undefined && rules.resent === 'splice' ? Math.max(persisted, end) : end
  if ((chunk.basis ?? persisted) !== persisted) throw new UploadError({ code: 'segment_busy' })
  const total = fixedTotal(standing, chunk, reach)

  if (chunk.last && reach !== undefined && total !== undefined && reach !== total) {
    throw new UploadError({ code: 'total_mismatch', declared: reach, total })
  }
  if (total !== undefined) {
    const reached = Math.max(persisted, end ?? 0)
    if (reached > total) throw new UploadError({ code: 'past_total', end: reached, total })
  }
  if (offset > persisted) throw new UploadError({ code: 'offset_gap', offset, persisted })
  if (Math.max(total ?? 0, end ?? 0) > maxObjectSize) {
    throw new UploadError({ code: 'too_large', limit: maxObjectSize })
  }
  if (offset < persisted && rules.resent === 'refuse') {
    throw new UploadError({ code: 'offset_behind', offset, persisted })
  }
  refuseOtherLength(chunk, offset)

  const isFinal = reach !== undefined && reach === total
  const isKnown = end !== undefined && (rules.resent === 'skip' ? end <= persisted : length === 0)
  if (isKnown) {
    // What was said first stays, too, where the first bytes do.
    return { kind: 'known', isFinal, total: rules.resent === 'skip' ? standing.total : total }
  }

  const granule = granuleOf(rules, total)
  if (length !== undefined && !isFinal) refuseSmall(granule, length)

  const skip = rules.resent === 'skip' ? persisted - offset : 0
  const position = offset + skip
  return {
    kind: 'write',
    position,
    skip,
    limit: (end ?? total ?? maxObjectSize) - position,
    total,
    granule,
    revocable:
      chunk.whole === true ||
      rules.cutBody === 'drop' ||
      position < persisted ||
      // A range declared without a Content-Length is believed only when the body ends where it says (design P7).
      (chunk.length !== undefined && chunk.body.length === undefined),
  }
}

/** A chunk that is not the last and smaller than the granule ends the session (GCS-27). */
export function refuseSmall(granule: number, received: number): void {
  if (granule > 1 && received < granule)
    throw new UploadError({ code: 'chunk_too_small', granule, received })
}

/** The total, where the session or this chunk knows it; they must agree (GCS-33). */
function fixedTotal(
  { total }: Standing,
  chunk: Chunk,
  reach: number | undefined,
): number | undefined {
  const declared = chunk.total ?? (chunk.last ? reach : undefined)
  if (total !== undefined && declared !== undefined && declared !== total) {
    throw new UploadError({ code: 'total_mismatch', declared, total })
  }
  return total ?? declared
}

function refuseOutOfOrder({ chunks = 0 }: Standing, { ordinal }: Chunk): void {
  const expected = chunks + 1
  if (ordinal !== undefined && ordinal !== expected) {
    throw new UploadError({ code: 'chunk_out_of_order', expected, received: ordinal })
  }
}

function refuseOtherLength(chunk: Chunk, offset: number): void {
  const { length: expected, body } = chunk
  if (expected !== undefined && body.length !== undefined && expected !== body.length) {
    throw new UploadError({ code: 'length_mismatch', offset, expected, received: body.length })
  }
}

/** Design §4: a session whose whole total is below the granule has no chunk restriction. */
function granuleOf(rules: DoorRules, total: number | undefined): number {
  return total !== undefined && total < rules.granule ? 1 : rules.granule
}
