/**
 * A part that was sent with `Content-Transfer-Encoding: base64` (gcs.md §5.1), as the bytes it means. Line ends and blanks
 * mean nothing; padding may be missing. What is not base64 ends it as a cut would; `isMalformed` tells the door why.
 */

import type { Arrival, Body } from '../../engine/ports.ts'

export class Base64Body implements Body {
  readonly length = undefined
  readonly #encoded: Body
  /** Digits of a group of four that is not complete. */
  #rest = ''
  #isPadded = false
  #isMalformed = false
  #isOver = false

  constructor(encoded: Body) {
    this.#encoded = encoded
  }

  get isMalformed(): boolean {
    return this.#isMalformed
  }

  async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    for (;;) {
      if (signal?.aborted) return 'stopped'
      if (this.#isMalformed) return 'cut'
      if (this.#isOver) return 'end'
      const arrival = await this.#encoded.read(idleMs, signal)
      if (typeof arrival === 'string' && arrival !== 'end') return arrival
      this.#isOver = arrival === 'end'
      const decoded = arrival === 'end' ? this.#decodeRest() : this.#decode(arrival)
      if (decoded.length > 0) return [decoded]
    }
  }

  #decode(buffers: readonly Buffer[]): Buffer {
    const arrived = buffers.map(bytes => bytes.toString('latin1')).join('')
    const digits = this.#rest + arrived.replaceAll(/[\t\n\r ]+/g, '')
    const whole = digits.length - (digits.length % 4)
    const groups = digits.slice(0, whole)
    this.#rest = digits.slice(whole)
    // Padding ends the content.
    const isLate = this.#isPadded && digits !== ''
    this.#isPadded ||= groups.endsWith('=')
    if (isLate || !/^[A-Za-z0-9+/]*={0,2}$/.test(groups)) this.#isMalformed = true
    if (this.#isPadded && this.#rest !== '') this.#isMalformed = true
    return Buffer.from(this.#isMalformed ? '' : groups, 'base64')
  }

  #decodeRest(): Buffer {
    const isWhole = /^(?:[A-Za-z0-9+/]{2,3})?$/.test(this.#rest)
    if (!isWhole) this.#isMalformed = true
    return Buffer.from(isWhole ? this.#rest : '', 'base64')
  }
}
