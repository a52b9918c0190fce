/** A chunk's body on its way to the engine, with a byte before it. */

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
