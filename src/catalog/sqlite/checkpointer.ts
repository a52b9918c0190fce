/**
 * Moves the write-ahead log into the database, between commits and only when it has grown long: a checkpoint waits for the disk
 * twice. SQLite's own would run inside a COMMIT, while its callers wait.
 */

import type { DatabaseSync } from 'node:sqlite'
import { Query } from './query.ts'

/** 16 MiB. A start after a crash reads as much in no time. */
const LONG_PAGES = 4096

interface LogRow {
  readonly log: number
  readonly checkpointed: number
}

export class Checkpointer {
  readonly #look: Query<LogRow>
  readonly #checkpoint: Query<unknown>

  constructor(database: DatabaseSync) {
    this.#look = new Query(database, 'PRAGMA wal_checkpoint(NOOP)')
    this.#checkpoint = new Query(database, 'PRAGMA wal_checkpoint(PASSIVE)')
  }

  /** Passive: it waits for no reader. */
  checkpoint(): void {
    const { log, checkpointed } = this.#look.first() ?? { log: 0, checkpointed: 0 }
    if (log - checkpointed >= LONG_PAGES) this.#checkpoint.first()
  }
}
