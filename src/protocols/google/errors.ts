/**
 * Failures as Google's clients know them. Every engine failure has its answer in one switch; what the door itself refuses
 * comes with its answer.
 */

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type Failure, type FailureCode, UploadError } from '../../engine/failure.ts'
import { Unauthenticated } from '../../http/authentication.ts'
import { MalformedEncoding } from '../../http/query.ts'
import { UnknownTransferCoding } from '../../http/transfer-coding.ts'
import { errorEnvelope } from './error-envelope.ts'
import { permissionOf } from './iam.ts'
import { type Answer, backendError, brokenBody, json, Refusal, text } from './refusal.ts'

/** Node's own phrase for 499 is "unknown"; nginx's is what people know. */
const PHRASES: Readonly<Record<number, string>> = { 499: 'Client Closed Request' }

const OUR_FAULTS: ReadonlySet<FailureCode> = new Set([
  'blob_short',
  'storage_failed',
  'catalog_failed',
])

/** Answers anything thrown in the door, Fastify's own errors included. */
export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (isOurs(error)) request.log.error({ err: error }, 'failed')
  else request.log.debug({ err: error }, 'refused')
  return sendAnswer(reply, answerOf(error))
}

/** Something for an operator to look at, as opposed to what clients and full disks bring along every day. */
function isOurs(error: unknown): boolean {
  if (error instanceof UploadError) return OUR_FAULTS.has(error.failure.code)
  const isTheirs = [Refusal, MalformedEncoding, UnknownTransferCoding, Unauthenticated].some(
    kind => error instanceof kind,
  )
  return !isTheirs && ((error as Partial<FastifyError>).statusCode ?? 500) >= 500
}

export function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  const phrase = PHRASES[answer.status]
  if (phrase !== undefined) reply.raw.statusMessage = phrase
  forgetContent(reply)
  reply.code(answer.status)
  if (answer.headers !== undefined) reply.headers(answer.headers)
  switch (answer.kind) {
    case 'empty':
      return reply.send()
    case 'text':
      return reply.type('text/plain; charset=utf-8').send(answer.text)
    case 'json':
      return reply.type('application/json; charset=UTF-8').send(errorEnvelope(answer))
  }
}

/** What speaks of the exchange, not of the content that was to come. */
const OF_THE_EXCHANGE =
  /^(?:vary|access-control-.*|connection|x-guploader-uploadid|www-authenticate)$/

/** An error is none of the bytes, tags and times of the object whose answer failed. */
export function forgetContent(reply: FastifyReply): void {
  for (const name of Object.keys(reply.getHeaders())) {
    if (OF_THE_EXCHANGE.test(name)) continue
    reply.removeHeader(name)
    // A stream's headers are with Node already when its first byte fails.
    if (!reply.raw.headersSent) reply.raw.removeHeader(name)
  }
}

function answerOf(error: unknown): Answer {
  if (error instanceof UploadError) return answerTo(error.failure)
  if (error instanceof Refusal) return error.answer
  if (error instanceof MalformedEncoding) {
    return json(400, 'invalid', `Malformed percent-encoding or UTF-8 in the ${error.where}.`)
  }
  if (error instanceof UnknownTransferCoding) {
    return json(501, 'notImplemented', 'Not implemented: a transfer coding other than chunked')
  }
  if (error instanceof Unauthenticated) return unauthenticated(error)
  const { statusCode } = error as Partial<FastifyError>
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return json(statusCode, 'badRequest', 'Bad Request')
  }
  // A mistake of ours. Nothing of it is shown.
  return json(500, 'internalError', 'Internal error.')
}

