/**
 * What the door itself finds wrong with a request: thrown by its parsers, answered in one place (errors.ts) together with the
 * engine's failures.
 */

/** §8.6, and what keys and limits of the server bring. */
export type ErrorCode =
  | 'MISSING_TOKEN'
  | 'INVALID_OFFSET'
  | 'OFFSET_OUT_OF_RANGE'
  | 'INVALID_TOTAL_SIZE'
  | 'TOTAL_SIZE_MISMATCH'
  | 'CHUNK_EXCEEDS_TOTAL'
  | 'UNSUPPORTED_PROTOCOL'
  | 'INVALID_PATH'
  | 'BAD_REQUEST'
  | 'SESSION_NOT_FOUND'
  | 'NOT_FOUND'
  | 'CHUNK_TIMEOUT'
  | 'UPLOAD_IN_PROGRESS'
  | 'ALREADY_EXISTS'
  | 'LENGTH_REQUIRED'
  | 'CHUNK_TOO_LARGE'
  | 'IO_ERROR'
  | 'NO_SPACE'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'TOO_MANY_REQUESTS'
  | 'UNAVAILABLE'

export interface Answer {
  readonly status: number
  readonly errorCode: ErrorCode
  /** For people; unstable. */
  readonly why: string
  readonly headers?: Readonly<Record<string, string>>
}

export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly answer: Answer

  constructor(answer: Answer) {
    super(answer.why)
    this.answer = answer
  }
}

export function refuse(status: number, errorCode: ErrorCode, why: string): Refusal {
  return new Refusal({ status, errorCode, why })
}

export function sessionNotFound(): Refusal {
  return refuse(404, 'SESSION_NOT_FOUND', 'There is no upload with this token, or it has ended.')
}
