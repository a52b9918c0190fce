/**
 * Changes to sessions and their segments, as they run inside the writer's transaction. Every one is guarded by the session's
 * state; the epoch in a segment's row is the last that wrote it, and an older one is turned away.
 */

import type { DatabaseSync } from 'node:sqlite'
import { lengthOf } from '../../engine/content.ts'
import { type Failure, UploadError } from '../../engine/failure.ts'
import type {
  Advance,
  Extent,
  Intent,
  NewSession,
  Outcome,
  Publication,
  Session,
  SessionState,
  StoredObject,
  Tally,
  Touch,
} from '../../engine/ports.ts'
import { Query } from './query.ts'
import type { References } from './references.ts'
import { decodeExtents, encodeExtents, type SegmentRow } from './rows.ts'

const INSERT = `
  INSERT INTO sessions (key, door, state, total, segment_count, created_at, active_at, due_at, intent, claim)
  VALUES (:key, :door, 'open', :total, :segmentCount, :at, :at, :dueAt, :intent, :claim)
  ON CONFLICT (key) DO UPDATE
  SET door = excluded.door, state = 'open', total = excluded.total, created_at = excluded.created_at,
    active_at = excluded.active_at, due_at = excluded.due_at, intent = excluded.intent,
    claim = excluded.claim, shown = NULL, outcome = NULL,
    persisted = 0, segments = 0, segment_count = excluded.segment_count
  WHERE :replacesEnded AND sessions.state <> 'open'`
const COUNT_OPEN = 'SELECT sum(count) AS count FROM open_sessions'
const TOUCH = `
  UPDATE sessions SET total = coalesce(total, :total), active_at = :at,
    persisted = persisted + :morePersisted, segments = segments + :moreSegments,
    due_at = CASE
      WHEN segments + :moreSegments = segment_count AND persisted + :morePersisted = coalesce(total, :total)
      THEN coalesce(:completeDueAt, :dueAt) ELSE :dueAt END
  WHERE key = :key AND state = 'open'
  RETURNING total, persisted, segments`
const CLAIMED = `SELECT key FROM sessions WHERE claim = :claim AND state = 'open'`
const SHOWN = `
  SELECT shown AS generation, active_at AS activeAt, intent FROM sessions
  WHERE key = :key AND shown IS NOT NULL`
const SHOW = 'UPDATE sessions SET shown = :generation WHERE key = :key'
const OPEN = `SELECT total FROM sessions WHERE key = :key AND state = 'open'`
const CLOSE = `
  UPDATE sessions SET state = :state, due_at = :dueAt, outcome = :outcome
  WHERE key = :key AND state = 'open'`
const FINISH = `
  UPDATE sessions SET state = 'done', total = :total, active_at = :at, due_at = :dueAt, outcome = :outcome
  WHERE key = :key`
const DUE = `
  SELECT key, door FROM sessions
  WHERE state = 'open' AND due_at <= :now
    AND (segments = segment_count AND persisted = total) IS NOT TRUE
  ORDER BY due_at`
const VANISHING = `
  SELECT key FROM sessions WHERE state <> 'open' AND due_at <= :now ORDER BY due_at LIMIT :limit`
const BURY = 'DELETE FROM sessions WHERE key = :key'

const SEGMENT = `
  SELECT number, epoch, persisted, extents FROM segments WHERE session = :key AND number = :number`
const SEGMENTS =
  'SELECT number, epoch, persisted, extents FROM segments WHERE session = :key ORDER BY number'
const WRITE_SEGMENT = `
  INSERT INTO segments (session, number, epoch, persisted, extents, chunks)
  VALUES (:key, :number, :epoch, :persisted, :extents, coalesce(:chunks, 0))
  ON CONFLICT (session, number) DO UPDATE
  SET epoch = excluded.epoch, persisted = excluded.persisted, extents = excluded.extents,
    chunks = coalesce(:chunks, chunks)`
const DROP_SEGMENTS = 'DELETE FROM segments WHERE session = :key'
const WRITE_DIGEST = `
  INSERT OR REPLACE INTO segment_digests (session, number, sha256) VALUES (:key, :number, :sha256)`
const DROP_DIGESTS = 'DELETE FROM segment_digests WHERE session = :key'

/** One step frees the segments of no more sessions once it has freed this many: others wait for its commit. */
const SEGMENTS_PER_STEP = 10_000

type Due = Pick<Session, 'key' | 'door'>

const NOTHING_MORE: Tally = { persisted: 0, segments: 0 }

/** What a step says of its session. */
type Movement = Pick<Advance, 'key' | 'at' | 'dueAt' | 'completeDueAt'> & {
  readonly total?: number | undefined
}

