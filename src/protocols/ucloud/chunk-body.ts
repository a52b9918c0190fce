/** A chunk's body on its way to the engine: with a byte before it, or hashed as it goes by. */

import { createHash } from 'node:crypto'
import type { Arrival, Body } from '../../engine/ports.ts'

/** One zero byte, then the body: what an offset of size + 1 means (§7 number 1). */
export class ZeroLedBody implements Body {
  readonly length: number | undefined
  readonly #body: Body
  #isLed = false

  constructor(body: Body) {
    this.#body = body
    this.length = body.length === undefined ? undefined : body.length + 1
  }

  async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    if (this.#isLed) return this.#body.read(idleMs, signal)
    this.#isLed = true
    return signal?.aborted === true ? 'stopped' : [Buffer.alloc(1)]
  }
}

/** Knows the SHA-256 of what has been read of it. */
export class HashedBody implements Body {
  readonly length: number | undefined
  readonly #body: Body
  readonly #hash = createHash('sha256')
  #sha256: string | undefined

  constructor(body: Body) {
    this.#body = body
    this.length = body.length
  }

  async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    const arrival = await this.#body.read(idleMs, signal)
    if (typeof arrival !== 'string') for (const bytes of arrival) this.#hash.update(bytes)
    return arrival
  }

  /** Base64url. Once it was asked for, nothing more is read. */
  get sha256(): string {
    this.#sha256 ??= this.#hash.digest('base64url')
    return this.#sha256
  }
}
