/**
 * Failures as the XML API's clients know them (gcs.md §11.4): every engine failure has its code in one switch.
 */

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type Failure, UploadError } from '../../engine/failure.ts'
import { Unauthenticated } from '../../http/authentication.ts'
import { MalformedEncoding } from '../../http/query.ts'
import { UnknownTransferCoding } from '../../http/transfer-coding.ts'
import { forgetContent } from './errors.ts'
import { permissionOf } from './iam.ts'
import { type Answer, Refusal } from './refusal.ts'
import { elements, XML_TYPE, xmlDocument } from './xml-text.ts'

interface XmlAnswer {
  readonly status: number
  readonly code: string
  readonly message: string
  /** Always written: Python reads it of every 400 (§11.3). */
  readonly details: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** For an operator to look at, as opposed to what clients bring along every day. */
  readonly isOurs?: boolean
}

/** Answers anything thrown in the XML API, Fastify's own errors included. */
export function answerXmlError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const answer = xmlAnswerOf(error)
  const { status, code, message, details, headers = {} } = answer
  // Any path may come here, a session's too: no line holds the names that were taken from it (design P9).
  if (answer.isOurs) request.log.error({ err: error }, 'failed')
  else request.log.debug({ code }, 'refused')
  const content = elements({ Code: code, Message: message, Details: details })
  forgetContent(reply)
  reply.code(status).headers(headers).type(XML_TYPE)
  return reply.send(xmlDocument('Error', content))
}

function xmlAnswerOf(error: unknown): XmlAnswer {
  if (error instanceof UploadError) return answerTo(error.failure)
  if (error instanceof Refusal) return answerToRefusal(error.answer)
  if (error instanceof MalformedEncoding) {
    return xml(400, 'InvalidURI', "Couldn't parse the specified URI.", error.message)
  }
  if (error instanceof UnknownTransferCoding) {
    return xml(
      501,
      'NotImplemented',
      'A header you provided implies functionality that is not implemented.',
    )
  }
  if (error instanceof Unauthenticated) {
    const details = error.hasCredentials ? 'The key is not valid.' : 'There is no key.'
    return xml(401, 'AuthenticationRequired', 'Authentication required.', details)
  }
  const { statusCode = 500 } = error as Partial<FastifyError>
  if (statusCode >= 400 && statusCode < 500) {
    return xml(statusCode, 'InvalidArgument', 'Invalid argument.')
  }
  // A mistake of ours. Nothing of it is shown.
  return { ...internal(), isOurs: true }
}

/** The door's parsers speak JSON's language; its reasons have their codes here. */
const CODES: Readonly<Record<string, string>> = {
  conditionNotMet: 'PreconditionFailed',
  lengthRequired: 'MissingContentLength',
  methodNotAllowed: 'MethodNotAllowed',
  notImplemented: 'NotImplemented',
  rateLimitExceeded: 'SlowDown',
  requestedRangeNotSatisfiable: 'InvalidRange',
  uploadTooLarge: 'EntityTooLarge',
  uploadBrokenConnection: 'RequestTimeout',
}

function answerToRefusal(answer: Answer): XmlAnswer {
  const { status, headers } = answer
  const own = status >= 500 ? 'ServiceUnavailable' : 'InvalidArgument'
  if (answer.kind !== 'json') return { ...xml(status, own, 'Invalid argument.'), headers }
  const code = CODES[answer.reason] ?? own
  const message = MESSAGES[code] ?? answer.message
  return { ...xml(status, code, message, answer.message), headers }
}

const MESSAGES: Readonly<Record<string, string>> = {
  InvalidRange: 'The requested range cannot be satisfied.',
}