interface ShownObject {
  readonly bucket: string
  readonly name: string
  readonly generation: number
  readonly activeAt: number
}

export class Sessions {
  readonly #references: References
  readonly #insert: Query<never>
  readonly #countOpen: Query<{ count: number }>
  readonly #touch: Query<{ total: number | null } & Tally>
  readonly #claimed: Query<{ key: string }>
  readonly #shown: Query<{ generation: number; activeAt: number; intent: string }>
  readonly #show: Query<never>
  readonly #open: Query<{ total: number | null }>
  readonly #close: Query<never>
  readonly #finish: Query<never>
  readonly #due: Query<Due>
  readonly #vanishing: Query<{ key: string }>
  readonly #bury: Query<never>
  readonly #segment: Query<SegmentRow>
  readonly #segments: Query<SegmentRow>
  readonly #writeSegment: Query<never>
  readonly #dropSegments: Query<never>
  readonly #writeDigest: Query<never>
  readonly #dropDigests: Query<never>

  constructor(database: DatabaseSync, references: References) {
    this.#references = references
    this.#insert = new Query(database, INSERT)
    this.#countOpen = new Query(database, COUNT_OPEN)
    this.#touch = new Query(database, TOUCH)
    this.#claimed = new Query(database, CLAIMED)
    this.#shown = new Query(database, SHOWN)
    this.#show = new Query(database, SHOW)
    this.#open = new Query(database, OPEN)
    this.#close = new Query(database, CLOSE)
    this.#finish = new Query(database, FINISH)
    this.#due = new Query(database, DUE)
    this.#vanishing = new Query(database, VANISHING)
    this.#bury = new Query(database, BURY)
    this.#segment = new Query(database, SEGMENT)
    this.#segments = new Query(database, SEGMENTS)
    this.#writeSegment = new Query(database, WRITE_SEGMENT)
    this.#dropSegments = new Query(database, DROP_SEGMENTS)
    this.#writeDigest = new Query(database, WRITE_DIGEST)
    this.#dropDigests = new Query(database, DROP_DIGESTS)
  }

