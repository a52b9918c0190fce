/**
 * What keeps a backup and the sweeper apart, across processes: a backup reads a small SQLite file for as long as it copies, the
 * server writes it for as long as it frees blobs. SQLite's locks are the kernel's: they go with their process, however it went.
 *
 * Nothing is ever stored in the file. A backup waits for the few blobs that are being freed; the server waits for no backup.
 */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Hold } from '../engine/ports.ts'

const FILE = 'backup.sqlite'
const SQLITE_BUSY = 5
/** The server frees a hundred blobs at a time. */
const WAIT_MS = 60_000

/** The server's side. */
export class BackupHold implements Hold {
  readonly #file: DatabaseSync

  /** `directory` is the data directory. */
  constructor(directory: string) {
    this.#file = new DatabaseSync(join(directory, FILE), { timeout: 0 })
  }

  /** One call at a time. */
  async unlessHeld(work: () => Promise<void>): Promise<boolean> {
    try {
      this.#file.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)
        return false
      throw error
    }
    try {
      await work()
      return true
    } finally {
      this.#file.exec('ROLLBACK')
    }
  }

  close(): void {
    if (this.#file.isOpen) this.#file.close()
  }
}

/** The backup's side: from now on nothing that is content is freed, until the answer is called. */
export function holdBlobs(directory: string): () => void {
  const file = new DatabaseSync(join(directory, FILE), { timeout: WAIT_MS })
  try {
    // Reading begins with the first statement, and ends with the transaction.
    file.exec('BEGIN; SELECT count(*) FROM sqlite_schema')
  } catch (error) {
    file.close()
    throw error
  }
  return () => file.close()
}
