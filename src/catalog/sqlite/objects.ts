/**
 * Changes to objects, as they run inside the writer's transaction. Publishing is the heart of the server: all its checks come
 * first, and whatever one of them refuses leaves no trace (design P4).
 */

import type { DatabaseSync } from 'node:sqlite'
import { UploadError } from '../../engine/failure.ts'
import type {
  Advance,
  Extent,
  Metadata,
  Preconditions,
  Publication,
  Shown,
  Source,
  StoredObject,
} from '../../engine/ports.ts'
import { checkPreconditions } from '../../engine/preconditions.ts'
import type { Buckets } from './buckets.ts'
import type { Events } from './events.ts'
import { Query } from './query.ts'
import type { References } from './references.ts'
import { decodeExtents, encodeExtents, OBJECT_COLUMNS, type ObjectRow, objectOf } from './rows.ts'
import type { Sessions } from './sessions.ts'

const VERSION =
  'SELECT generation, metageneration FROM objects WHERE bucket = :bucket AND name = :name'
const LIVE = `
  SELECT generation, metageneration, extents FROM objects WHERE bucket = :bucket AND name = :name`
const WRITE = `
  INSERT OR REPLACE INTO objects (bucket, name, generation, metageneration, size, crc32c, md5,
    component_count, created_at, updated_at, metadata, extents)
  VALUES (:bucket, :name, :generation, 1, :size, :crc32c, :md5,
    :componentCount, :at, :at, :metadata, :extents)`
const UPDATE = `
  UPDATE objects SET metadata = :metadata, metageneration = metageneration + 1, updated_at = :at
  WHERE bucket = :bucket AND name = :name
    AND generation = :generation AND metageneration = :metageneration
  RETURNING ${OBJECT_COLUMNS}`
const DELETE = 'DELETE FROM objects WHERE bucket = :bucket AND name = :name'

// Microseconds; ahead of the last one even where the clock stands still or goes back.
const NEXT_GENERATION = `
  UPDATE high_water SET generation = max(generation + 1, CAST(:at AS INTEGER) * 1000)
  RETURNING generation`
// SQLite writes nothing where nothing changes: a check that should reach the disk uses up a generation.
const SKIP_GENERATION = 'UPDATE high_water SET generation = generation + 1'

const NO_EXTENTS = encodeExtents([])

type ObjectName = Pick<StoredObject, 'bucket' | 'name'>
type Version = Pick<StoredObject, 'generation' | 'metageneration'>
type Live = Version & { readonly extents: string }

/** The version that a change of metadata was made from. */
export type ObjectBasis = ObjectName & Version

export interface ObjectsParts {
  readonly references: References
  readonly sessions: Sessions
  readonly buckets: Buckets
  readonly events: Events
}

export class Objects {
  readonly #parts: ObjectsParts
  readonly #version: Query<Version>
  readonly #live: Query<Live>
  readonly #write: Query<never>
  readonly #update: Query<ObjectRow>
  readonly #delete: Query<never>
  readonly #nextGeneration: Query<{ generation: number }>
  readonly #skipGeneration: Query<never>

  constructor(database: DatabaseSync, parts: ObjectsParts) {
    this.#parts = parts
    this.#version = new Query(database, VERSION)
    this.#live = new Query(database, LIVE)
    this.#write = new Query(database, WRITE)
    this.#update = new Query(database, UPDATE)
    this.#delete = new Query(database, DELETE)
    this.#nextGeneration = new Query(database, NEXT_GENERATION)
    this.#skipGeneration = new Query(database, SKIP_GENERATION)
  }

