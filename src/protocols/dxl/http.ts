/**
 * OpenDXL file transfer over HTTP (dxl.md §6): a topic is a path, and the content type says what is posted there. A DXL
 * message is answered with one (form A); anything else is the bytes of a segment, its fields in the query (form B).
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Unauthenticated } from '../../http/authentication.ts'
import { decode, MalformedEncoding, type Query } from '../../http/query.ts'
import { takeBody } from '../../http/request-body.ts'
import { UnknownTransferCoding } from '../../http/transfer-coding.ts'
import { type Call, type Door, messageLimit, tooLong } from './door.ts'
import { sendFile } from './file-download.ts'
import { LimitedBody } from './limited-body.ts'
import { decodeMessage } from './message.ts'
import { answerRequest } from './message-service.ts'
import { MalformedMessage } from './msgpack.ts'
import { type Refusal, refusalOf, refused } from './refusal.ts'
import { parseFileId } from './segment-request.ts'

const MESSAGE_TYPE = 'application/x-dxl-message'

export function dxlHttp(app: FastifyInstance, door: Door): void {
  app.setErrorHandler(answerError)
  const callOf = (request: FastifyRequest, reply: FastifyReply): Call => ({
    door,
    engine: request.access,
    request,
    reply,
  })
  for (const topic of door.topics) {
    app.post(`/dxl${topic}`, { config: { traffic: 'chunks' } }, (request, reply) =>
      postSegment(callOf(request, reply)),
    )
  }
  app.get('/dxl/files/*', (request, reply) => sendFile(callOf(request, reply), tailOf(request)))
  app.head('/dxl/files/*', (request, reply) => sendFile(callOf(request, reply), tailOf(request)))
  app.get('/dxl/uploads/:fileId', (request, reply) => answerStatus(callOf(request, reply)))
  app.delete('/dxl/uploads/:fileId', (request, reply) => cancel(callOf(request, reply)))
}

function postSegment(call: Call): Promise<unknown> {
  const type = call.request.contentType?.split(';')[0]?.trim().toLowerCase()
  return type === MESSAGE_TYPE ? postMessage(call) : postBytes(call)
}

async function postBytes({ door, engine, request, reply }: Call): Promise<unknown> {
  const { store, segmentLimit } = door
  const body = new LimitedBody(takeBody(request, reply), segmentLimit)
  if ((body.length ?? 0) > segmentLimit) throw refused(413, tooLong(segmentLimit))
  const query = request.query as Query
  try {
    return json(reply, await store.storeSegment(engine, name => query.get(name), body))
  } catch (error) {
    throw body.isOver ? refused(413, tooLong(segmentLimit)) : error
  }
}

async function postMessage({ door, engine, request, reply }: Call): Promise<unknown> {
  const frame = await door.frames.read(takeBody(request, reply), messageLimit(door))
  if (typeof frame === 'string') throw unframed(frame, door.segmentLimit)
  try {
    const message = decodeMessage(frame.bytes)
    if (message.type !== 'request') throw new MalformedMessage(`not a request: ${message.type}`)
    const onMistake = (error: unknown) => request.log.error({ err: error }, 'failed')
    const answer = await answerRequest({ door, engine, onMistake }, message)
    return reply.type(MESSAGE_TYPE).send(answer)
  } finally {
    frame.release()
  }
}

async function answerStatus({ door, engine, request, reply }: Call): Promise<unknown> {
  const fileId = parseFileId(tailOf(request))
  const status = fileId === undefined ? undefined : await door.store.status(engine, fileId)
  if (status === undefined) throw refused(404, 'no such upload')
  return json(reply, status)
}

async function cancel({ door, engine, request, reply }: Call): Promise<unknown> {
  return json(reply, await door.store.cancel(engine, parseFileId(tailOf(request))))
}

/** The decoded path behind `/dxl/files/` or `/dxl/uploads/`. */
function tailOf({ originalUrl }: FastifyRequest): string {
  const [path = ''] = originalUrl.split('?')
  return decode(path.split('/').slice(3).join('/'), 'path')
}

function unframed(why: 'too_large' | 'cut' | 'idle' | 'no_memory', segmentLimit: number): Refusal {
  switch (why) {
    case 'too_large':
      return refused(413, tooLong(segmentLimit))
    case 'cut':
      return refused(400, 'the message was cut off')
    case 'idle':
      return refused(408, 'the message did not come to its end')
    case 'no_memory':
      return refused(503, 'too much is being received; try again', 5)
  }
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): unknown {
  const refusal = httpRefusalOf(error)
  if (refusal === undefined || refusal.status >= 500) request.log.error({ err: error }, 'failed')
  const { status = 500, message = 'internal error', retryAfterSeconds } = refusal ?? {}
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds))
  return json(reply.code(status), { error_code: 0, error_message: message })
}

function httpRefusalOf(error: unknown): Refusal | undefined {
  if (error instanceof MalformedMessage) return refused(400, `malformed message: ${error.message}`)
  if (error instanceof MalformedEncoding) {
    return refused(400, `malformed percent-encoding in the ${error.where}`)
  }
  if (error instanceof Unauthenticated) return refused(401, error.message)
  if (error instanceof UnknownTransferCoding) return refused(501, error.message)
  const refusal = refusalOf(error)
  if (refusal !== undefined) return refusal
  const { statusCode = 500 } = error as { readonly statusCode?: number }
  return statusCode >= 400 && statusCode < 500 ? refused(statusCode, 'bad request') : undefined
}

function json(reply: FastifyReply, value: object): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(value))
}
