/** UCloud's drives as an operator writes them: `1=uploads,2=media/incoming`, a number, a bucket and a prefix within it. */

import { checkBucketName } from '../engine/names.ts'

export interface Drive {
  readonly bucket: string
  /** Without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string
}

/** The part of a name's 1024 bytes that a prefix may take. */
const PREFIX_BYTES = 256

/** Undefined for what cannot be read, or gives a drive twice. */
export function parseDrives(text: string): Readonly<Record<string, Drive>> | undefined {
  const drives: Record<string, Drive> = {}
  for (const entry of text.split(',')) {
    const [, id, bucket, prefix = ''] = /^(\d{1,19})=([^/]+)(?:\/(.+))?$/.exec(entry) ?? []
    if (id === undefined || bucket === undefined || id in drives) return undefined
    if (!isBucketName(bucket) || !isPrefix(prefix)) return undefined
    drives[id] = { bucket, prefix }
  }
  return drives
}

function isBucketName(bucket: string): boolean {
  try {
    checkBucketName(bucket)
    return true
  } catch {
    return false
  }
}

function isPrefix(prefix: string): boolean {
  if (prefix === '') return true
  const isPlain = prefix.split('/').every(component => !['', '.', '..'].includes(component))
  return isPlain && Buffer.byteLength(prefix) <= PREFIX_BYTES && !/\p{Cc}/u.test(prefix)
}
