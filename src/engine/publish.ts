/**
 * From content to an object: checksums, then one catalog transaction (design §2, P4). Nothing is copied and nothing
 * renamed, so it costs the same for a byte and for a tebibyte, but for an md5 that lags behind.
 */

import { contentCrc32c } from './checksum.ts'
import { lengthOf } from './content.ts'
import type { Checksums, EngineParts, Extent, Intent, Publication, StoredObject } from './ports.ts'
import { verifyChecksums } from './verification.ts'

/** What only the final request may say. */
export interface LateIntent {
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
  /** The session that ends with it. */
  readonly session?: Publication['session']
}

/** `checksum_mismatch`, `precondition_failed`, `bucket_not_found`, and what the catalog says of the session. */
export async function publish(parts: EngineParts, publishing: Publishing): Promise<StoredObject> {
  const { catalog, clock, settings, storage } = parts
  const { intent, late, extents, run, session } = publishing
  const crc32c = contentCrc32c(extents)
  const md5 = await verifyChecksums(storage, {
    run,
    extents,
    crc32c,
    md5: publishing.md5,
    declared: [intent.checksums, late.checksums ?? {}],
    wantsMd5: settings.md5,
  })
  await Promise.all([...ends(extents)].map(([blob, end]) => storage.seal(blob, end)))

  const object = await catalog.publish({
    bucket: intent.bucket,
    name: intent.name,
    metadata: metadataOf(intent, late),
    preconditions: intent.preconditions,
    extents,
    size: lengthOf(extents),
    crc32c,
    ...(settings.md5 && md5 !== undefined ? { md5 } : {}),
    at: clock(),
    ...(session === undefined ? {} : { session }),
  })
  storage.digests.forget(run)
  return object
}

/** Each blob of the content, with the end of what is used of it. */
function ends(content: readonly Extent[]): Map<string, number> {
  const used = new Map<string, number>()
  for (const { blob, start, length } of content) {
    used.set(blob, Math.max(used.get(blob) ?? 0, start + length))
  }
  return used
}

function metadataOf(intent: Intent, late: LateIntent): Intent['metadata'] {
  if (late.customMetadata === undefined) return intent.metadata
  return { ...intent.metadata, custom: { ...late.customMetadata, ...intent.metadata.custom } }
}
