/**
 * The records of a catalog against each other: what the server takes for granted of them. Every statement reads, and what is wrong
 * is told one by one.
 */

import type { DatabaseSync } from 'node:sqlite'
import { Query } from '../catalog/sqlite/query.ts'
import type { BucketRow, SessionRow } from '../catalog/sqlite/rows.ts'
import { contentCrc32c } from '../engine/checksum.ts'
import { lengthOf } from '../engine/content.ts'
import { shortKey } from '../engine/session-key.ts'
import { parseObject } from './extent-list.ts'
import { type Content, Inventory } from './inventory.ts'

/** `kind` is for programs, `detail` for people. */
export interface Problem {
  readonly kind: string
  readonly detail: string
}

export type Report = (problem: Problem) => void

export interface Counts {
  objects: number
  objectBytes: number
  openSessions: number
  endedSessions: number
  /** Blobs that nothing refers to any more and that wait for the sweeper. */
  garbage: number
}

const ENDED: ReadonlySet<string> = new Set(['done', 'cancelled', 'expired', 'invalid'])

const STRAY_SEGMENTS = `
  SELECT session, number FROM segments LEFT JOIN sessions ON key = session WHERE state IS NOT 'open'`
const STRAY_DIGESTS = `
  SELECT session, count(*) AS digests FROM segment_digests
  WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE key = session) GROUP BY session`
const HOMELESS = `
  SELECT bucket, name FROM objects WHERE NOT EXISTS (SELECT 1 FROM buckets WHERE buckets.name = bucket)`
const MISCOUNTED = `
  SELECT door, max(counted) AS counted, max(actual) AS actual FROM (
    SELECT door, count AS counted, 0 AS actual FROM open_sessions
    UNION ALL SELECT door, 0, count(*) FROM sessions WHERE state = 'open' GROUP BY door)
  GROUP BY door HAVING max(counted) <> max(actual)`
const OTHER_SEGMENTS = `
  SELECT key, persisted, segments, bytes, pieces FROM (
    SELECT key, sessions.persisted, segments,
      coalesce(sum(s.persisted), 0) AS bytes, count(s.number) AS pieces
    FROM sessions LEFT JOIN segments AS s ON s.session = key
    WHERE state = 'open' GROUP BY key)
  WHERE persisted <> bytes OR segments <> pieces`
const GENERATION = `
  SELECT (SELECT generation FROM high_water) AS mark, (SELECT max(generation) FROM objects) AS highest`
const WRONG_COUNTS = `
  SELECT name, refs, actual FROM (
    SELECT name, refs, (SELECT count(*) FROM referrers WHERE blob = name) AS actual FROM blobs)
  WHERE refs <> actual`
const UNCOUNTED = `
  SELECT blob, count(*) AS actual FROM referrers
  WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE name = blob) GROUP BY blob`

/** Tells all that is wrong, and answers what the catalog refers to. Throws SQLite's error where it cannot be read at all. */
export function checkCatalog(
  database: DatabaseSync,
  report: Report,
): { readonly inventory: Inventory; readonly counts: Counts } {
  checkStructure(database, report)
  const counts = {
    objects: 0,
    objectBytes: 0,
    openSessions: 0,
    endedSessions: 0,
    garbage:
      new Query<{ n: number }>(database, 'SELECT count(*) AS n FROM blobs WHERE refs = 0').first()
        ?.n ?? 0,
  }
  checkSessions(database, counts, report)
  checkBuckets(database, report)
  checkMetadata(database, report)
  const inventory = new Inventory(database, content => checkContent(content, counts, report))
  checkReferences(database, report)
  return { inventory, counts }
}

function checkStructure(database: DatabaseSync, report: Report): void {
  const rows = new Query<{ integrity_check: string }>(database, 'PRAGMA integrity_check')
  for (const { integrity_check: detail } of rows.all()) {
    if (detail !== 'ok') report({ kind: 'catalog_corrupt', detail })
  }
}

