/**
 * What a path names (gcs.md §1): the raw path is split first and decoded once afterwards, because an object may be called
 * `x/acl` or hold a literal `%2F`. Slashes that a client did not encode belong to the object's name; the words of the API
 * count only where they are not encoded, and only where the method could mean them.
 */

import { decode } from '../../http/query.ts'

export interface Named {
  readonly bucket: string
  readonly name: string
}

/** Something that hangs on a bucket or an object, such as its `acl`; `rest` is what follows, undecoded. */
export interface Part {
  readonly what: string
  readonly rest: string
}

export type Resource =
  | { readonly kind: 'buckets' }
  | { readonly kind: 'bucket'; readonly bucket: string }
  | { readonly kind: 'bucketPart'; readonly bucket: string; readonly part: Part }
  | { readonly kind: 'objects'; readonly bucket: string }
  /** Where `part` is there the path may mean that part of `of` just as well: `x/acl`, with its slash not encoded. */
  | ({
      readonly kind: 'object'
      readonly part?: Part & { readonly of: Named }
    } & Named)
  | { readonly kind: 'compose'; readonly destination: Named }
  | {
      readonly kind: 'rewriteTo' | 'copyTo' | 'moveTo'
      readonly source: Named
      readonly destination: Named
    }

// A verb that comes first wins: the source's name is the shorter one.
const TRANSFER = /^(.+?)\/(rewriteTo|copyTo)\/b\/([^/]+)\/o\/(.+)$/
const MOVE = /^(.+?)\/moveTo\/o\/(.+)$/
const COMPOSE = /^(.+)\/compose$/
const PART = /^(.+)\/(acl|iam)(?:\/([^/]+))?$/

/** `path` is what follows `/b` in the raw path, without the query. `isPost`: only then may a verb end the path. */
export function parseResource(path: string, isPost: boolean): Resource {
  const [, rawBucket = '', collection, ...rest] = path.split('/')
  if (rawBucket === '') return { kind: 'buckets' }
  const bucket = decode(rawBucket, 'path')
  if (collection === undefined || collection === '') return { kind: 'bucket', bucket }
  const raw = rest.join('/')
  if (collection !== 'o')
    return { kind: 'bucketPart', bucket, part: { what: collection, rest: raw } }
  if (raw === '') return { kind: 'objects', bucket }
  const verb = isPost ? parseVerb(bucket, raw) : undefined
  return verb ?? { kind: 'object', ...named(bucket, raw), ...parsePart(bucket, raw) }
}

/** The bucket of an upload path: what follows `/b` is `/{b}/o`, with or without a slash at its end. Undefined for other paths. */
export function parseUploadBucket(path: string): string | undefined {
  const [, rawBucket = '', collection, end, ...rest] = path.split('/')
  const isUpload = collection === 'o' && (end === undefined || end === '') && rest.length === 0
  return isUpload && rawBucket !== '' ? decode(rawBucket, 'path') : undefined
}

function parseVerb(bucket: string, raw: string): Resource | undefined {
  const [, source, how, toBucket, to] = TRANSFER.exec(raw) ?? []
  if (source !== undefined && toBucket !== undefined && to !== undefined) {
    return {
      kind: how === 'copyTo' ? 'copyTo' : 'rewriteTo',
      source: named(bucket, source),
      destination: named(decode(toBucket, 'path'), to),
    }
  }
  const [, moved, target] = MOVE.exec(raw) ?? []
  if (moved !== undefined && target !== undefined) {
    return { kind: 'moveTo', source: named(bucket, moved), destination: named(bucket, target) }
  }
  const [, composed] = COMPOSE.exec(raw) ?? []
  return composed === undefined
    ? undefined
    : { kind: 'compose', destination: named(bucket, composed) }
}

function parsePart(bucket: string, raw: string): Pick<Extract<Resource, Named>, 'part'> {
  const [, of, what, rest = ''] = PART.exec(raw) ?? []
  if (of === undefined || what === undefined) return {}
  return { part: { of: named(bucket, of), what, rest } }
}

function named(bucket: string, raw: string): Named {
  return { bucket, name: decode(raw, 'path') }
}
