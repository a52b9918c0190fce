/**
 * Blobs from a data directory into a backup, several at a time. Each is copied beside its place, compared with the checksums of
 * everything that refers to it, synced, and only then put there: what is in its place is good, whatever broke off.
 */

import { constants } from 'node:fs'
import { copyFile, type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { blobPath } from '../storage/disk/blob-names.ts'
import { damageOf } from './blob-digest.ts'
import type { Problem } from './catalog-check.ts'
import type { BlobUse, Inventory } from './inventory.ts'

const AT_ONCE = 8

export interface CopierParts {
  /** The data directory. */
  readonly from: string
  readonly to: string
  /** What an earlier, complete backup in the same place refers to. */
  readonly earlier: Inventory | undefined
}

type Wrong = 'missing' | 'short' | 'damaged'

export class BlobCopier {
  readonly tally = { blobs: 0, bytes: 0, copiedBlobs: 0, copiedBytes: 0 }
  readonly #parts: CopierParts
  /** Directories that exist by now, whose entries are to be synced. */
  readonly #days = new Set<string>()

  constructor(parts: CopierParts) {
    this.#parts = parts
  }

  /** All that the inventory refers to. Answers what could not be had as it says. */
  async copyAll(inventory: Inventory, progress: () => void): Promise<readonly Problem[]> {
    const problems: Problem[] = []
    this.tally.blobs = 0
    this.tally.bytes = 0
    // A blob that is the same as before need not wait behind one that is copied, so they are simply taken by whoever is free.
    const blobs = inventory.blobs()
    const work = async () => {
      for (let next = blobs.next(); !next.done; next = blobs.next()) {
        const use = next.value
        const wrong = await this.#provide(use)
        this.tally.blobs += 1
        this.tally.bytes += use.end
        if (wrong !== undefined) {
          const detail = `blob ${use.blob} is ${wrong} (${inventory.referrersOf(use.blob)})`
          problems.push({ kind: `blob_${wrong}`, detail })
        }
        progress()
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    for (const day of this.#days) await sync(day)
    await sync(this.#blobs(this.#parts.to)).catch(unlessMissing)
    return problems
  }

  async #provide(use: BlobUse): Promise<Wrong | undefined> {
    const { from, to, earlier } = this.#parts
    const source = blobPath(this.#blobs(from), use.blob)
    const target = blobPath(this.#blobs(to), use.blob)
    if (source === undefined || target === undefined) return 'missing'
    const isKnown = earlier !== undefined && use.extents.every(extent => earlier.has(extent))
    if ((await wrongWith(target, use, isKnown)) === undefined) return undefined
    await this.#makeDay(dirname(target))
    return this.#copy(source, target, use)
  }

  async #copy(source: string, target: string, use: BlobUse): Promise<Wrong | undefined> {
    const beside = `${target}.new`
    try {
      await copyFile(source, beside, constants.COPYFILE_FICLONE)
      const wrong = await wrongWith(beside, use, false)
      if (wrong !== undefined) return wrong
      await sync(beside)
      await rename(beside, target)
      this.tally.copiedBlobs += 1
      this.tally.copiedBytes += use.end
      return undefined
    } catch (error) {
      unlessMissing(error)
      return 'missing'
    } finally {
      await rm(beside, { force: true })
    }
  }

  async #makeDay(day: string): Promise<void> {
    if (this.#days.has(day)) return
    await mkdir(day, { recursive: true, mode: 0o700 })
    this.#days.add(day)
  }

  #blobs(directory: string): string {
    return join(directory, 'blobs')
  }
}

/** `isKnown`: its bytes were compared before, and its length is enough to tell that it is still there. */
async function wrongWith(path: string, use: BlobUse, isKnown: boolean): Promise<Wrong | undefined> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    unlessMissing(error)
    return 'missing'
  }
  try {
    if ((await file.stat()).size < use.end) return 'short'
    if (isKnown) return undefined
    for (const extent of use.extents) {
      const damage = await damageOf(file, { ...extent, md5: null })
      if (damage !== undefined) return damage === 'short' ? 'short' : 'damaged'
    }
    return undefined
  } finally {
    await file.close()
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

function unlessMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
