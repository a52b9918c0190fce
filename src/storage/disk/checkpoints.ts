/**
 * When a running append makes a promise of what it has so far (design P7): after so many bytes or so much time, whichever
 * is first, one at a time and in the background. Only a granule more than last time is worth a checkpoint. The body goes
 * on meanwhile, but not beyond the point where the next one would be due.
 */

import type { Mark } from '../../engine/ports.ts'
import type { Marks } from './write-queue.ts'

export interface Pace {
  readonly bytes: number
  readonly ms: number
}

export const PACE: Pace = { bytes: 32 * 1024 * 1024, ms: 5000 }

export class Checkpoints {
  readonly #pace: Pace
  readonly #promise: (mark: Mark) => Promise<void>
  readonly #wake: () => void
  /** What had arrived, and when, at the last one. */
  #last: Marks | undefined
  #lastAt = performance.now()
  #timer: NodeJS.Timeout | undefined
  #isTimeUp = false
  #running: Promise<void> | undefined
  #failure: unknown

  /** `promise` syncs and records a mark. `wake` is called when `isDue` should be asked, or `failure` looked at. */
  constructor(pace: Pace, promise: (mark: Mark) => Promise<void>, wake: () => void) {
    this.#pace = pace
    this.#promise = promise
    this.#wake = wake
  }

  /** Why the last one failed; there is none after it. */
  get failure(): unknown {
    return this.#failure
  }

  /** To be asked whenever bytes have arrived: a timer watches over those that are not due yet. */
  isDue({ stored, granules }: Marks): boolean {
    if (granules.length === (this.#last?.granules.length ?? 0)) return false
    if (stored.length - (this.#last?.stored.length ?? 0) >= this.#pace.bytes) return true
    if (this.#isTimeUp) return true
    if (this.#running === undefined) this.#timer ??= this.#startTimer()
    return false
  }

  /** Begins one with what has been handed to the disk; waits first for one that is still running. */
  async begin(marks: Marks): Promise<void> {
    this.stop()
    await this.#running
    if (this.#failure !== undefined) return
    this.#last = marks
    this.#lastAt = performance.now()
    this.#running = this.#run(marks.granules)
  }

  /** Resolves when none is running any more. */
  async settled(): Promise<void> {
    await this.#running
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isTimeUp = false
  }

  async #run(mark: Mark): Promise<void> {
    try {
      await this.#promise(mark)
    } catch (cause) {
      this.#failure = cause
    }
    this.#running = undefined
    this.#wake()
  }

  #startTimer(): NodeJS.Timeout {
    const delay = Math.max(0, this.#lastAt + this.#pace.ms - performance.now())
    return setTimeout(() => {
      this.#isTimeUp = true
      this.#wake()
    }, delay)
  }
}
