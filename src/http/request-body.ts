/**
 * One request's bytes as the engine wants them (the `Body` port): pulled, in the buffers that arrived, without copies.
 *
 * Nothing flows before the first `read`, which is also when a client that asked for it gets its `100 Continue`: a request
 * refused on its headers has cost nobody a byte. What arrives faster than it is read is queued up to a limit; then the
 * socket is left unread and TCP holds the client back.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Arrival, Body } from '../engine/ports.ts'
import { type Pace, PacedBody } from './paced-body.ts'

/** Bytes queued before the socket is paused. One more socket read (64 KiB) may follow. */
const PAUSE_AT = 128 * 1024

/** Buffers below this size are copied together: each is a view that keeps its whole socket read in memory. */
const CRUMB = 4 * 1024
const CRUMBS_TOGETHER = 64 * 1024

type End = 'end' | 'cut' | 'idle'

export class RequestBody implements Body {
  readonly length: number | undefined
  /** Bytes that came so far, read or not. */
  received = 0

  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #queue: Buffer[] = []
  #queued = 0
  /** Where crumbs are copied to, from `#crumbsFrom` to `#crumbsTo` not yet in the queue. */
  #crumbs: Buffer | undefined
  #crumbsFrom = 0
  #crumbsTo = 0
  #end: End | undefined
  #isStarted = false
  #isPaused = false

  #answer: ((arrival: Arrival) => void) | undefined
  #signal: AbortSignal | undefined
  #timer: NodeJS.Timeout | undefined
  #timerMs = 0

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request
    this.#response = response
    this.length = declaredLength(request)
  }

  /** True once somebody has read, and the client was told to go on. */
  get isStarted(): boolean {
    return this.#isStarted
  }

  read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    if (signal?.aborted) return Promise.resolve('stopped')
    if (!this.#isStarted) this.#start()
    if (this.#queued > 0) return Promise.resolve(this.#take())
    if (this.#end !== undefined) return Promise.resolve(this.#end)
    return new Promise(resolve => {
      this.#answer = resolve
      this.#watch(signal)
      this.#await(idleMs)
    })
  }

  /** Nobody will read on: bytes that still come are dropped, so that the connection can go on behind them. */
  discard(): void {
    if (!this.#isStarted || this.#end === 'end') return
    this.#queue = []
    this.#queued = 0
    this.#crumbs = undefined
    this.#release()
    this.#request.off('data', this.#onData).off('end', this.#onEnd).resume()
  }

  #start(): void {
    this.#isStarted = true
    const request = this.#request
    if (request.destroyed && !request.complete) {
      this.#end = 'cut'
      return
    }
    if (expectsContinue(request)) this.#response.writeContinue()
    // 'error' always comes with 'close', which is where a cut is noticed; it only must not be left unheard.
    request.on('end', this.#onEnd).on('close', this.#onClose).on('error', ignore)
    request.on('data', this.#onData)
  }

  readonly #onData = (bytes: Buffer): void => {
    this.received += bytes.length
    this.#queued += bytes.length
    if (bytes.length < CRUMB) {
      this.#addCrumb(bytes)
    } else {
      this.#sweepCrumbs()
      this.#queue.push(bytes)
    }
    if (this.#answer !== undefined) {
      this.#settle(this.#take())
    } else if (this.#queued >= PAUSE_AT && !this.#isPaused) {
      this.#isPaused = true
      this.#request.pause()
    }
  }

  readonly #onEnd = (): void => this.#finish('end')

  readonly #onClose = (): void => this.#finish('cut')

  /** The timer is left running between waits: stopping and starting it for every batch would cost more than this test. */
  readonly #onTimer = (): void => {
    if (this.#answer !== undefined) this.#finish('idle')
  }

  readonly #onAbort = (): void => {
    if (this.#answer !== undefined) this.#settle('stopped')
  }

  /** The first reason stays: 'close' follows every 'end', too. */
  #finish(end: End): void {
    if (this.#end !== undefined && this.#end !== 'idle') return
    this.#end ??= end
    if (this.#answer !== undefined) this.#settle(this.#end)
    this.#release()
  }

  /** Chunked coding may bring one byte at a time. */
  #addCrumb(bytes: Buffer): void {
    if (this.#crumbs === undefined || this.#crumbsTo + bytes.length > CRUMBS_TOGETHER) {
      this.#sweepCrumbs()
      this.#crumbs = Buffer.allocUnsafeSlow(CRUMBS_TOGETHER)
      this.#crumbsFrom = 0
      this.#crumbsTo = 0
    }
    this.#crumbsTo += bytes.copy(this.#crumbs, this.#crumbsTo)
  }

  #sweepCrumbs(): void {
    if (this.#crumbs === undefined || this.#crumbsFrom === this.#crumbsTo) return
    this.#queue.push(this.#crumbs.subarray(this.#crumbsFrom, this.#crumbsTo))
    this.#crumbsFrom = this.#crumbsTo
  }

  #take(): readonly Buffer[] {
    this.#sweepCrumbs()
    const arrived = this.#queue
    this.#queue = []
    this.#queued = 0
    if (this.#isPaused) {
      this.#isPaused = false
      this.#request.resume()
    }
    return arrived
  }

  #settle(arrival: Arrival): void {
    const answer = this.#answer
    this.#answer = undefined
    answer?.(arrival)
  }

  /** A body is read under one signal for most of its life, so one listener serves many waits. */
  #watch(signal: AbortSignal | undefined): void {
    if (signal === this.#signal) return
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort)
  }

  #await(idleMs: number): void {
    if (this.#timer !== undefined && this.#timerMs === idleMs) {
      this.#timer.refresh()
      return
    }
    clearTimeout(this.#timer)
    this.#timerMs = idleMs
    this.#timer = setTimeout(this.#onTimer, idleMs)
  }

  #release(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#watch(undefined)
  }
}

/** Content-Length, which Node has checked to be digits; undefined with chunked transfer coding; 0 where there is no body. */
export function declaredLength(request: IncomingMessage): number | undefined {
  const { headers } = request
  if (headers['transfer-encoding'] !== undefined) return undefined
  const length = headers['content-length']
  return length === undefined ? 0 : Number(length)
}

/** HTTP/1.0 knows no interim answers (RFC 9110 §10.1.1). */
export function expectsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  const { expect } = headers
  return expect !== undefined && httpVersion !== '1.0' && /\b100-continue\b/i.test(expect)
}

function ignore(): void {}

declare module 'fastify' {
  interface FastifyInstance {
    /** What bodies must keep up, where anything is asked of them. */
    bodyPace: Pace | undefined
  }
  interface FastifyRequest {
    /** The body as it is read, once it is taken. */
    pacedBody: Body | undefined
  }
}

/** From now on every body must keep up this rate (design P8). */
export function paceBodies(app: FastifyInstance, pace: Pace): void {
  app.decorate('bodyPace', pace)
  app.decorateRequest('pacedBody', undefined)
}

/** The body of a request, taken: from now on the answer waits for nobody but its reader (see early-answer.ts). */
export function takeBody(request: FastifyRequest, reply: FastifyReply): Body {
  request.incoming ??= new RequestBody(request.raw, reply.raw)
  const { bodyPace } = request.server
  if (bodyPace === undefined) return request.incoming
  request.pacedBody ??= new PacedBody(request.incoming, bodyPace)
  return request.pacedBody
}
