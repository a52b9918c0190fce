/**
 * Names of buckets and objects. Every door publishes under these, whatever its protocol calls them. Names are data: no
 * part of one is ever part of a path on the disk.
 */

import { UploadError } from './failure.ts'

/** First path segments that routes use (design §5). A bucket of that name could not be reached path-style. */
export const RESERVED_BUCKETS: ReadonlySet<string> = new Set([
  'b',
  'batch',
  'download',
  'dxl',
  'gws',
  'ietf',
  'resumable',
  'retry_test',
  'storage',
  'tus',
  'ucloud',
  'upload',
  'v0',
  'api',
  'discovery',
])

/** gcs.md §2: 3–63 of `[a-z0-9._-]`, alphanumeric at both ends; up to 222 in dotted form, no component over 63. */
export function checkBucketName(bucket: string): void {
  const isWellFormed =
    /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(bucket) &&
    !bucket.includes('..') &&
    bucket.split('.').every(component => component.length <= 63)
  if (!isWellFormed) {
    const expected =
      '3 to 63 characters (222 with dots) of a-z, 0-9, ".", "_" and "-", beginning and ending with a letter or digit'
    throw new UploadError({ code: 'bucket_name_invalid', bucket, expected })
  }
  if (RESERVED_BUCKETS.has(bucket)) {
    throw new UploadError({
      code: 'bucket_name_invalid',
      bucket,
      expected: 'a name that is not reserved',
    })
  }
}

/** gcs.md §2: 1–1024 bytes of UTF-8, no CR or LF, not `.` or `..`, not below `.well-known/acme-challenge/`. NUL is refused too. */
export function checkObjectName(name: string): void {
  const bytes = Buffer.byteLength(name)
  const refuse = (expected: string): never => {
    throw new UploadError({ code: 'object_name_invalid', expected })
  }
  if (bytes < 1 || bytes > 1024) refuse(`1 to 1024 bytes of UTF-8, not ${bytes}`)
  if (!name.isWellFormed()) refuse('well-formed UTF-8')
  if (/[\r\n\0]/.test(name)) refuse('no carriage return, line feed or NUL')
  if (name === '.' || name === '..') refuse('a name other than "." and ".."')
  if (name.startsWith('.well-known/acme-challenge/'))
    refuse('a name not below ".well-known/acme-challenge/"')
}
