/**
 * The blobs against what the catalog promises of them (design P2): each there, as long as promised or longer, and, where that is
 * asked for, with the very bytes.
 */

import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { Query } from '../catalog/sqlite/query.ts'
import { blobFiles, blobPath } from '../storage/disk/blob-names.ts'
import { damageOf } from './blob-digest.ts'
import type { Report } from './catalog-check.ts'
import type { BlobUse, Inventory } from './inventory.ts'

export interface BlobCounts {
  blobs: number
  /** What the catalog promises of them. */
  promisedBytes: number
  scrubbedBytes: number
  /** Files of blobs that no record knows: the next start removes them. */
  orphans: number
  /** Files that are none of ours: left alone. */
  strays: number
}

export interface BlobCheck {
  /** The data directory. */
  readonly directory: string
  readonly inventory: Inventory
  /** Read every byte. */
  readonly scrub: boolean
  readonly report: Report
  readonly progress: (counts: BlobCounts) => void
}

export async function checkBlobs(check: BlobCheck, counts: BlobCounts): Promise<void> {
  for (const use of check.inventory.blobs()) {
    counts.blobs += 1
    counts.promisedBytes += use.end
    await checkBlob(check, use, counts)
    check.progress(counts)
  }
}

async function checkBlob(check: BlobCheck, use: BlobUse, counts: BlobCounts): Promise<void> {
  const { directory, inventory, report, scrub } = check
  const { blob, end, extents } = use
  const tell = (kind: string, what: string) =>
    report({ kind, detail: `blob ${blob}: ${what} (${inventory.referrersOf(blob)})` })
  const file = await openBlob(join(directory, 'blobs'), blob).catch((error: unknown) => {
    tell('blob_unreadable', String(error))
    return undefined
  })
  if (file === undefined) return
  if (file === 'missing') {
    tell('blob_missing', `it is not there, ${end} bytes are promised`)
    return
  }
  try {
    const { size } = await file.stat()
    if (size < end) tell('blob_short', `it has ${size} bytes, ${end} are promised`)
    if (!scrub) return
    for (const extent of extents) {
      const damage = await damageOf(file, extent)
      const { start, length } = extent
      if (damage === 'crc32c') tell('bytes_damaged', `bytes ${start} to ${start + length - 1}`)
      if (damage === 'md5') tell('md5_mismatch', 'its bytes have another md5 than their object')
      counts.scrubbedBytes += length
      check.progress(counts)
    }
  } catch (error) {
    tell('blob_unreadable', String(error))
  } finally {
    await file.close()
  }
}

export async function openBlob(root: string, blob: string): Promise<FileHandle | 'missing'> {
  const path = blobPath(root, blob)
  if (path === undefined) return 'missing'
  return open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return 'missing'
    throw error
  })
}

/** What lies there and has no record. A server that is not running has nothing under way. */
export async function countStrays(
  database: DatabaseSync,
  directory: string,
  counts: BlobCounts,
): Promise<void> {
  const known = new Query<unknown>(database, 'SELECT 1 FROM blobs WHERE name = :blob')
  const unlessMissing = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  }
  const count = async () => {
    for await (const { blob } of blobFiles(join(directory, 'blobs'))) {
      if (blob === undefined) counts.strays += 1
      else if (known.first({ blob }) === undefined) counts.orphans += 1
    }
  }
  await count().catch(unlessMissing)
}
