/**
 * An upload in one request: no session, so nothing of it is ever promised before all of it is there. One data sync, one
 * directory sync, one catalog commit.
 */

import type { BlobWriter } from './blob-writer.ts'
import type { DoorRules } from './door-rules.ts'
import { isRefusal, UploadError } from './failure.ts'
import type { Writer } from './leases.ts'
import type { Body, EngineParts, Intent, Mark, StoredObject } from './ports.ts'
import { publish } from './publish.ts'
import { receive } from './receive.ts'
import { followedDigests, HASHED_IN_PLACE } from './verification.ts'

export async function put(
  parts: EngineParts,
  blobs: BlobWriter,
  writer: Writer,
  rules: DoorRules,
  intent: Intent,
  body: Body,
): Promise<StoredObject> {
  const { observer, settings, storage } = parts
  const followed = followedDigests(settings, intent)
  const blob = storage.create()
  const contentOf = (mark: Mark) => (mark.length === 0 ? [] : [{ blob, start: 0, ...mark }])
  const isSmall = (body.length ?? body.atMost ?? Number.POSITIVE_INFINITY) <= HASHED_IN_PLACE
  let isPublished = false
  let isUnclear = false
  try {
    const { total } = intent
    const limit = body.length ?? total ?? settings.maxObjectSize
    const { receipt, failure } = await receive(
      { blobs, settings },
      {
        rules,
        writer,
        plan: { position: 0, skip: 0, limit, total, granule: 1 },
        blob,
        start: 0,
        seed: 0,
        body,
        expected: body.length ?? total,
        // Nothing to record, but the hasher may go ahead: if the upload fails, its run is forgotten.
        checkpoint: async mark => {
          if (followed.length > 0) await storage.digests.follow(blob, contentOf(mark), followed)
        },
        md5: settings.md5 && isSmall,
        maxObjectSize: settings.maxObjectSize,
      },
    )
    if (failure !== undefined) throw new UploadError(failure)
    const extents = contentOf(receipt.stored)
    const object = await publish(parts, {
      intent,
      late: {},
      extents,
      run: blob,
      md5: receipt.md5,
      hasMd5: true,
    })
    isPublished = extents.length > 0
    observer.acknowledged(rules.door, receipt.stored.length)
    observer.uploadEnded(rules.door, 'published')
    return object
  } catch (error) {
    isUnclear = !isRefusal(error)
    observer.uploadEnded(rules.door, 'failed')
    throw error
  } finally {
    storage.digests.forget(blob)
    if (!isPublished && !isUnclear) await blobs.discard(blob)
  }
}
