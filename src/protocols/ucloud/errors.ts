/**
 * Failures as §8.6 has them: a status and the common error object. Every engine failure has its answer in one switch; what
 * the door itself refuses comes with its answer.
 */

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type Failure, UploadError } from '../../engine/failure.ts'
import { Unauthenticated } from '../../http/authentication.ts'
import { MalformedEncoding } from '../../http/query.ts'
import { UnknownTransferCoding } from '../../http/transfer-coding.ts'
import { sendJson } from './door.ts'
import { type Answer, type ErrorCode, Refusal } from './refusal.ts'

/** Answers anything thrown in the door, Fastify's own errors included. */
export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { status, errorCode, why, headers } = answerOf(error)
  // What clients and full disks bring along every day has other answers.
  if (status === 500) request.log.error({ err: error }, 'failed')
  else request.log.debug({ err: error }, 'refused')
  // An error is none of the bytes of the object whose answer failed.
  for (const name of ['content-length', 'content-disposition']) {
    reply.removeHeader(name)
    if (!reply.raw.headersSent) reply.raw.removeHeader(name)
  }
  reply.code(status)
  if (headers !== undefined) reply.headers(headers)
  return sendJson(reply, { why, errorCode })
}

function answerOf(error: unknown): Answer {
  if (error instanceof UploadError) return answerTo(error.failure)
  if (error instanceof Refusal) return error.answer
  if (error instanceof MalformedEncoding) {
    return answer(400, 'BAD_REQUEST', `Malformed percent-encoding or UTF-8 in the ${error.where}.`)
  }
  if (error instanceof Unauthenticated) {
    return answer(401, 'UNAUTHORIZED', 'A valid key is needed.')
  }
  if (error instanceof UnknownTransferCoding) {
    return answer(501, 'BAD_REQUEST', 'A transfer coding other than chunked.')
  }
  const { statusCode } = error as Partial<FastifyError>
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return answer(statusCode, 'BAD_REQUEST', 'Bad request.')
  }
  // A mistake of ours. Nothing of it is shown.
  return ioError()
}

function answerTo(failure: Failure): Answer {
  switch (failure.code) {
    case 'session_not_found':
    case 'session_cancelled':
    case 'session_invalid':
    case 'session_ended':
      return answer(404, 'SESSION_NOT_FOUND', 'There is no upload with this token.')
    case 'session_exists':
      return answer(409, 'ALREADY_EXISTS', 'The upload exists already.')

    case 'offset_gap':
    case 'offset_behind':
      return answer(
        400,
        'OFFSET_OUT_OF_RANGE',
        `The offset is ${failure.offset}, but ${failure.persisted} bytes are stored.`,
      )
    case 'total_mismatch':
      return answer(
        400,
        'TOTAL_SIZE_MISMATCH',
        `The total size is ${failure.total} bytes, not ${failure.declared}.`,
      )
    case 'past_total':
      return answer(
        400,
        'CHUNK_EXCEEDS_TOTAL',
        `The content would end at ${failure.end}, beyond its total size of ${failure.total} bytes.`,
      )
    case 'too_large':
      return answer(413, 'CHUNK_TOO_LARGE', `A file may have at most ${failure.limit} bytes.`)
    case 'length_mismatch':
      return answer(
        400,
        'BAD_REQUEST',
        `The body has ${failure.received} bytes, not the ${failure.expected} that were declared.`,
      )
    // Not of this protocol's making.
    case 'chunk_too_small':
    case 'chunk_out_of_order':
    case 'incomplete':
    case 'segments_missing':
    case 'segment_differs':
    case 'checksum_mismatch':
    case 'size_mismatch':
    case 'bucket_exists':
    case 'bucket_not_empty':
    case 'bucket_name_invalid':
      return answer(400, 'BAD_REQUEST', 'The request cannot be carried out.')

    case 'segment_busy':
    case 'superseded':
      return answer(409, 'UPLOAD_IN_PROGRESS', 'Another chunk of this upload is being received.')
    case 'body_idle':
      return slow()
    case 'body_cut':
      return { ...answer(400, 'BAD_REQUEST', 'The body ended early.'), headers: CLOSE }

    case 'precondition_failed':
      return answer(409, 'ALREADY_EXISTS', 'There is a file of this name already.')
    case 'bucket_not_found':
    case 'object_not_found':
      return answer(404, 'NOT_FOUND', 'There is no such drive or file.')
    case 'object_name_invalid':
      return answer(400, 'INVALID_PATH', `The path is not allowed: use ${failure.expected}.`)

    case 'access_denied':
      return answer(403, 'FORBIDDEN', `${failure.principal} may not do this (${failure.scope}).`)

    case 'too_many_requests':
      return unavailable(429, 'TOO_MANY_REQUESTS', failure.retryAfterSeconds)
    case 'too_many_bodies':
      return unavailable(503, 'UNAVAILABLE', 5)
    case 'too_many_sessions':
      return unavailable(503, 'UNAVAILABLE', 30)
    case 'shutting_down':
      return unavailable(503, 'UNAVAILABLE', 1)
    case 'no_space':
      return answer(507, 'NO_SPACE', 'There is no room on the disk. The upload can go on later.')
    case 'blob_short':
    case 'storage_failed':
    case 'catalog_failed':
      return ioError()
  }
}

const CLOSE = { connection: 'close' }

/** The client stopped sending: nothing more can be expected on this connection (§6: close, never 200). */
export function slow(): Answer {
  return { ...answer(408, 'CHUNK_TIMEOUT', 'The body came too slowly.'), headers: CLOSE }
}

/** The server has no place for the request now. */
export function unavailable(
  status: number,
  errorCode: ErrorCode,
  retryAfterSeconds: number,
): Answer {
  const headers = { 'retry-after': String(retryAfterSeconds) }
  return { ...answer(status, errorCode, 'The server is busy. Try again later.'), headers }
}

function ioError(): Answer {
  return answer(500, 'IO_ERROR', 'The server could not store or read the file.')
}

function answer(status: number, errorCode: ErrorCode, why: string): Answer {
  return { status, errorCode, why }
}
