/**
 * Objects and buckets as clients read them (gcs.md §3, §10.1). 64-bit integers are strings, times are RFC 3339, and what
 * is not there is left out rather than null.
 */

import type { Bucket, Metadata, StoredObject } from '../../engine/ports.ts'
import { base64OfCrc32c } from '../../engine/verification.ts'

export const DEFAULT_CONTENT_TYPE = 'application/octet-stream'
export const DEFAULT_STORAGE_CLASS = 'STANDARD'

/** `base` is the address that the client used (gcs.md §3). */
export function objectResource(object: StoredObject, base: string): object {
  const { bucket, name, metadata } = object
  const path = `b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(name)}`
  const generation = String(object.generation)
  const created = new Date(object.createdAt).toISOString()
  return {
    kind: 'storage#object',
    id: `${bucket}/${name}/${generation}`,
    selfLink: `${base}/storage/v1/${path}`,
    // rclone appends to it, so there must be a `?`.
    mediaLink: `${base}/download/storage/v1/${path}?generation=${generation}&alt=media`,
    name,
    bucket,
    generation,
    metageneration: String(object.metageneration),
    contentType: metadata.contentType ?? DEFAULT_CONTENT_TYPE,
    storageClass: metadata.storageClass ?? DEFAULT_STORAGE_CLASS,
    size: String(object.size),
    md5Hash: object.md5,
    crc32c: base64OfCrc32c(object.crc32c),
    etag: etagOf(object),
    componentCount: object.componentCount,
    ...descriptive(metadata),
    timeCreated: created,
    updated: new Date(object.updatedAt).toISOString(),
    timeStorageClassUpdated: created,
    timeFinalized: created,
  }
}

function descriptive(metadata: Metadata): object {
  const { cacheControl, contentDisposition, contentEncoding, contentLanguage } = metadata
  const { custom, customTime } = metadata
  const hasCustom = custom !== undefined && Object.keys(custom).length > 0
  return {
    cacheControl,
    contentDisposition,
    contentEncoding,
    contentLanguage,
    customTime,
    metadata: hasCustom ? custom : undefined,
  }
}

export function bucketResource(bucket: Bucket, base: string): object {
  const { name } = bucket
  return {
    kind: 'storage#bucket',
    id: name,
    selfLink: `${base}/storage/v1/b/${encodeURIComponent(name)}`,
    projectNumber: '0',
    name,
    metageneration: String(bucket.metageneration),
    location: 'US',
    locationType: 'multi-region',
    storageClass: DEFAULT_STORAGE_CLASS,
    etag: etag(0, bucket.metageneration),
    timeCreated: new Date(bucket.createdAt).toISOString(),
    updated: new Date(bucket.updatedAt).toISOString(),
    iamConfiguration: {
      uniformBucketLevelAccess: { enabled: false },
      bucketPolicyOnly: { enabled: false },
      publicAccessPrevention: 'inherited',
    },
  }
}

export function etagOf({ generation, metageneration }: StoredObject): string {
  return etag(generation, metageneration)
}

/** Opaque to clients; the real one is a small protobuf message of generation and metageneration, and so is ours. */
function etag(generation: number, metageneration: number): string {
  const bytes = [0x08, ...varint(generation), 0x10, ...varint(metageneration)]
  return Buffer.from(bytes).toString('base64')
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  // A generation exceeds 32 bits: divided, not shifted.
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return [...bytes, rest]
}
