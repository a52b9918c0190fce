/**
 * Objects as clients read them (gcs.md §3). 64-bit integers are strings, times are RFC 3339, and what is not there is left
 * out rather than null.
 */

import type { StoredObject } from '../../engine/ports.ts'
import { base64OfCrc32c } from '../../engine/verification.ts'
import { objectAccess } from './access-control.ts'
import { writableResource } from './metadata.ts'

export const DEFAULT_CONTENT_TYPE = 'application/octet-stream'
export const DEFAULT_STORAGE_CLASS = 'STANDARD'

/** `base` is the address that the client used (gcs.md §3). With `projection=full` it says whose the object is, too. */
export function objectResource(object: StoredObject, base: string, projection?: string): object {
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
    ...writableResource(metadata),
    contentType: metadata.contentType ?? DEFAULT_CONTENT_TYPE,
    storageClass: metadata.storageClass ?? DEFAULT_STORAGE_CLASS,
    retentionExpirationTime: metadata.retention?.retainUntilTime,
    size: String(object.size),
    md5Hash: object.md5,
    crc32c: base64OfCrc32c(object.crc32c),
    etag: etagOf(object),
    componentCount: object.componentCount,
    timeCreated: created,
    updated: new Date(object.updatedAt).toISOString(),
    timeStorageClassUpdated: created,
    timeFinalized: created,
    ...(projection === 'full' && objectAccess(object)),
  }
}

export function etagOf({ generation, metageneration }: StoredObject): string {
  return etag(generation, metageneration)
}

/** Opaque to clients; the real one is a small protobuf message of generation and metageneration, and so is ours. */
export function etag(generation: number, metageneration: number): string {
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
