/**
 * A copy of a data directory, taken while its server runs: first the catalog as of one moment, then the blobs that it refers to,
 * whose promised bytes do not change any more. Every byte that is copied is compared with its checksum on the way.
 *
 * Two things could still go wrong, and have their answer here. The server frees blobs that were content at that moment: it is
 * asked to wait (backup-hold.ts). A session's blob may be cut after the moment, where its bytes were replaced: then a newer
 * moment is taken, of which most is copied already.
 */

import { existsSync } from 'node:fs'
import { copyFile, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { holdBlobs } from '../catalog/backup-hold.ts'
import { lockDataDirectory } from '../catalog/data-directory.ts'
import { blobFiles } from '../storage/disk/blob-names.ts'
import { BlobCopier } from './blob-copier.ts'
import type { Problem } from './catalog-check.ts'
import { openInventory, takeSnapshot } from './snapshot.ts'

export interface Backup {
  /** The data directory; its server may be running. */
  readonly from: string
  /** Made where it is missing. One that holds an earlier backup gets only what is new. */
  readonly to: string
  readonly progress: (tally: BackupTally) => void
}

export interface BackupTally {
  blobs: number
  bytes: number
  /** Of these, how many were copied by this run. */
  copiedBlobs: number
  copiedBytes: number
  /** Earlier blobs that nothing refers to any more. */
  removedBlobs: number
}

export interface BackedUp extends BackupTally {
  /** What is wrong in the data directory itself; all else is in the backup. */
  readonly damage: readonly Problem[]
}

/** For the operator. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
}

/** Written last, and only by a run that came to its end. */
export const MARKER = 'backup.json'
const CATALOG = 'catalog.sqlite'
/** Read while a server runs; replaced whole by whoever changes it. */
const KEYS = 'keys.json'
/** A blob that is still not as promised at the third moment is damaged, not changing. */
const MOMENTS = 3

export async function backUp(backup: Backup): Promise<BackedUp> {
  const from = resolve(backup.from)
  const to = resolve(backup.to)
  if (to === from || to.startsWith(from + sep) || from.startsWith(to + sep)) {
    throw new BackupError(`${to} and the data directory ${from} must lie outside of each other`)
  }
  if (!existsSync(join(from, CATALOG))) {
    throw new BackupError(`${from} is no data directory: there is no ${CATALOG} in it`)
  }
  // Makes it, and keeps a second backup away from it, and a server.
  const lock = lockDataDirectory(to)
  try {
    return await copyAll({ ...backup, from, to })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC' && !isFull(error)) throw error
    throw new BackupError(`there is not enough room in ${to}: the backup is not complete`, {
      cause: error,
    })
  } finally {
    lock.release()
  }
}

async function copyAll({ from, to, progress }: Backup): Promise<BackedUp> {
  const wasComplete = await hasMarker(to)
  await rm(join(to, MARKER), { force: true })
  await syncDirectory(to)
  // What was verified by a run that came to its end need not be read again.
  const earlier = wasComplete ? openInventory(join(to, CATALOG)) : undefined
  const next = join(to, `${CATALOG}.new`)
  const tally: BackupTally = {
    blobs: 0,
    bytes: 0,
    copiedBlobs: 0,
    copiedBytes: 0,
    removedBlobs: 0,
  }
  try {
    const copier = new BlobCopier({ from, to, earlier: earlier?.inventory })
    const damage = await copyBlobs(from, next, copier, () => {
      Object.assign(tally, copier.tally)
      progress(tally)
    })
    await copyKeys(from, to)
    earlier?.close()
    await putInPlace(to, next)
    const removedBlobs = await removeOthers(to)
    const backedUp = { ...tally, ...copier.tally, removedBlobs, damage }
    await writeMarker(to, backedUp)
    return backedUp
  } finally {
    earlier?.close()
  }
}

/** Moment after moment, until all blobs are as one of them has them. */
async function copyBlobs(
  from: string,
  next: string,
  copier: BlobCopier,
  progress: () => void,
): Promise<readonly Problem[]> {
  const release = holdBlobs(from)
  try {
    for (let moment = 1; ; moment += 1) {
      await takeSnapshot(from, next)
      const { inventory, close } = openInventory(next)
      try {
        const problems = await copier.copyAll(inventory, progress)
        if (problems.length === 0 || moment === MOMENTS) return problems
      } finally {
        close()
      }
    }
  } finally {
    release()
  }
}

/** From here on the new catalog is the backup's. A log of the one before it would be taken for its own. */
async function putInPlace(to: string, next: string): Promise<void> {
  const path = join(to, CATALOG)
  await rm(`${path}-wal`, { force: true })
  await rm(`${path}-shm`, { force: true })
  await syncFile(next)
  await rename(next, path)
  await syncDirectory(to)
}

/** What an earlier backup had, and this one has not. */
async function removeOthers(to: string): Promise<number> {
  const { inventory, close } = openInventory(join(to, CATALOG))
  let removed = 0
  try {
    for await (const { blob, path } of blobFiles(join(to, 'blobs'))) {
      if (blob !== undefined && inventory.refersTo(blob)) continue
      await rm(path, { recursive: true })
      removed += 1
    }
  } finally {
    close()
  }
  return removed
}

async function copyKeys(from: string, to: string): Promise<void> {
  try {
    await copyFile(join(from, KEYS), join(to, KEYS))
    await syncFile(join(to, KEYS))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await rm(join(to, KEYS), { force: true })
  }
}

async function hasMarker(to: string): Promise<boolean> {
  return readFile(join(to, MARKER)).then(
    () => true,
    () => false,
  )
}

async function writeMarker(to: string, { damage, ...tally }: BackedUp): Promise<void> {
  const path = join(to, MARKER)
  const marker = { completedAt: new Date().toISOString(), ...tally, damaged: damage.length }
  await writeFile(`${path}.new`, `${JSON.stringify(marker)}\n`)
  await syncFile(`${path}.new`)
  await rename(`${path}.new`, path)
  await syncDirectory(to)
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** SQLITE_FULL. */
function isFull(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 13
}