function answerTo(failure: Failure): Answer {
  switch (failure.code) {
    case 'session_not_found':
      return text(404, 'Not Found')
    case 'session_cancelled':
      return { status: 499, kind: 'empty' }
    case 'session_invalid':
      return answerAgain(failure.reason)
    case 'session_exists':
      return json(409, 'conflict', 'The upload session exists already.')
    case 'session_ended':
      return gone()

    case 'offset_gap':
      // §6.5: this sentence is a contract; Java reads it as data loss and stops.
      return text(
        503,
        `Invalid request.  According to the Content-Range header, the upload offset is ${failure.offset} byte(s), which exceeds already uploaded size of ${failure.persisted} byte(s).`,
      )
    case 'chunk_too_small':
      return text(
        400,
        `Invalid request.  The number of bytes uploaded is required to be equal or greater than ${failure.granule}, except for the final request (it's recommended to be the exact multiple of ${failure.granule}).  The received request contained ${failure.received} bytes, which does not meet this requirement.`,
      )
    case 'length_mismatch': {
      const { offset, expected, received } = failure
      return text(
        400,
        `Invalid request.  There were ${received} byte(s) in the request body.  There should have been ${expected} byte(s) (starting at offset ${offset} and ending at offset ${offset + expected - 1}) according to the Content-Range header.`,
      )
    }
    case 'offset_behind':
      return text(
        400,
        `Invalid request.  The upload offset is ${failure.offset} byte(s), but ${failure.persisted} byte(s) are uploaded already.`,
      )
    case 'chunk_out_of_order':
      return text(
        400,
        `Invalid request.  Chunk ${failure.received} was sent where ${failure.expected} is the next one.`,
      )
    case 'total_mismatch':
      return text(
        400,
        `Invalid request.  The total size was declared as ${failure.declared} byte(s), which is not the ${failure.total} byte(s) declared before.`,
      )
    case 'past_total':
      return text(
        400,
        `Invalid request.  The request ends at ${failure.end} byte(s), which exceeds the total size of ${failure.total} byte(s).`,
      )
    case 'incomplete':
      return text(
        400,
        `Invalid request.  ${failure.persisted} of ${failure.total} byte(s) are uploaded.`,
      )
    case 'segments_missing':
      return text(400, `Invalid request.  ${failure.count} part(s) are missing.`)
    case 'segment_differs':
      return json(409, 'conflict', 'The upload is complete, and this part of it is another.')
    case 'too_large':
      return json(413, 'uploadTooLarge', `Objects may have at most ${failure.limit} bytes.`)

    case 'body_idle':
    case 'body_cut':
      return brokenBody()
    case 'segment_busy':
    case 'superseded':
      return backendError()
    case 'shutting_down':
      return backendError(1)
    case 'no_space':
      // Design P10: Google's clients give up at 507, and come back after a 503.
      return backendError(30)

    case 'checksum_mismatch': {
      // §8: the message has the algorithm in capitals and the digest that was supplied.
      const { declared, computed } = failure
      const what = { crc32c: 'CRC32C', md5: 'MD5 hash', sha256: 'SHA256 hash' }[failure.algorithm]
      return json(
        400,
        'invalid',
        `Provided ${what} "${declared}" doesn't match calculated ${what} "${computed}".`,
      )
    }
    case 'size_mismatch':
      return json(
        400,
        'invalid',
        `The size was declared as ${failure.declared} byte(s), but is ${failure.size} byte(s).`,
      )
    case 'precondition_failed':
      return json(
        412,
        'conditionNotMet',
        'At least one of the pre-conditions you specified did not hold.',
        { type: 'header', name: 'If-Match' },
      )

    case 'bucket_not_found':
      return json(404, 'notFound', 'The specified bucket does not exist.')
    case 'bucket_exists':
      return json(
        409,
        'conflict',
        'Your previous request to create the named bucket succeeded and you already own it.',
      )
    case 'bucket_not_empty':
      return {
        ...json(409, 'conflict', 'The bucket you tried to delete was not empty.'),
        // gsutil looks for these words in a 409 (gcs_json_api.py), and says "already exists" without them.
        debugInfo: 'The bucket you tried to delete is not empty.',
      }
    case 'bucket_name_invalid':
      return json(
        400,
        'invalid',
        `Invalid bucket name: '${failure.bucket}'. Use ${failure.expected}.`,
      )
    case 'object_not_found':
      return json(404, 'notFound', `No such object: ${failure.bucket}/${failure.name}`)
    case 'object_name_invalid':
      return json(400, 'invalid', `Invalid object name. Use ${failure.expected}.`, {
        type: 'parameter',
        name: 'name',
      })

    case 'too_many_requests':
      return {
        ...json(
          429,
          failure.who === 'principal' ? 'userRateLimitExceeded' : 'rateLimitExceeded',
          'The rate of requests exceeds what this server takes from one client. Try again later.',
        ),
        headers: { 'retry-after': String(failure.retryAfterSeconds) },
      }
    case 'too_many_bodies':
      return backendError(5)
    case 'too_many_sessions':
      // Some end every moment, and idle ones expire.
      return backendError(30)
    case 'access_denied':
      return json(
        403,
        'forbidden',
        `${failure.principal} does not have ${permissionOf(failure.scope)} access to the Google Cloud Storage resource.`,
      )

    case 'blob_short':
    case 'storage_failed':
    case 'catalog_failed':
      return backendError()
  }
}

/** §15. */
function unauthenticated({ hasCredentials }: Unauthenticated): Answer {
  const location = { type: 'header', name: 'Authorization' } as const
  return hasCredentials
    ? json(401, 'authError', 'Invalid Credentials', location)
    : json(401, 'required', 'Login Required.', location)
}

/** What ended a session, to every request after it: the same again for what the client did, 410 for all else (§6.8, §6.9). */
function answerAgain(reason: Failure): Answer {
  switch (reason.code) {
    case 'chunk_too_small':
    case 'precondition_failed':
      return answerTo(reason)
    default:
      return gone()
  }
}

function gone(): Answer {
  return json(410, 'gone', 'The upload session can no longer be used. Start a new one.')
}
