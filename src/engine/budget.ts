/**
 * One budget of buffer memory for all bodies of the server (design P6). Each body holds a share: the more bodies there
 * are, the smaller the batches they write, and once the budget is used up every body writes what it has instead of
 * gathering more. What cannot be avoided is one socket read a body.
 */

const SMALLEST_BATCH = 256 * 1024
const LARGEST_BATCH = 4 * 1024 * 1024
/** Buffers a body may have at once: one being gathered, two being written. */
const BATCHES_PER_BODY = 3

export class Budget {
  readonly #bytes: number
  #bodies = 0
  #held = 0

  /** `bytes` is TIDEMARK_BUFFERS. */
  constructor(bytes: number) {
    this.#bytes = bytes
  }

  /** A share for one more body; `leave` it when the body is done. */
  join(): Share {
    this.#bodies += 1
    return new Share(this)
  }

  /** Bytes to gather before writing: clamp(256 KiB, what is one body's due, 4 MiB), or none when the budget is used up. */
  get batch(): number {
    if (this.#held >= this.#bytes) return 0
    const due = Math.floor(this.#bytes / Math.max(1, this.#bodies) / BATCHES_PER_BODY)
    return Math.min(LARGEST_BATCH, Math.max(SMALLEST_BATCH, due))
  }

  get bodies(): number {
    return this.#bodies
  }

  get held(): number {
    return this.#held
  }

  /** Share's side of the account. */
  settle(bodies: number, bytes: number): void {
    this.#bodies += bodies
    this.#held += bytes
  }
}

/** One body's part of the budget. */
export class Share {
  readonly #budget: Budget
  #held = 0

  constructor(budget: Budget) {
    this.#budget = budget
  }

  get batch(): number {
    return this.#budget.batch
  }

  /** Count `bytes` as held in memory. */
  hold(bytes: number): void {
    this.#held += bytes
    this.#budget.settle(0, bytes)
  }

  /** `bytes` are written, or dropped. */
  release(bytes: number): void {
    this.#held -= bytes
    this.#budget.settle(0, -bytes)
  }

  /** The body is done; what it still held is free. */
  leave(): void {
    this.#budget.settle(-1, -this.#held)
    this.#held = 0
  }
}
