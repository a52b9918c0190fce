/**
 * Who has asked how often: the store behind the limiter (rate-limit.ts). The limiter's own hands out the very record that the next
 * request changes, so requests of one moment all count as the last of them; and it goes by a clock that may be set.
 *
 * Bounded: beyond its size the client that was silent longest is forgotten, and starts anew.
 */

import type { FastifyRateLimitStore } from '@fastify/rate-limit'

/** Some 200 bytes each. */
const CLIENTS = 50_000

interface Window {
  count: number
  readonly endsAt: number
}

interface CountsOptions {
  /** Most clients to remember. */
  readonly size?: number
  readonly now?: () => number
}

type Counted = Parameters<FastifyRateLimitStore['incr']>[1]

export class RateCounts implements FastifyRateLimitStore {
  readonly #size: number
  readonly #now: () => number
  /** The one that asked last is the last. */
  readonly #windows = new Map<string, Window>()

  /** The limiter passes settings of its own, which are not for us. */
  constructor({ size = CLIENTS, now = () => performance.now() }: CountsOptions = {}) {
    this.#size = size
    this.#now = now
  }

  /** One more request of this client, in a window of `perMs` that began with its first. */
  incr(client: string, counted: Counted, perMs: number): void {
    const now = this.#now()
    const known = this.#windows.get(client)
    const window = known && known.endsAt > now ? known : { count: 0, endsAt: now + perMs }
    window.count += 1
    this.#windows.delete(client)
    this.#windows.set(client, window)
    if (this.#windows.size > this.#size) {
      const [longestSilent] = this.#windows.keys()
      if (longestSilent !== undefined) this.#windows.delete(longestSilent)
    }
    counted(null, { current: window.count, ttl: window.endsAt - now })
  }

  /** Each limiter counts for itself. */
  child(): RateCounts {
    return new RateCounts({ size: this.#size, now: this.#now })
  }
}
