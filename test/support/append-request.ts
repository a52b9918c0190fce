/** An append with nothing special about it, for tests that say only what is. */

import { crc32c } from '@node-rs/crc32'
import type { AppendRequest, Extent, Mark } from '../../src/engine/ports.ts'

export function appendRequest(
  request: Pick<AppendRequest, 'blob' | 'body'> & Partial<AppendRequest>,
): AppendRequest {
  return {
    start: 0,
    seed: 0,
    skip: 0,
    limit: Number.MAX_SAFE_INTEGER,
    granule: 1,
    idleMs: 60_000,
    checkpoint: undefined,
    md5: false,
    signal: new AbortController().signal,
    ...request,
  }
}

/** The mark of these bytes, after ones with the checksum `seed`. */
export function markOf(bytes: Buffer, seed = 0): Mark {
  return { length: bytes.length, crc32c: crc32c(bytes, seed) }
}

/** All of a blob that holds these bytes. */
export function extentOf(blob: string, bytes: Buffer): Extent {
  return { blob, start: 0, ...markOf(bytes) }
}

/** Bytes that repeat only after megabytes, the same in every run. */
export function someBytes(length: number, from = 0): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at += 1) bytes[at] = ((at + from) * 2654435761) >>> 24
  return bytes
}
