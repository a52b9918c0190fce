/**
 * A slice of a file read back, for its checksums.
 */

import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { crc32c } from '@node-rs/crc32'
import type { StoredExtent } from './inventory.ts'

const PIECE = 1024 * 1024

/** What is wrong with these bytes of the blob; undefined where nothing is. The md5 is compared where the extent has one. */
export async function damageOf(
  file: FileHandle,
  extent: StoredExtent,
): Promise<'short' | 'crc32c' | 'md5' | undefined> {
  const { start, length, md5 } = extent
  const buffer = Buffer.allocUnsafe(Math.min(PIECE, length))
  const hash = md5 === null ? undefined : createHash('md5')
  let crc = 0
  for (let done = 0; done < length; ) {
    const wanted = Math.min(PIECE, length - done)
    const { bytesRead } = await file.read(buffer, 0, wanted, start + done)
    if (bytesRead === 0) return 'short'
    const bytes = buffer.subarray(0, bytesRead)
    crc = crc32c(bytes, crc)
    hash?.update(bytes)
    done += bytesRead
  }
  if (crc !== extent.crc32c) return 'crc32c'
  return hash !== undefined && hash.digest('base64') !== md5 ? 'md5' : undefined
}
