/**
 * Bodies that are taken whole into memory because they are messages, not content: metadata as JSON, an envelope around a
 * chunk. Every byte of them is counted against the server's one budget (design P6), beside what uploads hold.
 *
 * Memory follows what has arrived, never what a client announced: a frame has room for at most twice its bytes. Where the
 * budget is used up, a frame waits in turn, its client held back by TCP. The first in the line may always go on, beyond the
 * budget if need be, so the line moves as fast as its clients send; who has waited for PATIENCE_MS gives up.
 */

import type { Budget, Share } from '../engine/budget.ts'
import type { Body } from '../engine/ports.ts'

/** For bodies that are small by nature. */
export const SMALL_BODY_LIMIT = 1024 * 1024

/** How long a frame waits for memory before its request is refused. */
const PATIENCE_MS = 30_000

export interface Frame {
  readonly bytes: Buffer
  /** The bytes are done with: their memory is for others. Idempotent. */
  release(): void
}

/**
 * Why there is no frame. `too_large`: beyond the limit, the rest is unread. `no_memory`: the budget was used up for
 * PATIENCE_MS; the client should come back.
 */
export type Unframed = 'too_large' | 'cut' | 'idle' | 'no_memory'

export class FramedBodies {
  /** Silence allowed within a body, in ms (design P8). */
  readonly idleMs: number
  readonly #budget: Budget
  readonly #patienceMs: number

  constructor(budget: Budget, idleMs: number, patienceMs: number = PATIENCE_MS) {
    this.#budget = budget
    this.idleMs = idleMs
    this.#patienceMs = patienceMs
  }

  /** One frame may have half of the budget, so that it can grow at all: a larger `limit` is cut to that, in bytes. */
  most(limit: number): number {
    return Math.min(limit, Math.floor(this.#budget.bytes / 2))
  }

  /** The whole body, of at most `limit` bytes; `release` it when done. */
  async read(body: Body, limit: number): Promise<Frame | Unframed> {
    const most = this.most(limit)
    if ((body.length ?? 0) > most) return 'too_large'
    const share = this.#budget.join()
    const growing = new GrowingFrame(share, Math.min(most, body.length ?? most), this.#patienceMs)
    let frame: Frame | undefined
    try {
      const end = body.length === 0 ? 'end' : await this.#collect(body, growing, most)
      if (end !== 'end') return end
      frame = growing.finish()
      return frame
    } finally {
      if (frame === undefined) share.leave()
    }
  }

  async #collect(body: Body, frame: GrowingFrame, most: number): Promise<'end' | Unframed> {
    for (;;) {
      const arrival = await body.read(this.idleMs)
      // Without a signal there is no `stopped`.
      if (arrival === 'stopped') return 'cut'
      if (typeof arrival === 'string') return arrival
      let length = frame.length
      for (const bytes of arrival) length += bytes.length
      if (length > most) return 'too_large'
      if (!(await frame.makeRoom(length))) return 'no_memory'
      frame.add(arrival)
    }
  }
}

/** Bytes side by side, in memory that doubles. */
class GrowingFrame {
  length = 0
  readonly #share: Share
  readonly #most: number
  readonly #patienceMs: number
  #memory = Buffer.alloc(0)

  constructor(share: Share, most: number, patienceMs: number) {
    this.#share = share
    this.#most = most
    this.#patienceMs = patienceMs
  }

  /** False when there was no memory for so many bytes. */
  async makeRoom(length: number): Promise<boolean> {
    const before = this.#memory
    if (length <= before.length) return true
    const room = Math.max(length, Math.min(2 * before.length, this.#most))
    // The old memory is held until its bytes are in the new one.
    if (!(await this.#share.claim(room, this.#patienceMs))) return false
    this.#memory = Buffer.allocUnsafeSlow(room)
    before.copy(this.#memory, 0, 0, this.length)
    this.#share.release(before.length)
    return true
  }

  add(buffers: readonly Buffer[]): void {
    for (const bytes of buffers) this.length += bytes.copy(this.#memory, this.length)
  }

  finish(): Frame {
    const share = this.#share
    let isHeld = true
    return {
      bytes: this.#memory.subarray(0, this.length),
      release() {
        if (isHeld) share.leave()
        isHeld = false
      },
    }
  }
}