function answerTo(failure: Failure): XmlAnswer {
  switch (failure.code) {
    case 'session_not_found':
    case 'session_ended':
      return xml(404, 'NoSuchUpload', 'The requested upload was not found.')
    case 'session_cancelled':
      return xml(404, 'NoSuchUpload', 'The requested upload was aborted.')
    case 'session_invalid':
      return answerTo(failure.reason)
    case 'session_exists':
      return xml(409, 'Conflict', 'The upload exists already.')

    case 'offset_gap':
    case 'offset_behind': {
      const details = `The offset is ${failure.offset}, but ${failure.persisted} bytes are stored.`
      return xml(400, 'InvalidArgument', 'Invalid argument.', details)
    }
    case 'chunk_out_of_order':
    case 'size_mismatch':
    case 'total_mismatch':
    case 'past_total':
    case 'incomplete':
    case 'segments_missing':
    case 'segment_differs':
    case 'length_mismatch':
    case 'chunk_too_small':
      return xml(400, 'InvalidArgument', 'Invalid argument.', figuresOf(failure))
    case 'too_large':
      return xml(
        400,
        'EntityTooLarge',
        'Your proposed upload is larger than the maximum object size specified in your request.',
        `Objects may have at most ${failure.limit} bytes.`,
      )

    case 'body_idle':
    case 'body_cut':
      return { ...xml(408, 'RequestTimeout', 'The request timed out.'), headers: CLOSE }
    case 'segment_busy':
    case 'superseded':
      return unavailable()
    case 'shutting_down':
      return unavailable(1)
    case 'no_space':
      return unavailable(30)

    case 'checksum_mismatch': {
      const { algorithm, declared, computed } = failure
      const code = algorithm === 'crc32c' ? 'CrcMismatch' : 'BadDigest'
      const details = `The ${algorithm} that was specified for the content (${declared}) did not match the one that was computed (${computed}).`
      return xml(400, code, 'The checksum you specified did not match what was received.', details)
    }
    case 'precondition_failed':
      return xml(
        412,
        'PreconditionFailed',
        'At least one of the pre-conditions you specified did not hold.',
      )

    case 'bucket_not_found':
      return xml(404, 'NoSuchBucket', 'The specified bucket does not exist.')
    case 'bucket_exists':
      return xml(
        409,
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
      )
    case 'bucket_not_empty':
      return xml(409, 'BucketNotEmpty', 'The bucket you tried to delete was not empty.')
    case 'bucket_name_invalid':
      return xml(
        400,
        'InvalidBucketName',
        'The specified bucket is not valid.',
        `Use ${failure.expected}.`,
      )
    case 'object_not_found':
      return xml(
        404,
        'NoSuchKey',
        'The specified key does not exist.',
        `No such object: ${failure.bucket}/${failure.name}`,
      )
    case 'object_name_invalid':
      return xml(
        400,
        'InvalidObjectName',
        'The specified object name is not valid.',
        `Use ${failure.expected}.`,
      )

    case 'too_many_requests':
      return {
        ...xml(429, 'SlowDown', 'Please reduce your request rate.'),
        headers: { 'retry-after': String(failure.retryAfterSeconds) },
      }
    case 'too_many_bodies':
      return unavailable(5)
    case 'too_many_sessions':
      return unavailable(30)
    case 'access_denied':
      return xml(
        403,
        'AccessDenied',
        'Access denied.',
        `${failure.principal} does not have ${permissionOf(failure.scope)} access.`,
      )

    case 'blob_short':
    case 'storage_failed':
    case 'catalog_failed':
      return { ...unavailable(), isOurs: true }
  }
}

const CLOSE = { connection: 'close' }

function xml(status: number, code: string, message: string, details = message): XmlAnswer {
  return { status, code, message, details }
}

function internal(): XmlAnswer {
  return xml(500, 'InternalError', 'We encountered an internal error. Please try again.')
}

function unavailable(retryAfterSeconds?: number): XmlAnswer {
  const answer = xml(503, 'ServiceUnavailable', 'Service unavailable. Please try again.')
  if (retryAfterSeconds === undefined) return answer
  return { ...answer, headers: { 'retry-after': String(retryAfterSeconds) } }
}

function figuresOf({ code, ...figures }: Failure): string {
  const texts = Object.entries(figures).map(([name, figure]) => `${name} ${figure}`)
  return `${code.replaceAll('_', ' ')}: ${texts.join(', ')}`
}
