/**
 * From content to an object: checksums, then one catalog transaction (design §2, P4). Nothing is copied and nothing
 * renamed, so it costs the same for a byte and for a tebibyte, but for an md5 that lags behind.
 */

import { contentCrc32c } from './checksum.ts'
import { endsOf, lengthOf } from './content.ts'
import { UploadError } from './failure.ts'
import { checkObjectName } from './names.ts'
import type {
  Checksums,
  EngineParts,
  Extent,
  Intent,
  Publication,
  Storage,
  StoredObject,
} from './ports.ts'
import { verifyChecksums } from './verification.ts'

const BLOBS_AT_ONCE = 16

/** What only the final request may say. */
export interface LateIntent {
  /** The object's name, where the intent has none. */
  readonly name?: string
  /** What the client says the whole content comes to; unlike a total it is compared when all bytes are there. */
  readonly size?: number
  /** What the door wants to know of this request when it is sent again; kept in the session's outcome. Asked for when the body is read. */
  readonly doorData?: Readonly<Record<string, string>>
  /** Checked beside those of the intent. */
  readonly checksums?: Checksums
  /** Merged below the intent's own (gcs.md §7). */
  readonly customMetadata?: Readonly<Record<string, string>>
}

export interface Publishing {
  readonly intent: Intent
  readonly late: LateIntent
  readonly extents: readonly Extent[]
  /** Under which name the digests know this content. */
  readonly run: string
  /** The content's md5, where it is known already. */
  readonly md5: string | undefined
  /** Whether the object has one even if nobody declared it (and TIDEMARK_MD5 is on). */
  readonly hasMd5: boolean
  /** The session that ends with it. */
  readonly session?: Publication['session']
  /** Some of the content was published before: its blobs are others' as well, and may not be cut. */
  readonly isShared?: boolean
}

/** Under which name it will be published. `object_name_invalid`, also where nobody said one; `bucket_not_found` for one that is not to be had. */
export function nameOf(
  { bucket, name: early, within = '' }: Pick<Intent, 'bucket' | 'name' | 'within'>,
  late: Pick<LateIntent, 'name'>,
): string {
  const name = early ?? late.name ?? ''
  checkObjectName(name)
  if (!name.startsWith(within)) throw new UploadError({ code: 'bucket_not_found', bucket })
  return name
}

/** `checksum_mismatch`, `size_mismatch`, `precondition_failed`, `bucket_not_found`, and what the catalog says of the session. */
export async function publish(parts: EngineParts, publishing: Publishing): Promise<StoredObject> {
  const { catalog, clock, observer, settings, storage } = parts
  const { intent, late, extents, run, session } = publishing
  const begin = performance.now()
  const name = nameOf(intent, late)
  const size = lengthOf(extents)
  const crc32c = contentCrc32c(extents)
  const verifying = verifyChecksums(storage, {
    run,
    extents,
    crc32c,
    md5: publishing.md5,
    declared: [intent.checksums, late.checksums ?? {}],
    wantsMd5: settings.md5 && publishing.hasMd5,
  })
  if (late.size !== undefined && late.size !== size) {
    throw await sizeMismatch(late.size, size, verifying)
  }
  const md5 = await verifying
  if (publishing.isShared === true) await syncAll(storage, extents)
  else await sealAll(storage, extents)

  const object = await catalog.publish({
    bucket: intent.bucket,
    name,
    metadata: metadataOf(intent, late),
    preconditions: intent.preconditions,
    extents,
    size,
    crc32c,
    ...(settings.md5 && md5 !== undefined ? { md5 } : {}),
    at: clock(),
    ...(session === undefined ? {} : { session }),
  })
  storage.digests.forget(run)
  observer.published(performance.now() - begin)
  return object
}

function sealAll(storage: Storage, content: readonly Extent[]): Promise<void> {
  return eachBlob(content, (blob, end) => storage.seal(blob, end))
}

/** Whoever looks for what went wrong with an upload wants to know of both. */
async function sizeMismatch(
  declared: number,
  size: number,
  verifying: Promise<unknown>,
): Promise<unknown> {
  try {
    await verifying
  } catch (error) {
    if (!(error instanceof UploadError) || error.failure.code !== 'checksum_mismatch') return error
    return new UploadError({ code: 'size_mismatch', declared, size, checksum: error.failure })
  }
  return new UploadError({ code: 'size_mismatch', declared, size })
}

function metadataOf(intent: Intent, late: LateIntent): Intent['metadata'] {
  if (late.customMetadata === undefined) return intent.metadata
  return { ...intent.metadata, custom: { ...late.customMetadata, ...intent.metadata.custom } }
}

/** What an object refers to is durable, even where chunks need not be. The blobs may grow on. */
export function syncAll(storage: Storage, content: readonly Extent[]): Promise<void> {
  return eachBlob(content, (blob, end) => storage.sync(blob, end))
}

/** A few at a time: content may be in a hundred thousand blobs, and each may have to be opened. */
async function eachBlob(
  content: readonly Extent[],
  work: (blob: string, end: number) => Promise<void>,
): Promise<void> {
  const left = endsOf(content).entries()
  const next = async () => {
    for (const [blob, end] of left) await work(blob, end)
  }
  await Promise.all(Array.from({ length: BLOBS_AT_ONCE }, next))
}
