/**
 * Between rows and records. Extents are stored as JSON arrays `[blob, start, length, crc32c]`, half as long as objects with
 * their names: content of ten thousand extents is one value.
 */

import type {
  Bucket,
  DoorName,
  Extent,
  Intent,
  Metadata,
  Outcome,
  Session,
  SessionState,
  StoredObject,
} from '../../engine/ports.ts'

export interface SessionRow {
  readonly key: string
  readonly door: DoorName
  readonly state: SessionState
  readonly total: number | null
  readonly persisted: number
  readonly segments: number
  readonly created_at: number
  readonly active_at: number
  readonly due_at: number
  readonly intent: string
  readonly outcome: string | null
  readonly shown: number | null
}

export interface SegmentRow {
  readonly number: number
  readonly epoch: number
  readonly persisted: number
  readonly extents: string
  readonly chunks: number
}

export interface ObjectRow {
  readonly bucket: string
  readonly name: string
  readonly generation: number
  readonly metageneration: number
  readonly size: number
  readonly crc32c: number
  readonly md5: string | null
  readonly component_count: number | null
  readonly created_at: number
  readonly updated_at: number
  readonly metadata: string
}

export interface BucketRow {
  readonly name: string
  readonly created_at: number
  readonly updated_at: number
  readonly metageneration: number
  readonly settings: string
}

/** All of an object but its extents. */
export const OBJECT_COLUMNS = `bucket, name, generation, metageneration, size, crc32c, md5, component_count,
  created_at, updated_at, metadata`

export function sessionOf(row: SessionRow): Session {
  return {
    key: row.key,
    door: row.door,
    state: row.state,
    intent: JSON.parse(row.intent) as Intent,
    ...(row.total !== null && { total: row.total }),
    persisted: row.persisted,
    segments: row.segments,
    createdAt: row.created_at,
    activeAt: row.active_at,
    dueAt: row.due_at,
    ...(row.shown !== null && { shown: row.shown }),
    ...(row.outcome !== null && { outcome: JSON.parse(row.outcome) as Outcome }),
  }
}

export function objectOf(row: ObjectRow): StoredObject {
  return {
    bucket: row.bucket,
    name: row.name,
    generation: row.generation,
    metageneration: row.metageneration,
    size: row.size,
    crc32c: row.crc32c,
    ...(row.md5 !== null && { md5: row.md5 }),
    ...(row.component_count !== null && { componentCount: row.component_count }),
    metadata: JSON.parse(row.metadata) as Metadata,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

export function bucketOf(row: BucketRow): Bucket {
  return {
    name: row.name,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    metageneration: row.metageneration,
    settings: JSON.parse(row.settings) as Bucket['settings'],
  }
}

type ExtentTuple = [blob: string, start: number, length: number, crc32c: number]

export function encodeExtents(extents: readonly Extent[]): string {
  return JSON.stringify(
    extents.map(({ blob, start, length, crc32c }): ExtentTuple => [blob, start, length, crc32c]),
  )
}

export function decodeExtents(json: string): Extent[] {
  return (JSON.parse(json) as ExtentTuple[]).map(([blob, start, length, crc32c]) => ({
    blob,
    start,
    length,
    crc32c,
  }))
}
