/**
 * Opens the catalog's file, for its one writer and for its reader. Neither may be opened, read or copied through node:fs in
 * this process: closing any descriptor of the file drops the locks that SQLite holds on it.
 */

import { closeSync, fsyncSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MIGRATIONS, type Migration } from '../migrations.ts'
import { Query } from './query.ts'

const FILE = 'catalog.sqlite'

/** An operator's shell may hold a lock for a moment; nobody else does. */
const BUSY_TIMEOUT_MS = 10_000

// Checkpoints are the writer's to choose, between commits. A log that a burst made longer than 64 MiB shrinks again.
// Sub-journals stay in memory: a full disk must not fail the rollback of a step.
const WRITER_SETTINGS = `
  PRAGMA journal_mode = WAL;
  PRAGMA wal_autocheckpoint = 0;
  PRAGMA journal_size_limit = 67108864;
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -32768;
  PRAGMA synchronous = FULL;
`

export function openWriter(directory: string, migrations = MIGRATIONS): DatabaseSync {
  const database = new DatabaseSync(join(directory, FILE), {
    timeout: BUSY_TIMEOUT_MS,
    enableForeignKeyConstraints: false,
  })
  try {
    database.exec(WRITER_SETTINGS)
    // What an earlier run left in the log may be on no disk: its last sync may have failed, and a failed sync is not reported
    // twice. Written to the database and synced there, before anything new is promised on top of it (design P12).
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    migrate(database, migrations)
    syncDirectory(directory)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

export function openReader(directory: string): DatabaseSync {
  const database = new DatabaseSync(join(directory, FILE), {
    readOnly: true,
    timeout: BUSY_TIMEOUT_MS,
  })
  database.exec('PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384')
  return database
}

/** Brings the schema up to date, each step whole or not at all. Refuses what a newer version wrote. */
function migrate(database: DatabaseSync, migrations: readonly Migration[]): void {
  const row = new Query<{ user_version: number }>(database, 'PRAGMA user_version').first()
  const version = row?.user_version ?? 0
  if (version > migrations.length) {
    throw new Error(
      `it was made by a newer Tidemark: its schema is version ${version}, this one knows up to ${migrations.length}`,
    )
  }
  for (const [index, { sqlite }] of migrations.entries()) {
    if (index < version) continue
    // A failure closes the database, which rolls back.
    database.exec(`BEGIN IMMEDIATE; ${sqlite}; PRAGMA user_version = ${index + 1}; COMMIT`)
  }
}

/** SQLite syncs what is in its files; this syncs that they are there. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
