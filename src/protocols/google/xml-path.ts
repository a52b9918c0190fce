/**
 * What a path of the XML API names (gcs.md §1, R13): the first segment is the bucket, all the rest the object. Split raw,
 * decoded once: Go sends `dir%2Fa`, signed URLs `dir/a`, and both mean the same object.
 */

import { RESERVED_BUCKETS } from '../../engine/names.ts'
import { decode } from '../../http/query.ts'

export type XmlResource =
  | { readonly kind: 'bucket'; readonly bucket: string }
  | { readonly kind: 'object'; readonly bucket: string; readonly name: string }

/** Undefined where the path belongs to another door, or to none. */
export function parseXmlPath(url: string): XmlResource | undefined {
  const [path = ''] = url.split('?', 1)
  const [, rawBucket = '', ...rest] = path.split('/')
  const bucket = decode(rawBucket, 'path')
  // `/-/…` is for operations (design §5).
  if (bucket === '' || bucket === '-' || RESERVED_BUCKETS.has(bucket)) return undefined
  const name = decode(rest.join('/'), 'path')
  return name === '' ? { kind: 'bucket', bucket } : { kind: 'object', bucket, name }
}
