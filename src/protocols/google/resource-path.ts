/**
 * What a path names (gcs.md §1): the raw path is split first and decoded once afterwards, because an object may be called
 * `x/acl` or hold a literal `%2F`. Slashes that a client did not encode belong to the object's name.
 */

import { decode } from '../../http/query.ts'

export type Resource =
  | { readonly kind: 'buckets' }
  | { readonly kind: 'bucket'; readonly bucket: string }
  | { readonly kind: 'objects'; readonly bucket: string }
  | { readonly kind: 'object'; readonly bucket: string; readonly name: string }
  /** A part of the API that is not served, such as `iam` or `compose`. */
  | { readonly kind: 'other'; readonly what: string }

const VERB = /\/(rewriteTo|copyTo)\/b\/[^/]+\/o\/|\/moveTo\/o\/|\/compose$/

/** `path` is what follows `/b` in the raw path, without the query. `isPost`: only then may a verb end the path. */
export function parseResource(path: string, isPost: boolean): Resource {
  const [, rawBucket = '', collection, ...rest] = path.split('/')
  if (rawBucket === '') return { kind: 'buckets' }
  const bucket = decode(rawBucket, 'path')
  if (collection === undefined || collection === '') return { kind: 'bucket', bucket }
  if (collection !== 'o') return { kind: 'other', what: collection }
  const rawName = rest.join('/')
  if (rawName === '') return { kind: 'objects', bucket }
  const [verb] = (isPost && VERB.exec(`/${rawName}`)) || []
  if (verb !== undefined) return { kind: 'other', what: verb.split('/')[1] ?? verb }
  return { kind: 'object', bucket, name: decode(rawName, 'path') }
}

/** The bucket of an upload path: what follows `/b` is `/{b}/o`, with or without a slash at its end. Undefined for other paths. */
export function parseUploadBucket(path: string): string | undefined {
  const [, rawBucket = '', collection, end, ...rest] = path.split('/')
  const isUpload = collection === 'o' && (end === undefined || end === '') && rest.length === 0
  return isUpload && rawBucket !== '' ? decode(rawBucket, 'path') : undefined
}
