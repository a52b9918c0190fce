/**
 * A request's fields (dxl.md §2.2), all of them strings: what is asked for, checked before anything is looked up. Fields that nobody knows are ignored (DXL-21).
 */

import { parseFileName } from './file-name.ts'
import { refused } from './refusal.ts'

export type Field = (name: string) => string | undefined

/** What the last segment says of the file. */
export interface Description {
  readonly name: string
  readonly size: number
  /** In lower case. Not necessarily one: what is none matches no file. */
  readonly sha256: string
}

export type SegmentRequest =
  | { readonly kind: 'cancel'; readonly fileId: string | undefined }
  | {
      readonly kind: 'segment'
      readonly fileId: string | undefined
      readonly number: number
      /** Present with the last segment. */
      readonly store: Description | undefined
    }
  /** A last segment whose file has an empty name: nothing can come of this upload (§3.1). */
  | { readonly kind: 'nameless'; readonly fileId: string | undefined }

/** Ids that a client may choose; ours are of this form, too. */
const FILE_ID = /^[A-Za-z0-9_-]{1,64}$/

export function parseSegmentRequest(field: Field): SegmentRequest {
  const result = field('result') ?? ''
  const fileId = parseFileId(field('file_id'))
  // Clients send along the name that has just been refused.
  if (result === 'cancel') return { kind: 'cancel', fileId }
  const number = integer('segment_number', field)
  const size = integer('size', field)
  const path = field('name')
  const name = path ? parseFileName(path) : undefined
  const sha256 = field('hash_sha256')?.toLowerCase()

  if (result !== '' && result !== 'store') {
    throw refused(400, `unknown result: ${printable(result)}`)
  }
  if (result === 'store' && (path === undefined || size === undefined || !sha256)) {
    throw refused(400, 'the last segment needs name, size and hash_sha256')
  }
  if (number === undefined) throw refused(400, 'segment_number is missing')
  if (number < 1) throw refused(400, 'segment_number counts from 1')
  if (result !== 'store') return { kind: 'segment', fileId, number, store: undefined }
  if (name === undefined) return { kind: 'nameless', fileId }
  return { kind: 'segment', fileId, number, store: { name, size: size ?? 0, sha256: sha256 ?? '' } }
}

/** `undefined` where there is none, for which an empty one counts too. */
export function parseFileId(fileId: string | undefined): string | undefined {
  if (fileId === undefined || fileId === '') return undefined
  if (FILE_ID.test(fileId)) return fileId
  throw refused(400, 'invalid file_id: use 1 to 64 of A-Z, a-z, 0-9, "_" and "-"')
}

/** One beyond all safe integers is still a number, which nothing equals. */
function integer(name: string, field: Field): number | undefined {
  const text = field(name)
  if (text === undefined) return undefined
  if (!/^\d{1,30}$/.test(text)) throw refused(400, `${name} is not a number: ${printable(text)}`)
  return Number(text)
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 40))
}