  create(session: NewSession): Session {
    const { key, door, intent, claims = false, at, dueAt, replacesEnded = false, limit } = session
    const { total = null, segmentCount = null } = intent
    // A bucket's name has no slash in it.
    const claim = claims && intent.name !== undefined ? `${intent.bucket}/${intent.name}` : null
    if (claim !== null && this.#claimed.first({ claim }) !== undefined) {
      throw new UploadError({ code: 'precondition_failed', condition: 'claim' })
    }
    const values = {
      key,
      door,
      total,
      segmentCount,
      at,
      dueAt,
      intent: JSON.stringify(intent),
      claim,
      replacesEnded: replacesEnded ? 1 : 0,
    }
    if (replacesEnded) this.#dropDigests.run({ key })
    if (this.#insert.run(values) === 0) throw new UploadError({ code: 'session_exists' })
    // This one is among them, and goes again where it is one too many.
    if (limit !== undefined && (this.#countOpen.first()?.count ?? 0) > limit) {
      throw new UploadError({ code: 'too_many_sessions', limit })
    }
    return {
      key,
      door,
      state: 'open',
      intent,
      ...(total !== null && { total }),
      persisted: 0,
      segments: 0,
      createdAt: at,
      activeAt: at,
      dueAt,
    }
  }

  /** A sign of life. */
  touch({ key, total, at, dueAt }: Omit<Touch, 'withdraws'>): void {
    this.#move({ key, total, at, dueAt }, NOTHING_MORE)
  }

  /** The object that shows the session's content. */
  shown(key: string): ShownObject | undefined {
    const row = this.#shown.first({ key })
    if (row === undefined) return undefined
    const { generation, activeAt } = row
    const { bucket, name = '' } = JSON.parse(row.intent) as Intent
    return { bucket, name, generation, activeAt }
  }

  show(key: string, generation: number | null): void {
    this.#show.run({ key, generation })
  }

  advance(step: Advance): Tally {
    const { key, segment: number, epoch, extents } = step
    const before = this.#segment.first({ key, number })
    const persisted = lengthOf(extents)
    const tally = this.#move(step, {
      persisted: persisted - (before?.persisted ?? 0),
      segments: before === undefined ? 1 : 0,
    })
    if (before !== undefined) {
      if (before.epoch > epoch) throw new UploadError({ code: 'superseded' })
      if (before.persisted > persisted && !step.replaces) {
        throw new Error(`segment ${number} would shrink from ${before.persisted} to ${persisted}`)
      }
    }
    const from = before === undefined ? [] : [decodeExtents(before.extents)]
    this.#references.move({ from, to: [extents] })
    this.#writeSegment.run({
      key,
      number,
      epoch,
      persisted,
      extents: encodeExtents(extents),
      chunks: step.chunks ?? null,
    })
    if (step.sha256 !== undefined) this.#writeDigest.run({ key, number, sha256: step.sha256 })
    return tally
  }

  /** Ends an open session; false when it was not open any more. */
  end(
    key: string,
    state: Exclude<SessionState, 'open' | 'done'>,
    dueAt: number,
    failure?: Failure,
  ): boolean {
    const outcome = failure === undefined ? null : outcomeJson({ kind: 'failed', failure })
    if (this.#close.run({ key, state, dueAt, outcome }) === 0) return false
    this.#references.move({ from: this.#takeSegments(key).map(extentsOf), to: [] })
    return true
  }

  expire(
    now: number,
    tombstoneDueAt: number,
    limit: number,
    busy: ReadonlySet<string>,
  ): readonly Due[] {
    const expired: Due[] = []
    let segments = 0
    for (const due of this.#dueSessions(now, limit, busy)) {
      if (segments >= SEGMENTS_PER_STEP) break
      const { key } = due
      this.#close.run({ key, state: 'expired', dueAt: tombstoneDueAt, outcome: null })
      const from = this.#takeSegments(key).map(extentsOf)
      this.#references.move({ from, to: [] })
      segments += from.length
      expired.push(due)
    }
    return expired
  }

  /** Removes tombstones and what they remember; answers how many rows went. */
  bury(now: number, limit: number): number {
    let rows = 0
    for (const { key } of this.#vanishing.all({ now, limit })) {
      rows += this.#dropDigests.run({ key }) + this.#bury.run({ key })
      if (rows >= SEGMENTS_PER_STEP) break
    }
    return rows
  }

  /**
   * The promised content of a session that is about to be published: it must be open, its epochs not overtaken, and nothing
   * that was promised may be missing from what is published.
   */
  readForPublication({ session, size }: Publication): ReadonlyArray<readonly Extent[]> {
    if (session === undefined) return []
    const open = this.#open.first({ key: session.key })
    if (open === undefined) throw new UploadError({ code: 'session_ended' })
    refuseOtherTotal(open.total, size)

    const epochs = new Map(session.segments.map(({ number, epoch }) => [number, epoch]))
    const rows = this.#segments.all({ key: session.key })
    let promised = 0
    for (const { number, epoch, persisted } of rows) {
      const readUnder = epochs.get(number)
      if (readUnder === undefined) continue
      if (epoch > readUnder) throw new UploadError({ code: 'superseded' })
      promised += persisted
    }
    if (promised > size) throw new UploadError({ code: 'superseded' })
    return rows.map(extentsOf)
  }

  /** The object stands: the session is done and repeats it from now on. Its blobs are the object's now. */
  finish(
    { key, dueAt, doorData }: NonNullable<Publication['session']>,
    object: StoredObject,
    at: number,
  ): void {
    const data = doorData === undefined ? {} : { doorData }
    const outcome = outcomeJson({ kind: 'published', object, ...data })
    this.#finish.run({ key, total: object.size, at, dueAt, outcome })
    this.#dropSegments.run({ key })
  }

  /** Guards by the state, and counts what the session has `more`. */
  #move(step: Movement, more: Tally): Tally {
    const { key, total, at, dueAt, completeDueAt } = step
    const session = this.#touch.first({
      key,
      total: total ?? null,
      at,
      dueAt,
      completeDueAt: completeDueAt ?? null,
      morePersisted: more.persisted,
      moreSegments: more.segments,
    })
    if (session === undefined) throw new UploadError({ code: 'session_ended' })
    if (total !== undefined) refuseOtherTotal(session.total, total)
    return { persisted: session.persisted, segments: session.segments }
  }

  #takeSegments(key: string): SegmentRow[] {
    const rows = this.#segments.all({ key })
    if (rows.length > 0) {
      this.#dropSegments.run({ key })
      this.#dropDigests.run({ key })
    }
    return rows
  }

  #dueSessions(now: number, limit: number, busy: ReadonlySet<string>): Due[] {
    const found: Due[] = []
    if (limit < 1) return found
    for (const { key, door } of this.#due.each({ now })) {
      if (busy.has(key)) continue
      found.push({ key, door })
      if (found.length === limit) break
    }
    return found
  }
}

/** Two chunks of different segments can be checked at the same time; what they fix is fixed here. */
function refuseOtherTotal(total: number | null, declared: number): void {
  if (total !== null && total !== declared) {
    throw new UploadError({ code: 'total_mismatch', declared, total })
  }
}

function extentsOf(row: SegmentRow): Extent[] {
  return decodeExtents(row.extents)
}

function outcomeJson(outcome: Outcome): string {
  return JSON.stringify(outcome)
}
