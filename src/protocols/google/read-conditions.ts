/**
 * Conditions on reads (gcs.md §9.1, §9.2): what the query or x-goog-* headers ask of generations, and the conditional headers
 * of RFC 9110 §13 on top. A match that fails is 412; what the client has already is 304.
 */

import type { IncomingHttpHeaders } from 'node:http'
import { UploadError } from '../../engine/failure.ts'
import type { Preconditions, StoredObject } from '../../engine/ports.ts'
import { checkPreconditions } from '../../engine/preconditions.ts'

/** What a validator can be compared with. Last-Modified has whole seconds only. */
export interface Validators {
  /** As it is sent, with or without quotes. */
  readonly etag: string
  readonly modifiedAt: number
}

export interface ConditionalRead {
  readonly headers: IncomingHttpHeaders
  readonly preconditions: Preconditions
  readonly object: StoredObject
  readonly etag: string
}

/** False where the answer is 304. Throws `precondition_failed`. */
export function isWanted({ headers, preconditions, object, etag }: ConditionalRead): boolean {
  const { generationNotMatch, metagenerationNotMatch, ...matches } = preconditions
  checkPreconditions(matches, object)
  const verdict = judgeRead(headers, { etag, modifiedAt: object.updatedAt })
  if (verdict === 'failed') {
    throw new UploadError({ code: 'precondition_failed', condition: 'header' })
  }
  return (
    verdict === 'wanted' &&
    generationNotMatch !== object.generation &&
    metagenerationNotMatch !== object.metageneration
  )
}

/** RFC 9110 §13.2.2: tags beat dates, and matches come before what is known already. */
export function judgeRead(
  headers: IncomingHttpHeaders,
  { etag, modifiedAt }: Validators,
): 'wanted' | 'not_modified' | 'failed' {
  const match = headers['if-match']
  const unmodifiedSince = dateOf(headers['if-unmodified-since'])
  if (match !== undefined) {
    if (!lists(match, etag, false)) return 'failed'
  } else if (unmodifiedSince !== undefined && seconds(modifiedAt) > unmodifiedSince) {
    return 'failed'
  }
  const noneMatch = headers['if-none-match']
  const modifiedSince = dateOf(headers['if-modified-since'])
  if (noneMatch !== undefined) {
    if (lists(noneMatch, etag, true)) return 'not_modified'
  } else if (modifiedSince !== undefined && seconds(modifiedAt) <= modifiedSince) {
    return 'not_modified'
  }
  return 'wanted'
}

/** If-Range, RFC 9110 §13.1.5: false where the range is of another version, so that the whole must be sent. */
export function isRangeCurrent(
  { 'if-range': condition }: IncomingHttpHeaders,
  { etag, modifiedAt }: Validators,
): boolean {
  if (condition === undefined) return true
  const date = dateOf(String(condition))
  return date === undefined ? bare(String(condition)) === bare(etag) : date === seconds(modifiedAt)
}

/** §9.2: tags are compared with or without quotes. Weak tags count only where the bytes are not what is asked about. */
function lists(header: string, etag: string, countsWeak: boolean): boolean {
  return header.split(',').some(entry => {
    const tag = entry.trim()
    if (tag === '*') return true
    return bare(countsWeak ? tag.replace(/^W\//, '') : tag) === bare(etag)
  })
}

function bare(tag: string): string {
  return tag.trim().replace(/^"(.*)"$/, '$1')
}

/** Seconds of an HTTP date in any of its three forms; undefined where it is none, and then the header does not count. */
function dateOf(header: string | undefined): number | undefined {
  if (header === undefined || !/^[A-Z][a-z]{2,8},? /.test(header)) return undefined
  const ms = Date.parse(header.endsWith('GMT') ? header : `${header} GMT`)
  return Number.isNaN(ms) ? undefined : seconds(ms)
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
