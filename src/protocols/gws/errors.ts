/** Failures as this protocol writes them (gws.md §2, §6.3): `{"status":…,"error":{"code":…,"info":…}}`, in the answer's format. */

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type Failure, UploadError } from '../../engine/failure.ts'
import { Unauthenticated } from '../../http/authentication.ts'
import { MalformedEncoding } from '../../http/query.ts'
import { UnknownTransferCoding } from '../../http/transfer-coding.ts'
import { send } from './format.ts'
import { type Answer, Refusal } from './refusal.ts'

/** Answers anything thrown in the door, Fastify's own errors included. */
export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const answer = answerOf(error)
  if (answer.status === 500) request.log.error({ err: error }, 'failed')
  else request.log.debug({ err: error }, 'refused')
  return sendAnswer(request, reply, answer)
}

export function sendAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, info, extra, headers }: Answer,
): FastifyReply {
  // What was said of an object that is not sent after all.
  for (const name of ['content-length', 'content-disposition']) reply.removeHeader(name)
  if (headers !== undefined) reply.headers(headers)
  return send(request, reply.code(status), { status, error: { code: status, info }, ...extra })
}

function answerOf(error: unknown): Answer {
  if (error instanceof Refusal) return error.answer
  if (error instanceof UploadError) return answerTo(error.failure)
  if (error instanceof MalformedEncoding) return refused(400, error.message)
  if (error instanceof UnknownTransferCoding) return refused(501, 'no transfer coding but chunked')
  if (error instanceof Unauthenticated) return refused(401, error.message)
  const { statusCode = 500 } = error as Partial<FastifyError>
  if (statusCode >= 400 && statusCode < 500) return refused(statusCode, 'bad request')
  // A mistake of ours. Nothing of it is shown.
  return refused(500, 'internal error')
}

function answerTo(failure: Failure): Answer {
  switch (failure.code) {
    case 'session_not_found':
    case 'session_cancelled':
      return refused(404, 'unknown upload')
    case 'session_exists':
    case 'session_ended':
    case 'session_invalid':
      return refused(409, 'the upload can no longer be used')

    case 'segments_missing':
      return {
        ...refused(409, `incomplete: ${failure.count} chunk(s) are missing`),
        extra: { missing: failure.numbers },
      }
    case 'incomplete':
    case 'size_mismatch':
      return refused(409, `incomplete: the chunks have another size than totalSize`)
    case 'segment_differs':
      return refused(409, 'the upload is finished, and this chunk of it is another')
    case 'segment_busy':
    case 'superseded':
      return refused(409, 'another request was faster')
    case 'checksum_mismatch':
    case 'precondition_failed':
      return refused(409, 'the upload cannot be published')

    case 'too_large':
      return refused(400, `an upload may have at most ${failure.limit} bytes`)
    case 'offset_gap':
    case 'offset_behind':
    case 'chunk_out_of_order':
    case 'chunk_too_small':
    case 'total_mismatch':
    case 'past_total':
    case 'length_mismatch':
      return refused(400, 'invalid chunk')

    case 'body_cut':
    case 'body_idle':
      return { ...refused(408, 'the request did not come to its end'), headers: CLOSE }

    case 'bucket_not_found':
    case 'object_not_found':
      return refused(404, 'not found')
    case 'bucket_exists':
    case 'bucket_not_empty':
      return refused(409, 'conflict')
    case 'bucket_name_invalid':
    case 'object_name_invalid':
      return refused(400, 'invalid name')

    case 'access_denied':
      return refused(403, 'access denied')
    case 'too_many_requests':
      return { ...refused(429, 'too many requests'), headers: after(failure.retryAfterSeconds) }
    case 'too_many_bodies':
      return { ...refused(503, 'busy'), headers: after(5) }
    case 'too_many_sessions':
      return { ...refused(503, 'too many uploads'), headers: after(30) }
    case 'shutting_down':
      return { ...refused(503, 'shutting down'), headers: after(1) }

    case 'no_space':
      return { ...refused(507, 'no space left'), headers: after(30) }
    case 'blob_short':
    case 'storage_failed':
    case 'catalog_failed':
      return refused(500, 'internal error')
  }
}

const CLOSE = { connection: 'close' }

function after(seconds: number): Readonly<Record<string, string>> {
  return { 'retry-after': String(seconds) }
}

function refused(status: number, info: string): Answer {
  return { status, info }
}
