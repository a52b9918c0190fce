/**
 * Declared checksums against the content (gcs.md §8). crc32c comes from the extents, md5 from the digests that followed
 * the promise, and sha256, which only a protocol that declares one needs, is read back.
 */

import { createHash } from 'node:crypto'
import { type Failure, UploadError } from './failure.ts'
import type { Checksums, Extent, Storage } from './ports.ts'

/** A body that is the whole object and no longer than this is hashed while it is received. */
export const HASHED_IN_PLACE = 1024 * 1024

export interface Verification {
  readonly run: string
  readonly extents: readonly Extent[]
  readonly crc32c: number
  /** Known already, or undefined. */
  readonly md5: string | undefined
  /** Every set of checksums that somebody declared; all must hold. */
  readonly declared: readonly Checksums[]
  /** Compute the md5 even where nobody declared one. */
  readonly wantsMd5: boolean
}

/** Answers the md5 where it was computed. Throws `checksum_mismatch`. */
export async function verifyChecksums(
  storage: Storage,
  verification: Verification,
): Promise<string | undefined> {
  const { run, extents, crc32c, declared, wantsMd5 } = verification
  // The cheap ones first.
  for (const checksums of declared) {
    compare('crc32c', checksums.crc32c, crc32c, base64OfCrc32c)
  }
  const isDeclared = (algorithm: keyof Checksums) =>
    declared.some(checksums => checksums[algorithm] !== undefined)

  let { md5 } = verification
  if (md5 === undefined && (wantsMd5 || isDeclared('md5'))) {
    md5 = await storage.digests.finish(run, extents)
  }
  for (const checksums of declared) compare('md5', checksums.md5, md5 ?? '', String)

  if (isDeclared('sha256')) {
    const sha256 = await sha256Of(storage.read(extents))
    for (const checksums of declared) compare('sha256', checksums.sha256, sha256, String)
  }
  return md5
}

/** Google's form: base64 of the four big-endian bytes. */
export function base64OfCrc32c(crc32c: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32c)
  return bytes.toString('base64')
}

function compare<Value>(
  algorithm: Extract<Failure, { code: 'checksum_mismatch' }>['algorithm'],
  declared: Value | undefined,
  computed: Value,
  text: (value: Value) => string,
): void {
  if (declared === undefined || declared === computed) return
  throw new UploadError({
    code: 'checksum_mismatch',
    algorithm,
    declared: text(declared),
    computed: text(computed),
  })
}

async function sha256Of(bytes: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256')
  for await (const buffer of bytes) hash.update(buffer)
  return hash.digest('hex')
}
