/**
 * A body as the append loop reads it: a wait for bytes that can be interrupted without losing any. Something in the
 * background wakes the loop, which looks after it and then goes on waiting for the same read.
 */

import type { Arrival, Body } from '../../engine/ports.ts'

export class Arrivals {
  readonly #body: Body
  readonly #idleMs: number
  readonly #signal: AbortSignal
  /** Ends a read that is under way when the append fails: the body must be free for whoever drains it. */
  readonly #stop = new AbortController()
  #reading: Promise<Arrival> | undefined
  #isAwake = false
  #wakeUp = () => {}

  constructor(body: Body, idleMs: number, signal: AbortSignal) {
    this.#body = body
    this.#idleMs = idleMs
    this.#signal = signal
    this.#signal.addEventListener('abort', this.#onAbort)
    if (signal.aborted) this.#onAbort()
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted
  }

  /** More of the body, or undefined when somebody called `wake`. */
  async next(): Promise<Arrival | undefined> {
    if (!this.#isAwake) {
      this.#reading ??= this.#body.read(this.#idleMs, this.#stop.signal)
      const { promise, resolve, reject } = Promise.withResolvers<Arrival | undefined>()
      this.#wakeUp = () => resolve(undefined)
      this.#reading.then(resolve, reject)
      const arrival = await promise
      if (arrival !== undefined) {
        this.#reading = undefined
        return arrival
      }
    }
    this.#isAwake = false
    return undefined
  }

  wake(): void {
    this.#isAwake = true
    this.#wakeUp()
  }

  /** Resolves when nobody reads any more. */
  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort)
    if (this.#reading === undefined) return
    this.#stop.abort()
    // What it still brings is not stored, and why it fails no longer matters.
    await this.#reading.catch(() => {})
  }

  readonly #onAbort = () => this.#stop.abort()
}
