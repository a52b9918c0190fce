/**
 * Declared checksums against the content (gcs.md §8). crc32c comes from the extents, md5 and sha256 from the digests that
 * followed the promise, so that the end of a large upload is not a second reading of it.
 */

import type { DoorRules } from './door-rules.ts'
import { type Failure, UploadError } from './failure.ts'
import type {
  Checksums,
  Digest,
  DigestAlgorithm,
  EngineSettings,
  Extent,
  Intent,
  Storage,
} from './ports.ts'

/** A body that is the whole object and no longer than this is hashed while it is received. */
export const HASHED_IN_PLACE = 1024 * 1024

/** What is hashed while the bytes come: what every object has, what its intent declares, what its protocol declares at the end. */
export function followedDigests(
  { md5 }: Pick<EngineSettings, 'md5'>,
  { checksums }: Pick<Intent, 'checksums'>,
  rules?: Pick<DoorRules, 'lateChecksums' | 'hasMd5'>,
): readonly DigestAlgorithm[] {
  const isFollowed = (name: DigestAlgorithm) =>
    (name === 'md5' && md5 && rules?.hasMd5 !== false) ||
    checksums[name] !== undefined ||
    rules?.lateChecksums.includes(name) === true
  return DIGESTS.filter(isFollowed)
}

const DIGESTS: readonly DigestAlgorithm[] = ['md5', 'sha256']

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

  const known = verification.md5
  const wanted = DIGESTS.filter(name =>
    name === 'md5' ? known === undefined && (wantsMd5 || isDeclared(name)) : isDeclared(name),
  )
  const computed: Digest =
    wanted.length === 0 ? {} : await storage.digests.finish(run, extents, wanted)
  const md5 = known ?? computed.md5
  for (const checksums of declared) {
    compare('md5', checksums.md5, md5 ?? '', String)
    compare('sha256', checksums.sha256, computed.sha256 ?? '', String)
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
