/**
 * Changes to objects and buckets, as they run inside the writer's transaction. Publishing is the heart of the server: all its
 * checks come first, and whatever one of them refuses leaves no trace (design P4).
 */

import type { DatabaseSync } from 'node:sqlite'
import { UploadError } from '../../engine/failure.ts'
import type { Bucket, Preconditions, Publication, StoredObject } from '../../engine/ports.ts'
import { checkPreconditions } from '../../engine/preconditions.ts'
import { Query } from './query.ts'
import type { References } from './references.ts'
import { decodeExtents, encodeExtents } from './rows.ts'
import type { Sessions } from './sessions.ts'

const BUCKET = 'SELECT 1 FROM buckets WHERE name = :bucket'
const INSERT_BUCKET = `
  INSERT INTO buckets (name, created_at, updated_at, metageneration) VALUES (:name, :at, :at, 1)
  ON CONFLICT (name) DO NOTHING`
const DELETE_BUCKET = 'DELETE FROM buckets WHERE name = :name'
const ANY_OBJECT = 'SELECT 1 FROM objects WHERE bucket = :name LIMIT 1'

const LIVE = `
  SELECT generation, metageneration, extents FROM objects WHERE bucket = :bucket AND name = :name`
const WRITE = `
  INSERT OR REPLACE INTO objects (bucket, name, generation, metageneration, size, crc32c, md5,
    component_count, created_at, updated_at, metadata, extents)
  VALUES (:bucket, :name, :generation, 1, :size, :crc32c, :md5,
    :componentCount, :at, :at, :metadata, :extents)`
const DELETE = 'DELETE FROM objects WHERE bucket = :bucket AND name = :name'

// Microseconds; ahead of the last one even where the clock stands still or goes back.
const NEXT_GENERATION = `
  UPDATE high_water SET generation = max(generation + 1, CAST(:at AS INTEGER) * 1000)
  RETURNING generation`
// SQLite writes nothing where nothing changes: a check that should reach the disk uses up a generation.
const SKIP_GENERATION = 'UPDATE high_water SET generation = generation + 1'

const EVENT = `
  INSERT INTO events (at, kind, bucket, name, generation, session)
  VALUES (:at, :kind, :bucket, :name, :generation, :session)`
const PURGE_EVENTS = `
  DELETE FROM events WHERE id IN (
    SELECT id FROM events WHERE at < :before ORDER BY at LIMIT :limit)`

interface LiveRow {
  readonly generation: number
  readonly metageneration: number
  readonly extents: string
}

export class Objects {
  readonly #references: References
  readonly #sessions: Sessions
  readonly #bucket: Query<unknown>
  readonly #insertBucket: Query<never>
  readonly #deleteBucket: Query<never>
  readonly #anyObject: Query<unknown>
  readonly #live: Query<LiveRow>
  readonly #write: Query<never>
  readonly #delete: Query<never>
  readonly #nextGeneration: Query<{ generation: number }>
  readonly #skipGeneration: Query<never>
  readonly #event: Query<never>
  readonly #purgeEvents: Query<never>

  constructor(database: DatabaseSync, references: References, sessions: Sessions) {
    this.#references = references
    this.#sessions = sessions
    this.#bucket = new Query(database, BUCKET)
    this.#insertBucket = new Query(database, INSERT_BUCKET)
    this.#deleteBucket = new Query(database, DELETE_BUCKET)
    this.#anyObject = new Query(database, ANY_OBJECT)
    this.#live = new Query(database, LIVE)
    this.#write = new Query(database, WRITE)
    this.#delete = new Query(database, DELETE)
    this.#nextGeneration = new Query(database, NEXT_GENERATION)
    this.#skipGeneration = new Query(database, SKIP_GENERATION)
    this.#event = new Query(database, EVENT)
    this.#purgeEvents = new Query(database, PURGE_EVENTS)
  }

  publish(publication: Publication): StoredObject {
    const { bucket, name, at, extents, session } = publication
    // The session first: a repeated final request must learn that it is done, not that its own object is in the way.
    const promised = this.#sessions.readForPublication(publication)
    this.demandBucket(bucket)
    const live = this.#live.first({ bucket, name })
    checkPreconditions(publication.preconditions, live)

    const object = objectFrom(publication, this.#takeGeneration(at))
    const { generation, size, crc32c, md5 = null, componentCount = null } = object
    const replaced = live === undefined ? [] : [decodeExtents(live.extents)]
    this.#references.move({ from: [...promised, ...replaced], to: [extents] })
    const metadata = JSON.stringify(object.metadata)
    this.#write.run({
      bucket,
      name,
      generation,
      size,
      crc32c,
      md5,
      componentCount,
      at,
      metadata,
      extents: encodeExtents(extents),
    })
    if (session !== undefined) this.#sessions.finish(session.key, object, at, session.dueAt)
    const key = session?.key ?? null
    this.#event.run({ at, kind: 'published', bucket, name, generation, session: key })
    return object
  }

  deleteObject(
    bucket: string,
    name: string,
    preconditions: Preconditions,
    generation: number | undefined,
    at: number,
  ): void {
    const live = this.#live.first({ bucket, name })
    if (live === undefined || (generation !== undefined && generation !== live.generation)) {
      throw new UploadError({ code: 'object_not_found', bucket, name })
    }
    checkPreconditions(preconditions, live)
    this.#delete.run({ bucket, name })
    this.#references.move({ from: [decodeExtents(live.extents)], to: [] })
    const event = { at, kind: 'deleted', bucket, name, generation: live.generation, session: null }
    this.#event.run(event)
  }

  createBucket(name: string, at: number): Bucket {
    if (this.#insertBucket.run({ name, at }) === 0) {
      throw new UploadError({ code: 'bucket_exists', bucket: name })
    }
    return { name, createdAt: at, updatedAt: at, metageneration: 1 }
  }

  deleteBucket(name: string): void {
    this.demandBucket(name)
    if (this.#anyObject.first({ name }) !== undefined) {
      throw new UploadError({ code: 'bucket_not_empty', bucket: name })
    }
    this.#deleteBucket.run({ name })
  }

  demandBucket(bucket: string): void {
    if (this.#bucket.first({ bucket }) === undefined) {
      throw new UploadError({ code: 'bucket_not_found', bucket })
    }
  }

  /** Removes old event rows; answers how many. */
  purgeEvents(before: number, limit: number): number {
    return this.#purgeEvents.run({ before, limit })
  }

  /** A write that nobody notices, but that is committed like any other. */
  touch(): void {
    this.#skipGeneration.run()
  }

  #takeGeneration(at: number): number {
    const row = this.#nextGeneration.first({ at })
    if (row === undefined) throw new Error('the high-water mark of generations is gone')
    return row.generation
  }
}

function objectFrom(publication: Publication, generation: number): StoredObject {
  const { bucket, name, size, crc32c, md5, componentCount, metadata, at } = publication
  return {
    bucket,
    name,
    generation,
    metageneration: 1,
    size,
    crc32c,
    ...(md5 !== undefined && { md5 }),
    ...(componentCount !== undefined && { componentCount }),
    metadata,
    createdAt: at,
    updatedAt: at,
  }
}
