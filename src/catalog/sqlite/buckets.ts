/**
 * Changes to buckets, as they run inside the writer's transaction. A bucket has no generation: of the conditions only those on
 * the metageneration are asked.
 */

import type { DatabaseSync } from 'node:sqlite'
import { UploadError } from '../../engine/failure.ts'
import type { Bucket, Preconditions } from '../../engine/ports.ts'
import { checkMetageneration } from '../../engine/preconditions.ts'
import { Query } from './query.ts'
import { type BucketRow, bucketOf } from './rows.ts'

const LIVE = 'SELECT metageneration FROM buckets WHERE name = :name'
const INSERT = `
  INSERT INTO buckets (name, created_at, updated_at, metageneration, settings)
  VALUES (:name, :at, :at, 1, :settings)
  ON CONFLICT (name) DO NOTHING
  RETURNING *`
const UPDATE = `
  UPDATE buckets SET settings = :settings, metageneration = metageneration + 1, updated_at = :at
  WHERE name = :name AND metageneration = :basis
  RETURNING *`
const DELETE = 'DELETE FROM buckets WHERE name = :name'
const ANY_OBJECT = 'SELECT 1 FROM objects WHERE bucket = :name LIMIT 1'

export class Buckets {
  readonly #live: Query<{ metageneration: number }>
  readonly #insert: Query<BucketRow>
  readonly #update: Query<BucketRow>
  readonly #delete: Query<never>
  readonly #anyObject: Query<unknown>

  constructor(database: DatabaseSync) {
    this.#live = new Query(database, LIVE)
    this.#insert = new Query(database, INSERT)
    this.#update = new Query(database, UPDATE)
    this.#delete = new Query(database, DELETE)
    this.#anyObject = new Query(database, ANY_OBJECT)
  }

  create(name: string, at: number, settings: Bucket['settings'] = {}): Bucket {
    const row = this.#insert.first({ name, at, settings: JSON.stringify(settings) })
    if (row === undefined) throw new UploadError({ code: 'bucket_exists', bucket: name })
    return bucketOf(row)
  }

  /** Undefined where it is not at `basis` any more. */
  update(
    name: string,
    basis: number,
    settings: Bucket['settings'],
    preconditions: Preconditions,
    at: number,
  ): Bucket | undefined {
    checkMetageneration(preconditions, this.demand(name))
    const row = this.#update.first({ name, basis, settings: JSON.stringify(settings), at })
    return row && bucketOf(row)
  }

  delete(name: string, preconditions: Preconditions): void {
    checkMetageneration(preconditions, this.demand(name))
    if (this.#anyObject.first({ name }) !== undefined) {
      throw new UploadError({ code: 'bucket_not_empty', bucket: name })
    }
    this.#delete.run({ name })
  }

  /** Answers its metageneration. */
  demand(name: string): number {
    const live = this.#live.first({ name })
    if (live === undefined) throw new UploadError({ code: 'bucket_not_found', bucket: name })
    return live.metageneration
  }
}
