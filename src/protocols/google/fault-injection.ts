/**
 * A planned fault, carried out on one request: it is refused before its handler, its body breaks off or falls silent, or its
 * answer does. Nothing below a door knows of it, so what was acknowledged stays what it was.
 */

import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Query } from '../../http/query.ts'
import { errorEnvelope } from './error-envelope.ts'
import type { Fault, PlannedFault } from './fault-plan.ts'
import { type AnswerFault, faultyAnswer } from './faulty-answer.ts'
import { FaultyBody } from './faulty-body.ts'
import { json, Refusal } from './refusal.ts'
import { retryMethodOf } from './retry-method.ts'

/** Before the handler; throws what is the answer instead. False where there will be none. */
export function meetRequest(
  { fault, instruction, take }: PlannedFault,
  request: FastifyRequest,
  reply: FastifyReply,
): boolean {
  switch (fault.kind) {
    case 'status':
      if (take()) throw new Refusal(injected(fault.status, instruction))
      return true
    case 'reset':
      return !take() || !reset(request, reply)
    case 'status_after':
      if (!hasContent(request)) return true
      if (firstOf(request) >= fault.bytes) {
        if (take()) throw new Refusal(injected(fault.status, instruction))
        return true
      }
      request.incoming = new FaultyBody(request.raw, reply.raw, {
        after: fault.bytes - firstOf(request),
        take,
      })
      return true
    case 'stall_after':
      if (!hasContent(request) || firstOf(request) >= fault.bytes) return true
      request.incoming = new FaultyBody(request.raw, reply.raw, {
        after: fault.bytes - firstOf(request),
        stallMs: fault.ms,
        take,
      })
      return true
    case 'break_after':
    case 'break_final_after':
      return true
  }
}

/** What leaves instead of the handler's answer. */
export function meetAnswer(
  { fault, instruction, take }: PlannedFault,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): unknown {
  const { incoming } = request
  if (fault.kind === 'status_after' && incoming instanceof FaultyBody && incoming.isBroken) {
    return replaced(fault.status, instruction, reply)
  }
  const isContent = payload instanceof Readable || typeof payload === 'string'
  if (!isContent || reply.statusCode >= 300) return payload
  const answerFault = answerFaultOf(fault, request, reply)
  if (answerFault === undefined) return payload
  if (typeof payload === 'string') reply.header('content-length', Buffer.byteLength(payload))
  return faultyAnswer(payload, reply.raw, { ...answerFault, take })
}

/** A call within a batch has no connection of its own. */
function reset({ raw }: FastifyRequest, reply: FastifyReply): boolean {
  if (!(raw.socket instanceof Socket)) throw new Refusal(injected(503, 'return-reset-connection'))
  reply.hijack()
  raw.socket.resetAndDestroy()
  return true
}

/** The body broke off: whatever that came to, the answer is the status that was asked for. */
function replaced(status: number, instruction: string, reply: FastifyReply): string {
  for (const name of ['range', 'etag', 'connection', 'x-http-status-code-override']) {
    reply.removeHeader(name)
  }
  const body = errorEnvelope(injected(status, instruction))
  reply.raw.statusMessage = ''
  reply.code(status).type('application/json; charset=UTF-8')
  reply.header('content-length', Buffer.byteLength(body))
  return body
}

function answerFaultOf(
  fault: Fault,
  request: FastifyRequest,
  reply: FastifyReply,
): Omit<AnswerFault, 'take'> | undefined {
  switch (fault.kind) {
    case 'break_after':
      return { after: fault.bytes }
    case 'stall_after':
      return hasContent(request) ? undefined : { after: fault.bytes, stallMs: fault.ms }
    case 'break_final_after': {
      const isFinal = hasSession(request) && !reply.hasHeader('x-http-status-code-override')
      return isFinal ? { after: fault.bytes } : undefined
    }
    case 'status':
    case 'status_after':
    case 'reset':
      return undefined
  }
}

/** Bytes of an object, as opposed to the start of a session, a question, or metadata. */
function hasContent(request: FastifyRequest): boolean {
  if (retryMethodOf(request) !== 'storage.objects.insert') return false
  if (hasSession(request)) return !request.headers['content-range']?.startsWith('bytes *')
  return (request.query as Query).get('uploadType') !== 'resumable'
}

function hasSession(request: FastifyRequest): boolean {
  return (request.query as Query).has('upload_id')
}

/** Where in the object the body's first byte belongs. */
function firstOf({ headers }: FastifyRequest): number {
  const [, first] = /^bytes (\d{1,15})-/i.exec(headers['content-range'] ?? '') ?? []
  return Number(first ?? 0)
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'authError',
  403: 'forbidden',
  404: 'notFound',
  408: 'uploadBrokenConnection',
  412: 'conditionNotMet',
  429: 'rateLimitExceeded',
}

function injected(status: number, instruction: string): ReturnType<typeof json> {
  const reason = REASONS[status] ?? (status >= 500 ? 'backendError' : 'badRequest')
  return json(status, reason, `Injected as asked: ${instruction}`)
}
