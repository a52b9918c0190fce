/**
 * A body that must keep up a minimum rate: silence ends a body (design P8), and a byte now and then is silence, too.
 *
 * Only time in which somebody waits for bytes counts against the client. What the server itself takes, for a disk, a lease or
 * memory, passes between two reads, and bytes that came meanwhile are there at the next one without a wait. So a client that
 * is held back by us never falls behind, however slow we are.
 */

import type { Arrival, Body } from '../engine/ports.ts'

export interface Pace {
  /** Fewest bytes per second of waiting, on the average since the first read. 0: any rate. */
  readonly bytesPerSecond: number
  /** Waiting, in ms, in which nothing is asked for yet. Once it is over, the rate counts from the first read on. */
  readonly graceMs: number
  /**
   * Most waiting, in ms, that bytes sent ahead pay for; not less than the grace. Without it all of it counts: a MiB at once would
   * buy hours of a byte now and then.
   */
  readonly creditMs?: number
}

export class PacedBody implements Body {
  readonly #body: Body
  readonly #pace: Pace
  readonly #now: () => number
  /** Bytes that came, less those beyond the credit. */
  #counted = 0
  #waitedMs = 0
  #isBehind = false

  /** `now` is a clock in ms that nobody sets back or forth. */
  constructor(body: Body, pace: Pace, now: () => number = () => performance.now()) {
    this.#body = body
    this.#pace = pace
    this.#now = now
  }

  get length(): number | undefined {
    return this.#body.length
  }

  get atMost(): number | undefined {
    return this.#body.atMost
  }

  /** `idle`, now and from then on, once less has come than the rate asks for. */
  async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    if (this.#isBehind) return 'idle'
    const begin = this.#now()
    const arrival = await this.#body.read(Math.min(idleMs, this.#patienceMs()), signal)
    this.#waitedMs += this.#now() - begin
    if (arrival === 'end' || arrival === 'cut') return arrival
    if (typeof arrival !== 'string') {
      for (const bytes of arrival) this.#counted += bytes.length
      this.#capCredit()
    }
    // What has come is handed on: it is the wait for more that is over.
    this.#isBehind = arrival === 'idle' || this.#patienceMs() < 0
    return arrival
  }

  #capCredit(): void {
    const { bytesPerSecond, creditMs = Number.POSITIVE_INFINITY } = this.#pace
    const most = ((this.#waitedMs + creditMs) * bytesPerSecond) / 1000
    if (this.#counted > most) this.#counted = most
  }

  /** How long the bytes that came may still be waited behind. */
  #patienceMs(): number {
    const { bytesPerSecond, graceMs } = this.#pace
    if (bytesPerSecond === 0) return Number.POSITIVE_INFINITY
    return Math.max(graceMs, (this.#counted / bytesPerSecond) * 1000) - this.#waitedMs
  }
}
