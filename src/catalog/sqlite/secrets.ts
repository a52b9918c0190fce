/** What the server signs with, one for each purpose. Written once: what was signed yesterday is still good today. */

import type { DatabaseSync } from 'node:sqlite'
import { Query } from './query.ts'

const INSERT =
  'INSERT INTO secrets (name, bytes) VALUES (:name, :bytes) ON CONFLICT (name) DO NOTHING'
export const SECRET = 'SELECT bytes FROM secrets WHERE name = :name'

export class Secrets {
  readonly #insert: Query<never>
  readonly #secret: Query<{ bytes: Uint8Array }>

  constructor(database: DatabaseSync) {
    this.#insert = new Query(database, INSERT)
    this.#secret = new Query(database, SECRET)
  }

  /** The secret of that name, which is `bytes` if there was none. */
  make(name: string, bytes: Uint8Array): Uint8Array {
    this.#insert.run({ name, bytes })
    return this.#secret.first({ name })?.bytes ?? bytes
  }
}