  publish(publication: Publication): StoredObject {
    const { bucket, name, at, extents, session, sources = [] } = publication
    const { references, sessions, buckets, events } = this.#parts
    // The session first: a repeated final request must learn that it is done, not that its own object is in the way.
    const promised = sessions.readForPublication(publication)
    buckets.demand(bucket)
    for (const source of sources) this.#checkSource(source)
    const live = this.#checkLive(publication, session?.key)

    const object = objectFrom(publication, this.#takeGeneration(at))
    const replaced = live === undefined ? [] : [decodeExtents(live.extents)]
    references.move({ from: [...promised, ...replaced], to: [extents] })
    this.#writeLive(object, extents)
    if (session !== undefined) sessions.finish(session, object, at)
    const { generation } = object
    events.write({ at, kind: 'published', bucket, name, generation, session: session?.key })
    // Last: the new object refers to their blobs by now, so that no count touches 0 on the way.
    for (const source of sources) {
      if (source.isRemoved) this.#removeSource(source, at)
    }
    return object
  }

  /** Points an open session's name at what it has been advanced to. */
  show({ key, extents, at }: Advance, shown: Shown): void {
    const { references, sessions, buckets, events } = this.#parts
    const { bucket, name } = shown
    buckets.demand(bucket)
    const live = this.#checkLive(shown, key)
    const object = objectFrom({ ...shown, extents, at }, this.#takeGeneration(at))
    const replaced = live === undefined ? [] : [decodeExtents(live.extents)]
    references.move({ from: replaced, to: [extents] })
    this.#writeLive(object, extents)
    const { generation } = object
    sessions.show(key, generation)
    events.write({ at, kind: 'published', bucket, name, generation, session: key })
  }

  /** The object that shows a session goes: if it still is the one and, where `ifEmpty`, shows no bytes. */
  withdraw(key: string, ifEmpty: boolean): void {
    const { sessions } = this.#parts
    const shown = sessions.shown(key)
    if (shown === undefined) return
    const live = this.#live.first({ bucket: shown.bucket, name: shown.name })
    if (live?.generation === shown.generation) {
      if (ifEmpty && live.extents !== NO_EXTENTS) return
      this.#remove(shown, live, shown.activeAt)
    }
    sessions.show(key, null)
  }

  /** What bears the name now. The object that shows the session itself is in nobody's way. */
  #checkLive(
    { bucket, name, preconditions }: Pick<Publication, 'bucket' | 'name' | 'preconditions'>,
    key: string | undefined,
  ): Live | undefined {
    const live = this.#live.first({ bucket, name })
    const own = key === undefined ? undefined : this.#parts.sessions.shown(key)
    const isOwn = live !== undefined && live.generation === own?.generation
    checkPreconditions(preconditions, isOwn ? undefined : live)
    return live
  }

  #writeLive(object: StoredObject, extents: readonly Extent[]): void {
    const { bucket, name, generation, size, crc32c, md5, componentCount, metadata } = object
    this.#write.run({
      bucket,
      name,
      generation,
      size,
      crc32c,
      md5: md5 ?? null,
      componentCount: componentCount ?? null,
      at: object.createdAt,
      metadata: JSON.stringify(metadata),
      extents: encodeExtents(extents),
    })
  }

  /** Undefined where the object is not `basis` any more. */
  update(
    basis: ObjectBasis,
    metadata: Metadata,
    preconditions: Preconditions,
    at: number,
  ): StoredObject | undefined {
    const { bucket, name, generation, metageneration } = basis
    const live = this.#version.first({ bucket, name })
    if (live === undefined) throw new UploadError({ code: 'object_not_found', bucket, name })
    // Before the basis: whoever is sent to read again should not have to, only to be refused then.
    checkPreconditions(preconditions, live)
    const values = { bucket, name, generation, metageneration }
    const row = this.#update.first({ ...values, metadata: JSON.stringify(metadata), at })
    if (row === undefined) return undefined
    this.#parts.events.write({ at, kind: 'updated', bucket, name, generation })
    return objectOf(row)
  }

  delete(
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
    this.#remove({ bucket, name }, live, at)
  }

  /** A write that nobody notices, but that is committed like any other. */
  touch(): void {
    this.#skipGeneration.run()
  }

  /** Its extents were read before this transaction: they are its content only if it is still the same object. */
  #checkSource({ bucket, name, generation, preconditions }: Source): void {
    const live = this.#version.first({ bucket, name })
    if (live?.generation !== generation) {
      throw new UploadError({ code: 'object_not_found', bucket, name })
    }
    checkPreconditions(preconditions, live)
  }

  /** One that is the destination has a newer generation by now, and one that was named before is gone: nothing to remove. */
  #removeSource({ bucket, name, generation }: Source, at: number): void {
    const live = this.#live.first({ bucket, name })
    if (live?.generation === generation) this.#remove({ bucket, name }, live, at)
  }

  #remove({ bucket, name }: ObjectName, { generation, extents }: Live, at: number): void {
    const { references, events } = this.#parts
    this.#delete.run({ bucket, name })
    references.move({ from: [decodeExtents(extents)], to: [] })
    events.write({ at, kind: 'deleted', bucket, name, generation })
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
