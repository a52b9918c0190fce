/**
 * Batches (gcs.md §10.4): up to 100 calls of the JSON API in one request. Each goes through the router like a request of
 * its own and meets the same hooks, limits and errors. A few run at a time, so that they share commits; Google promises no
 * order of execution either, only of the answers.
 */

import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Body } from '../../engine/ports.ts'
import { takeBody } from '../../http/request-body.ts'
import { answerToCall, type Router } from './batch-calls.ts'
import { type BatchCall, readBatch } from './batch-parser.ts'
import type { Door } from './door.ts'
import { boundariesOf } from './multipart-boundary.ts'
import { badRequest, methodNotAllowed } from './refusal.ts'
import { decompressed, isCompressed } from './transport-gzip.ts'

const CALLS_AT_ONCE = 16

/** R12. */
export function batch(app: FastifyInstance, door: Door): void {
  for (const path of ['/batch/storage/v1', '/batch']) {
    app.all(path, (request, reply) => answerBatch({ app, door, request, reply }))
  }
}

async function answerBatch(incoming: {
  readonly app: FastifyInstance
  readonly door: Door
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}): Promise<unknown> {
  const { app, door, request, reply } = incoming
  if (request.method !== 'POST') throw methodNotAllowed('POST')
  const boundaries = boundariesOf(request.contentType)
  if (boundaries === undefined) {
    throw badRequest('Content-Type must be multipart/mixed with a boundary.')
  }
  const read = (body: Body) => readBatch(body, boundaries, door.frames)
  const body = takeBody(request, reply)
  const calls = await (isCompressed(request) ? decompressed(body, read) : read(body))

  const boundary = `batch_${randomBytes(18).toString('base64url')}`
  return reply
    .type(`multipart/mixed; boundary=${boundary}`)
    .send(Readable.from(answers({ app, request }, calls, boundary)))
}

/** Parts of the answer, each as soon as it is its turn. */
async function* answers(
  router: Router,
  calls: readonly BatchCall[],
  boundary: string,
): AsyncGenerator<Buffer> {
  const running: Promise<Buffer>[] = []
  for (const call of calls) {
    running.push(answerPart(router, call, boundary))
    const first = running.length === CALLS_AT_ONCE ? running.shift() : undefined
    if (first !== undefined) yield first
  }
  yield* running
  yield Buffer.from(`--${boundary}--\r\n`)
}

async function answerPart(router: Router, call: BatchCall, boundary: string): Promise<Buffer> {
  const head = `--${boundary}\r\nContent-Type: application/http\r\n${idLine(call.contentId)}\r\n`
  const answer = await answerToCall(router, call.request)
  return Buffer.concat([Buffer.from(head, 'latin1'), answer, Buffer.from('\r\n')])
}

/** googleapiclient finds its call by it. */
function idLine(contentId: string | undefined): string {
  if (contentId === undefined) return ''
  const [, id] = /^<(.*)>$/.exec(contentId) ?? []
  return `Content-ID: ${id === undefined ? `response-${contentId}` : `<response-${id}>`}\r\n`
}
