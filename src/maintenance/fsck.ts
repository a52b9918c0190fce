/**
 * A data directory, checked from end to end while no server runs on it. Nothing is repaired and nothing is changed: what to do about
 * damage is for someone who knows what else there is, such as a backup.
 */

import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DataDirectoryError, lockDataDirectory } from '../catalog/data-directory.ts'
import { MIGRATIONS } from '../catalog/migrations.ts'
import { type BlobCounts, checkBlobs, countStrays } from './blob-check.ts'
import { type Counts, checkCatalog, type Report } from './catalog-check.ts'

export type Tally = Counts & BlobCounts

export interface Fsck {
  readonly directory: string
  readonly scrub: boolean
  readonly report: Report
  readonly progress: (tally: Tally) => void
}

/** It could not be checked, and why; for the operator. */
export class CannotCheck extends Error {
  override readonly name = 'CannotCheck'
}

const CATALOG = 'catalog.sqlite'

/** Tells what is damaged as it is found; answers what there is. Throws CannotCheck. */
export async function fsck({ directory, scrub, report, progress }: Fsck): Promise<Tally> {
  const path = resolve(directory)
  // Asked before the lock, which would make the directory.
  if (!existsSync(join(path, CATALOG))) {
    throw new CannotCheck(`${path} is no data directory: there is no ${CATALOG} in it`)
  }
  const lock = takeLock(path)
  const tally: Tally = {
    objects: 0,
    objectBytes: 0,
    openSessions: 0,
    endedSessions: 0,
    garbage: 0,
    blobs: 0,
    promisedBytes: 0,
    scrubbedBytes: 0,
    orphans: 0,
    strays: 0,
  }
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(join(path, CATALOG), { readOnly: true, timeout: 10_000 })
    checkVersion(database, path)
    const { inventory, counts } = checkCatalog(database, report)
    Object.assign(tally, counts)
    const check = { directory: path, inventory, scrub, report }
    await checkBlobs({ ...check, progress: () => progress(tally) }, tally)
    await countStrays(database, path, tally)
  } catch (error) {
    // SQLite's own errors: the file is no catalog, or is one in pieces.
    if (!(error instanceof Error) || !('errcode' in error)) throw error
    report({ kind: 'catalog_unreadable', detail: error.message })
  } finally {
    database?.close()
    lock.release()
  }
  return tally
}

function takeLock(path: string): { release(): void } {
  try {
    return lockDataDirectory(path)
  } catch (error) {
    if (!(error instanceof DataDirectoryError)) throw error
    throw new CannotCheck(
      `${error.message}. What a server is changing cannot be checked: stop it, or take a backup (npm run backup) and check that`,
      { cause: error },
    )
  }
}

function checkVersion(database: DatabaseSync, path: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
  const known = MIGRATIONS.length
  if (version === known) return
  throw new CannotCheck(
    version > known
      ? `the catalog in ${path} was made by a newer Tidemark: its schema is version ${version}, this one knows up to ${known}`
      : `the catalog in ${path} is from an older Tidemark: its schema is version ${version}, this one checks version ${known}. Check it with that Tidemark, or let this one start on it once`,
  )
}