function checkSessions(database: DatabaseSync, counts: Counts, report: Report): void {
  for (const row of new Query<SessionRow>(database, 'SELECT * FROM sessions').each()) {
    if (row.state === 'open') counts.openSessions += 1
    else counts.endedSessions += 1
    const detail = wrongWith(row)
    if (detail !== undefined) {
      report({ kind: 'session_malformed', detail: `session ${shortKey(row.key)}: ${detail}` })
    }
  }
  const strays = new Query<{ session: string; number: number }>(database, STRAY_SEGMENTS)
  for (const { session, number } of strays.each()) {
    const detail = `session ${shortKey(session)}, segment ${number}: the session is not open`
    report({ kind: 'segment_stray', detail })
  }
  const digests = new Query<{ session: string; digests: number }>(database, STRAY_DIGESTS)
  for (const row of digests.each()) {
    const detail = `session ${shortKey(row.session)}: it is gone, ${row.digests} digests of its segments are not`
    report({ kind: 'digest_stray', detail })
  }
  for (const row of new Query<OpenCount>(database, MISCOUNTED).each()) {
    const detail = `${row.door}: counted ${row.counted}, there are ${row.actual}`
    report({ kind: 'open_sessions_miscounted', detail })
  }
  for (const row of new Query<SegmentSums>(database, OTHER_SEGMENTS).each()) {
    const detail = `session ${shortKey(row.key)}: it has ${row.persisted} bytes in ${row.segments} segments, they have ${row.bytes} in ${row.pieces}`
    report({ kind: 'session_miscounted', detail })
  }
}

interface OpenCount {
  readonly door: string
  readonly counted: number
  readonly actual: number
}

interface SegmentSums {
  readonly key: string
  /** By the session's row. */
  readonly persisted: number
  readonly segments: number
  /** By those of its segments. */
  readonly bytes: number
  readonly pieces: number
}

/** An ended session must be able to say again how it ended (design P5). */
function wrongWith({ state, intent, outcome }: SessionRow): string | undefined {
  if (state !== 'open' && !ENDED.has(state)) return `no such state: ${state}`
  if (parseObject(intent) === undefined) return 'its intent cannot be read'
  const kind = parseObject(outcome)?.['kind']
  if (outcome !== null && kind !== 'published' && kind !== 'failed') {
    return 'its outcome cannot be read'
  }
  if (state === 'open' && outcome !== null) return 'it is open, and has an outcome'
  if (state === 'done' && kind !== 'published')
    return 'it is done, and has no object to answer with'
  return undefined
}

function checkBuckets(database: DatabaseSync, report: Report): void {
  for (const { name, settings } of new Query<BucketRow>(database, 'SELECT * FROM buckets').each()) {
    if (parseObject(settings) === undefined) {
      report({ kind: 'bucket_malformed', detail: `bucket ${name}: its settings cannot be read` })
    }
  }
  for (const { bucket, name } of new Query<ObjectName>(database, HOMELESS).each()) {
    report({ kind: 'bucket_missing', detail: `object ${bucket}/${name}: there is no such bucket` })
  }
}

interface ObjectName {
  readonly bucket: string
  readonly name: string
}

function checkMetadata(database: DatabaseSync, report: Report): void {
  const rows = new Query<ObjectName & { metadata: string }>(
    database,
    'SELECT bucket, name, metadata FROM objects',
  )
  for (const { bucket, name, metadata } of rows.each()) {
    if (parseObject(metadata) === undefined) {
      const detail = `object ${bucket}/${name}: its metadata cannot be read`
      report({ kind: 'object_malformed', detail })
    }
  }
  const { mark, highest } =
    new Query<{ mark: number | null; highest: number | null }>(database, GENERATION).first() ?? {}
  if (mark === null || mark === undefined || (highest ?? 0) > mark) {
    const detail = `generations up to ${highest} are given, the mark is ${mark}`
    report({ kind: 'generation_ahead', detail })
  }
}

function checkContent(content: Content, counts: Counts, report: Report): void {
  const { referrer, size, crc32c, list } = content
  if (crc32c !== null) {
    counts.objects += 1
    counts.objectBytes += size
  }
  if (list === undefined) {
    report({ kind: 'extents_malformed', detail: `${referrer}: its list of extents cannot be read` })
    return
  }
  const length = lengthOf(list)
  if (length !== size) {
    report({
      kind: 'size_mismatch',
      detail: `${referrer}: ${size} bytes, its extents have ${length}`,
    })
  }
  if (crc32c !== null && contentCrc32c(list) !== crc32c) {
    const detail = `${referrer}: its crc32c is not that of its extents together`
    report({ kind: 'crc32c_mismatch', detail })
  }
}

function checkReferences(database: DatabaseSync, report: Report): void {
  const wrong = new Query<{ name: string; refs: number; actual: number }>(database, WRONG_COUNTS)
  for (const { name, refs, actual } of wrong.each()) {
    const detail = `blob ${name}: counted ${refs} times, referred to ${actual} times`
    report({ kind: 'refs_miscounted', detail })
  }
  const uncounted = new Query<{ blob: string; actual: number }>(database, UNCOUNTED)
  for (const { blob, actual } of uncounted.each()) {
    report({
      kind: 'refs_miscounted',
      detail: `blob ${blob}: not counted, referred to ${actual} times`,
    })
  }
}
