/**
 * What happened to names, one row each, written in the transaction that did it: whoever wants to be told misses nothing.
 */

import type { DatabaseSync } from 'node:sqlite'
import { Query } from './query.ts'

const INSERT = `
  INSERT INTO events (at, kind, bucket, name, generation, session)
  VALUES (:at, :kind, :bucket, :name, :generation, :session)`
const PURGE = `
  DELETE FROM events WHERE id IN (
    SELECT id FROM events WHERE at < :before ORDER BY at LIMIT :limit)`

export interface ObjectEvent {
  readonly at: number
  readonly kind: 'published' | 'updated' | 'deleted'
  readonly bucket: string
  readonly name: string
  readonly generation: number
  /** The one that published it. */
  readonly session?: string | undefined
}

export class Events {
  readonly #insert: Query<never>
  readonly #purge: Query<never>

  constructor(database: DatabaseSync) {
    this.#insert = new Query(database, INSERT)
    this.#purge = new Query(database, PURGE)
  }

  write({ at, kind, bucket, name, generation, session }: ObjectEvent): void {
    this.#insert.run({ at, kind, bucket, name, generation, session: session ?? null })
  }

  /** Removes old rows; answers how many. */
  purge(before: number, limit: number): number {
    return this.#purge.run({ before, limit })
  }
}
