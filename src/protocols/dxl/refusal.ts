/**
 * How this door says no: one text for all of its forms, and the HTTP status that goes with it where there is one (dxl.md §6).
 */

import { type Failure, UploadError } from '../../engine/failure.ts'

/** What the door itself refuses. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  /** When to come back, where that is known. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, message: string, retryAfterSeconds?: number) {
    super(message)
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export function refused(status: number, message: string, retryAfterSeconds?: number): Refusal {
  return new Refusal(status, message, retryAfterSeconds)
}

export function unexpectedSegment(expected: number, received: number): Refusal {
  return refused(409, `unexpected segment number: expected ${expected}, received ${received}`)
}

/** The same for whatever went wrong; undefined where it is a mistake of ours, of which nothing is shown. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error
  return error instanceof UploadError ? refusalTo(error.failure) : undefined
}

function refusalTo(failure: Failure): Refusal {
  switch (failure.code) {
    case 'chunk_out_of_order':
      return unexpectedSegment(failure.expected, failure.received)
    // The id stands for nothing that goes on (DXL-11, DXL-20).
    case 'session_not_found':
    case 'session_cancelled':
    case 'session_invalid':
    case 'session_ended':
      return refused(409, 'unexpected segment: there is no such upload any more')
    case 'session_exists':
    case 'segment_busy':
    case 'superseded':
      return refused(409, 'another request is writing to this upload')

    case 'size_mismatch': {
      const { declared, size, checksum } = failure
      const sizes = `the file has ${size} bytes, not ${declared}`
      return refused(422, checksum === undefined ? sizes : `${sizes}; ${mismatch(checksum)}`)
    }
    case 'checksum_mismatch':
      return refused(422, mismatch(failure))

    case 'too_large':
      return refused(413, `a file may have at most ${failure.limit} bytes`)
    case 'object_name_invalid':
      return refused(400, `invalid file name: use ${failure.expected}`)

    // Of chunks with offsets and totals, which this protocol has not.
    case 'offset_gap':
    case 'offset_behind':
    case 'total_mismatch':
    case 'past_total':
    case 'incomplete':
    case 'segment_differs':
    case 'segments_missing':
    case 'chunk_too_small':
      return refused(400, 'invalid segment')
    case 'length_mismatch':
      return refused(400, `the segment has ${failure.received} bytes, not ${failure.expected}`)
    case 'body_cut':
      return refused(400, 'the segment was cut off')
    case 'body_idle':
      return refused(408, 'the segment did not come to its end')
    case 'precondition_failed':
      return refused(412, 'a precondition failed')

    case 'object_not_found':
      return refused(404, 'no such file')
    // Also what there is, but not for whoever asks.
    case 'bucket_not_found':
    case 'bucket_name_invalid':
      return refused(404, `the bucket ${failure.bucket} does not exist`)
    case 'bucket_exists':
    case 'bucket_not_empty':
      return refused(500, 'the bucket cannot be used')

    case 'no_space':
      return refused(507, 'no space left; the upload can go on when there is room again', 30)
    case 'shutting_down':
      return refused(503, 'the server is stopping; the upload can go on after its next start', 1)
    case 'too_many_bodies':
      return refused(503, 'too many requests at a time; try again', 5)
    case 'too_many_sessions':
      return refused(503, 'too many uploads at a time; try again', 30)
    case 'access_denied':
      return refused(403, `${failure.principal} may not ${failure.scope} here`)
    case 'too_many_requests':
      return refused(429, 'too many requests; try again', failure.retryAfterSeconds)
    case 'blob_short':
    case 'storage_failed':
    case 'catalog_failed':
      return refused(500, 'storage failed')
  }
}

function mismatch(failure: Extract<Failure, { code: 'checksum_mismatch' }>): string {
  return `the file's ${failure.algorithm} is ${failure.computed}, not ${failure.declared}`
}
