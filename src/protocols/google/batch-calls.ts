/**
 * One call of a batch (gcs.md §10.4), carried out: a request made of the call and of the headers around it, and its answer
 * as HTTP/1.1 writes it.
 *
 * Refused are media, whose answers would have to be held in memory, and targets that the way through the router would not
 * leave as the client wrote them: `/o/a/../b` must never reach `b`.
 */

import { STATUS_CODES } from 'node:http'
import type {
  FastifyInstance,
  FastifyRequest,
  InjectOptions,
  LightMyRequestResponse as InjectResponse,
} from 'fastify'
import type { InnerRequest } from './batch-parser.ts'
import { errorEnvelope } from './error-envelope.ts'
import { badRequest, json, Refusal } from './refusal.ts'

export interface Router {
  readonly app: FastifyInstance
  /** The batch itself. */
  readonly request: FastifyRequest
}

const METHODS = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE)$/
/** The JSON API without uploads, downloads and further batches. */
const API = /^\/(?:storage\/v1\/(?:b|projects)|b)(?:[/?]|$)/
const OTHER_ALT = /[?&]alt=(?!json(?:&|$))[^&]/i
const FORM = /^application\/x-www-form-urlencoded/i

const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i
const UNFAITHFUL = /[^!-~]|[#\\]/

/** Speak of one message on one connection. */
const OF_A_MESSAGE =
  /^(?:content-length|transfer-encoding|connection|keep-alive|expect|te|trailer|upgrade)$/
/** All other headers of the batch hold for every call that does not bring its own. */
const OF_THE_BATCH = /^(?:content-.*|x-http-method-override|origin)$/
/** Where the client reached us, and through whom: a call has no say in it. */
const OF_THE_WAY = /^(?:host|forwarded|x-forwarded-.*)$/
/** A call that brings its own means none of the batch's. */
const CREDENTIALS = /^(?:authorization|x-api-key)$/
const NOT_ANSWERED = /^(?:connection|keep-alive|transfer-encoding|date|vary|content-length)$/

/** Never rejects: what fails is the answer to this call alone. */
export async function answerToCall(router: Router, call: InnerRequest | Refusal): Promise<Buffer> {
  try {
    if (call instanceof Refusal) throw call
    check(call)
    return await carryOut(router, call)
  } catch (error) {
    if (error instanceof Refusal && error.answer.kind === 'json') return refused(error.answer)
    router.request.log.error({ err: error }, 'failed')
    return refused(json(503, 'backendError', 'Backend error. Try again.'))
  }
}

function check({ method, target, headers }: InnerRequest): void {
  if (!METHODS.test(method)) throw badRequest(`The method ${method} cannot be in a batch.`)
  const [path = ''] = target.split('?')
  if (UNFAITHFUL.test(target) || DOT_SEGMENT.test(path)) {
    throw badRequest('The URL of a call in a batch must be percent-encoded, slashes in names too.')
  }
  // A form is the query of a GET, which may ask for media (§1).
  if (!API.test(target) || OTHER_ALT.test(target) || FORM.test(headers.get('content-type') ?? '')) {
    throw badRequest('Only calls of the JSON API without media can be in a batch.')
  }
}

async function carryOut({ app, request }: Router, call: InnerRequest): Promise<Buffer> {
  const { statusCode, statusMessage, headers, rawPayload } = await inject(app, {
    method: call.method as NonNullable<InjectOptions['method']>,
    url: call.target,
    headers: headersFor(call, request),
    remoteAddress: request.socket.remoteAddress ?? '',
    ...(call.body.length > 0 && { payload: call.body }),
  })
  const lines = Object.entries(headers).filter(([name]) => !NOT_ANSWERED.test(name))
  return response(
    `${statusCode} ${statusMessage || (STATUS_CODES[statusCode] ?? '')}`,
    lines.map(([name, value]) => `${name}: ${value}`),
    rawPayload,
  )
}

/** Called back rather than awaited: what `inject` throws before it has begun, it would throw where nobody can catch it. */
function inject(app: FastifyInstance, options: InjectOptions): Promise<InjectResponse> {
  return new Promise((resolve, reject) => {
    app.inject(options, (error, response) => {
      if (response === undefined) reject(error)
      else resolve(response)
    })
  })
}

function headersFor({ headers }: InnerRequest, request: FastifyRequest): Record<string, string> {
  const together: Record<string, string> = {}
  const isItself = [...headers.keys()].some(name => CREDENTIALS.test(name))
  for (const [name, value] of Object.entries(request.headers)) {
    if (isItself && CREDENTIALS.test(name)) continue
    if (value === undefined || OF_A_MESSAGE.test(name) || OF_THE_BATCH.test(name)) continue
    together[name] = String(value)
  }
  for (const [name, value] of headers) {
    if (!OF_A_MESSAGE.test(name) && !OF_THE_WAY.test(name)) together[name] = value
  }
  return together
}

function refused(answer: Parameters<typeof errorEnvelope>[0]): Buffer {
  const phrase = STATUS_CODES[answer.status] ?? ''
  const lines = ['content-type: application/json; charset=UTF-8']
  return response(`${answer.status} ${phrase}`, lines, Buffer.from(errorEnvelope(answer)))
}

function response(status: string, lines: readonly string[], payload: Buffer): Buffer {
  // Also of nothing: googleapiclient takes an answer without a single header for broken.
  const length = `content-length: ${payload.length}`
  const head = [`HTTP/1.1 ${status}`, ...lines, length, '', ''].join('\r\n')
  return Buffer.concat([Buffer.from(head, 'latin1'), payload])
}
