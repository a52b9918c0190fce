/**
 * Content that is read while it is still being written: an open session may show what is persisted of it as an object. Both
 * then refer to the same blobs, which grow on behind the object's back but are never cut, or the object would lose bytes.
 */

import { contentCrc32c } from './checksum.ts'
import { lengthOf } from './content.ts'
import type { Extent, Intent, Shown, Storage } from './ports.ts'
import { nameOf, syncAll } from './publish.ts'

/** Without an md5: hashing all of it for each chunk would take ever longer. It comes when the session ends. */
export async function showing(
  storage: Storage,
  intent: Intent,
  extents: readonly Extent[],
): Promise<Shown> {
  const { bucket, metadata, preconditions } = intent
  await syncAll(storage, extents)
  const size = lengthOf(extents)
  const name = nameOf(intent, {})
  return { bucket, name, metadata, preconditions, size, crc32c: contentCrc32c(extents) }
}
