/**
 * Bodies for tests: bytes that are there from the beginning, or that a test pushes one after the other. Silence is not waited
 * for: a body that falls silent says so at once, whatever `idleMs` is.
 */

import type { Arrival, Body } from '../../src/engine/ports.ts'

export type End = 'end' | 'cut' | 'idle'

export interface BodyOptions {
  /** Bytes after which the connection breaks. */
  readonly cutAt?: number
  /** Bytes after which nothing comes any more. */
  readonly idleAt?: number
  /** Most bytes to a buffer. */
  readonly piece?: number
  /** Most buffers to a read. */
  readonly atOnce?: number
  /** Without a declared length. */
  readonly isChunked?: boolean
}

/** A body of these bytes; `Content-Length` is that of all of them, wherever it ends. */
export function bodyOf(bytes: Buffer | readonly Buffer[], options: BodyOptions = {}): GatedBody {
  const whole = Buffer.isBuffer(bytes) ? bytes : Buffer.concat(bytes)
  const end = options.cutAt ?? options.idleAt ?? whole.length
  const { piece = 64 * 1024, atOnce = 1 } = options
  const body = new GatedBody(options.isChunked === true ? undefined : whole.length)
  let buffers: Buffer[] = []
  for (let at = 0; at < end; at += piece) {
    buffers.push(whole.subarray(at, Math.min(at + piece, end)))
    if (buffers.length === atOnce || at + piece >= end) {
      body.push(...buffers)
      buffers = []
    }
  }
  body.end(options.cutAt !== undefined ? 'cut' : options.idleAt !== undefined ? 'idle' : 'end')
  return body
}

/** A body that a test feeds. */
export class GatedBody implements Body {
  readonly length: number | undefined
  /** How often it was read. */
  reads = 0
  readonly #pushed: Array<readonly Buffer[]> = []
  #end: End | undefined
  #answer: (() => void) | undefined
  #taken = Promise.withResolvers<void>()

  constructor(length?: number) {
    this.length = length
  }

  /** The next read's bytes. */
  push(...buffers: readonly Buffer[]): void {
    this.#pushed.push(buffers)
    if (this.#answer === undefined) return
    this.#taken = Promise.withResolvers<void>()
    this.#answer()
  }

  end(end: End = 'end'): void {
    this.#end = end
    this.#answer?.()
  }

  /** Resolves when all that was pushed is taken and a reader waits for more. */
  async taken(): Promise<void> {
    await this.#taken.promise
  }

  async read(_idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    if (this.#answer !== undefined) throw new Error('two reads of a body at a time')
    this.reads += 1
    while (signal?.aborted !== true) {
      const buffers = this.#pushed.shift()
      if (buffers !== undefined) return buffers
      if (this.#end !== undefined) return this.#end
      await this.#change(signal)
    }
    return 'stopped'
  }

  async #change(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const answer = () => resolve()
    this.#answer = answer
    signal?.addEventListener('abort', answer)
    this.#taken.resolve()
    await promise
    signal?.removeEventListener('abort', answer)
    this.#answer = undefined
  }
}
