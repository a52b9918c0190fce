/**
 * Everything that is only asked, on the main thread: a read is an index seek of some microseconds, less than it would cost to
 * send it to another thread. Each sees the last commit that was answered, and holds back no checkpoint.
 */

import type { DatabaseSync } from 'node:sqlite'
import type {
  Bucket,
  Census,
  Extent,
  ObjectQuery,
  Segment,
  Session,
  SessionState,
  StoredObject,
} from '../../engine/ports.ts'
import { nameRange } from './name-range.ts'
import { Query } from './query.ts'
import {
  type BucketRow,
  bucketOf,
  decodeExtents,
  OBJECT_COLUMNS,
  type ObjectRow,
  objectOf,
  type SegmentRow,
  type SessionRow,
  sessionOf,
} from './rows.ts'
import { SECRET } from './secrets.ts'

const SESSION = 'SELECT * FROM sessions WHERE key = :key'
const STATE = 'SELECT state FROM sessions WHERE key = :key'
const SEGMENT =
  'SELECT number, epoch, extents, chunks FROM segments WHERE session = :key AND number = :number'
const SEGMENTS =
  'SELECT number, epoch, extents, chunks FROM segments WHERE session = :key ORDER BY number'
const CENSUS = `
  SELECT door, count AS sessions,
    (SELECT min(created_at) FROM sessions WHERE state = 'open' AND door = open.door) AS oldestAt
  FROM open_sessions AS open WHERE count > 0`
const SEGMENT_NUMBERS = 'SELECT number FROM segments WHERE session = :key ORDER BY number'
const SEGMENT_DIGEST =
  'SELECT sha256 FROM segment_digests WHERE session = :key AND number = :number'
const COMPLETE = `
  SELECT * FROM sessions
  WHERE state = 'open' AND segments = segment_count AND persisted = total
    AND key > :after AND due_at <= :now
  ORDER BY key LIMIT :limit`
const GARBAGE = 'SELECT name FROM blobs WHERE refs = 0 AND name > :after ORDER BY name LIMIT :limit'
const UNKNOWN = `
  SELECT value AS name FROM json_each(:blobs)
  WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE name = value)`
const BUCKET = 'SELECT * FROM buckets WHERE name = :name'
const BUCKETS =
  'SELECT * FROM buckets WHERE name >= :from AND name < :end ORDER BY name LIMIT :limit'
const OBJECT = `SELECT ${OBJECT_COLUMNS} FROM objects WHERE bucket = :bucket AND name = :name`
const CONTENT = `SELECT ${OBJECT_COLUMNS}, extents FROM objects WHERE bucket = :bucket AND name = :name`
/** One range of one index, whatever the prefix and wherever the page begins and ends. */
export const OBJECTS = `
  SELECT ${OBJECT_COLUMNS} FROM objects
  WHERE bucket = :bucket AND name >= :from AND name < :end
  ORDER BY name LIMIT :limit`

type SegmentHead = Omit<SegmentRow, 'persisted'>

export class Reader {
  readonly #database: DatabaseSync
  readonly #session: Query<SessionRow>
  readonly #state: Query<{ state: SessionState }>
  readonly #segment: Query<SegmentHead>
  readonly #segments: Query<SegmentHead>
  readonly #census: Query<Census>
  readonly #segmentNumbers: Query<{ number: number }>
  readonly #segmentDigest: Query<{ sha256: string }>
  readonly #complete: Query<SessionRow>
  readonly #garbage: Query<{ name: string }>
  readonly #unknown: Query<{ name: string }>
  readonly #bucket: Query<BucketRow>
  readonly #buckets: Query<BucketRow>
  readonly #object: Query<ObjectRow>
  readonly #content: Query<ObjectRow & { readonly extents: string }>
  readonly #objects: Query<ObjectRow>

  readonly #secret: Query<{ bytes: Uint8Array }>

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#session = new Query(database, SESSION)
    this.#state = new Query(database, STATE)
    this.#segment = new Query(database, SEGMENT)
    this.#segments = new Query(database, SEGMENTS)
    this.#census = new Query(database, CENSUS)
    this.#segmentNumbers = new Query(database, SEGMENT_NUMBERS)
    this.#segmentDigest = new Query(database, SEGMENT_DIGEST)
    this.#complete = new Query(database, COMPLETE)
    this.#garbage = new Query(database, GARBAGE)
    this.#unknown = new Query(database, UNKNOWN)
    this.#bucket = new Query(database, BUCKET)
    this.#buckets = new Query(database, BUCKETS)
    this.#object = new Query(database, OBJECT)
    this.#content = new Query(database, CONTENT)
    this.#objects = new Query(database, OBJECTS)
    this.#secret = new Query(database, SECRET)
  }

  session(key: string): Session | undefined {
    const row = this.#session.first({ key })
    return row && sessionOf(row)
  }

  isOpen(key: string): boolean {
    return this.#state.first({ key })?.state === 'open'
  }

  /** As its last writer left it: `epoch` is the one it was written under. */
  segment(key: string, number: number): Segment {
    const row = this.#segment.first({ key, number })
    return row === undefined ? { number, epoch: 0, extents: [] } : segmentOf(row)
  }

  segments(key: string): Segment[] {
    return this.#segments.all({ key }).map(segmentOf)
  }

  census(): Census[] {
    return this.#census.all().map(({ door, sessions, oldestAt }) => ({ door, sessions, oldestAt }))
  }

  segmentNumbers(key: string): number[] {
    return this.#segmentNumbers.all({ key }).map(({ number }) => number)
  }

  segmentDigest(key: string, number: number): string | undefined {
    return this.#segmentDigest.first({ key, number })?.sha256
  }

  complete(now: number, limit: number, after: string): Session[] {
    return this.#complete.all({ now, limit, after }).map(sessionOf)
  }

  garbage(limit: number, after: string): string[] {
    return this.#garbage.all({ limit, after }).map(({ name }) => name)
  }

  unknown(blobs: readonly string[]): string[] {
    return this.#unknown.all({ blobs: JSON.stringify(blobs) }).map(({ name }) => name)
  }

  bucket(name: string): Bucket | undefined {
    const row = this.#bucket.first({ name })
    return row && bucketOf(row)
  }

  buckets(query: { prefix: string; after?: string; limit: number }): Bucket[] {
    return this.#buckets.all({ ...nameRange(query), limit: query.limit }).map(bucketOf)
  }

  object(bucket: string, name: string): StoredObject | undefined {
    const row = this.#object.first({ bucket, name })
    return row && objectOf(row)
  }

  content(
    bucket: string,
    name: string,
  ): { readonly object: StoredObject; readonly extents: readonly Extent[] } | undefined {
    const row = this.#content.first({ bucket, name })
    return row && { object: objectOf(row), extents: decodeExtents(row.extents) }
  }

  objects(query: ObjectQuery): StoredObject[] {
    const { bucket, limit } = query
    return this.#objects.all({ bucket, ...nameRange(query), limit }).map(objectOf)
  }

  secret(name: string): Uint8Array | undefined {
    return this.#secret.first({ name })?.bytes
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

function segmentOf({ number, epoch, extents, chunks }: SegmentHead): Segment {
  return { number, epoch, extents: decodeExtents(extents), ...(chunks > 0 && { chunks }) }
}
