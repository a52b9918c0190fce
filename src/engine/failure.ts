/**
 * Everything that can go wrong with an upload, as data. The union is closed: each door answers every code in one
 * exhaustive switch, so a new code does not compile until every door has an answer for it. No HTTP statuses here.
 */

import type { Scope } from './principal.ts'

export type Failure =
  // Sessions
  | { readonly code: 'session_not_found' }
  | { readonly code: 'session_exists' }
  /** The client cancelled it earlier. */
  | { readonly code: 'session_cancelled' }
  /** It can take no more bytes; `reason` is what ended it, stored at that time. */
  | { readonly code: 'session_invalid'; readonly reason: Failure }
  /** It ended while this request was under way. */
  | { readonly code: 'session_ended' }
  // Chunks
  /** The chunk starts beyond what is persisted: bytes are missing between them. */
  | { readonly code: 'offset_gap'; readonly offset: number; readonly persisted: number }
  /** The chunk starts below what is persisted, in a protocol that refuses bytes sent again. */
  | { readonly code: 'offset_behind'; readonly offset: number; readonly persisted: number }
  /** Numbered chunks come one after the other; this is not the next one. */
  | { readonly code: 'chunk_out_of_order'; readonly expected: number; readonly received: number }
  /** Another total than the one already fixed. */
  | { readonly code: 'total_mismatch'; readonly declared: number; readonly total: number }
  /** The chunk, or what is persisted already, ends beyond the total. */
  | { readonly code: 'past_total'; readonly end: number; readonly total: number }
  /** The body has another length than its declared range. `received` is what came or was announced. */
  | {
      readonly code: 'length_mismatch'
      readonly offset: number
      readonly expected: number
      readonly received: number
    }
  /** A chunk that is not the last is smaller than the granule. Ends the session. */
  | { readonly code: 'chunk_too_small'; readonly granule: number; readonly received: number }
  /** Chunks missing when a session with numbered segments is finalized. */
  | { readonly code: 'incomplete'; readonly persisted: number; readonly total: number }
  /** Declared segments that are not there when the session is finalized: the first thousand, and how many in all. */
  | {
      readonly code: 'segments_missing'
      readonly numbers: readonly number[]
      readonly count: number
    }
  /** The session is done, and this segment of it had other bytes. */
  | { readonly code: 'segment_differs'; readonly segment: number }
  /** The content would be larger than TIDEMARK_MAX_OBJECT_SIZE. */
  | { readonly code: 'too_large'; readonly limit: number }
  // Writers
  /** Another request is writing, in a protocol that refuses a second one. */
  | { readonly code: 'segment_busy' }
  /** A newer request for the same session took over. */
  | { readonly code: 'superseded' }
  /** The body was silent for too long; what arrived is kept where the protocol allows it. */
  | { readonly code: 'body_idle'; readonly idleMs: number }
  /** The connection broke before the body was complete. */
  | { readonly code: 'body_cut' }
  // Checks at the end
  | ChecksumMismatch
  /** The content has another size than was declared at its end; `checksum` where one that was declared is wrong, too. */
  | {
      readonly code: 'size_mismatch'
      readonly declared: number
      readonly size: number
      readonly checksum?: ChecksumMismatch
    }
  | { readonly code: 'precondition_failed'; readonly condition: string }
  // Names
  | { readonly code: 'bucket_not_found'; readonly bucket: string }
  | { readonly code: 'bucket_exists'; readonly bucket: string }
  | { readonly code: 'bucket_not_empty'; readonly bucket: string }
  | { readonly code: 'bucket_name_invalid'; readonly bucket: string; readonly expected: string }
  | { readonly code: 'object_not_found'; readonly bucket: string; readonly name: string }
  | { readonly code: 'object_name_invalid'; readonly expected: string }
  // More than the server is set to take
  /** Too many requests of one client; it may come again after so long. `who`: what its requests were counted by. */
  | {
      readonly code: 'too_many_requests'
      readonly who: 'address' | 'principal'
      readonly retryAfterSeconds: number
    }
  /** As many bodies as may be are on their way (TIDEMARK_MAX_BODIES). */
  | { readonly code: 'too_many_bodies'; readonly limit: number }
  /** As many sessions as may be are open (TIDEMARK_MAX_SESSIONS). */
  | { readonly code: 'too_many_sessions'; readonly limit: number }
  // Rights
  /** Within the principal's limits, but not among its scopes. */
  | { readonly code: 'access_denied'; readonly scope: Scope; readonly principal: string }
  // The server's own troubles
  /** The disk's reserve is reached. Sessions survive; the client should come back. */
  | { readonly code: 'no_space' }
  /** A blob holds fewer bytes than were promised. */
  | { readonly code: 'blob_short'; readonly blob: string }
  | { readonly code: 'storage_failed' }
  | { readonly code: 'catalog_failed' }
  | { readonly code: 'shutting_down' }

export interface ChecksumMismatch {
  readonly code: 'checksum_mismatch'
  readonly algorithm: 'crc32c' | 'md5' | 'sha256'
  readonly declared: string
  readonly computed: string
}

export type FailureCode = Failure['code']

export class UploadError extends Error {
  override readonly name = 'UploadError'
  readonly failure: Failure

  /** `cause` is the foreign error that was met, for the log; it is never shown to a client. */
  constructor(failure: Failure, options?: ErrorOptions) {
    super(describe(failure), options)
    this.failure = failure
  }
}

/** For logs: the code and its figures. Doors write their own texts. */
function describe(failure: Failure): string {
  const { code, ...figures } = failure
  return Object.keys(figures).length === 0 ? code : `${code} ${JSON.stringify(figures)}`
}

/**
 * True where the failure is a decision, after which nothing happened. False where it is unclear what reached the disk: then
 * nothing may be freed on the strength of it.
 */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof UploadError)) return false
  return error.failure.code !== 'storage_failed' && error.failure.code !== 'catalog_failed'
}
