/**
 * One budget of buffer memory for all bodies of the server (design P6). Each body holds a share: the more bodies there
 * are, the smaller the batches they write, and once the budget is used up every body writes what it has instead of
 * gathering more. What cannot be avoided is one socket read a body. A body that has to be whole before anything can be done
 * with it claims its memory instead, and waits for it; the first of those who wait may go beyond the budget, one at a time, so
 * that bodies which all wait for each other's memory are taken one after the other.
 */

const SMALLEST_BATCH = 256 * 1024
const LARGEST_BATCH = 4 * 1024 * 1024
/** Buffers a body may have at once: one being gathered, two being written. */
const BATCHES_PER_BODY = 3

interface Claim {
  readonly share: Share
  readonly bytes: number
  grant(): void
}

export class Budget {
  /** TIDEMARK_BUFFERS. */
  readonly bytes: number
  /** Those who wait, in turn. */
  readonly #claims = new Set<Claim>()
  /** Has all it claims, until it leaves. */
  #favoured: Share | undefined
  #bodies = 0
  #held = 0

  constructor(bytes: number) {
    this.bytes = bytes
  }

  /** A share for one more body; `leave` it when the body is done. */
  join(): Share {
    this.#bodies += 1
    return new Share(this)
  }

  /** Bytes to gather before writing: clamp(256 KiB, what is one body's due, 4 MiB), or none when the budget is used up. */
  get batch(): number {
    if (this.#held >= this.bytes) return 0
    const due = Math.floor(this.bytes / Math.max(1, this.#bodies) / BATCHES_PER_BODY)
    return Math.min(LARGEST_BATCH, Math.max(SMALLEST_BATCH, due))
  }

  get bodies(): number {
    return this.#bodies
  }

  get held(): number {
    return this.#held
  }

  /** Share's side of the account. */
  settle(bytes: number): void {
    this.#held += bytes
    if (bytes < 0) this.#grant()
  }

  /** Share's: it leaves, with what it still held. */
  left(share: Share, bytes: number): void {
    this.#bodies -= 1
    this.#held -= bytes
    if (this.#favoured === share) this.#favoured = undefined
    this.#grant()
  }

  /** Share's: holds `bytes` once they fit and everyone who asked before is served; false where that took too long. */
  claim(share: Share, bytes: number, patienceMs: number): Promise<boolean> {
    return new Promise(resolve => {
      const claim: Claim = {
        share,
        bytes,
        grant: () => {
          clearTimeout(timer)
          resolve(true)
        },
      }
      const timer = setTimeout(() => {
        this.#claims.delete(claim)
        resolve(false)
        // A smaller one may have waited behind it.
        this.#grant()
      }, patienceMs)
      this.#claims.add(claim)
      if (share === this.#favoured) this.#serve(claim)
      else this.#grant()
    })
  }

  #grant(): void {
    for (const claim of this.#claims) {
      if (this.#held + claim.bytes > this.bytes) {
        if (this.#favoured !== undefined) return
        this.#favoured = claim.share
      }
      this.#serve(claim)
    }
  }

  #serve(claim: Claim): void {
    this.#claims.delete(claim)
    this.#held += claim.bytes
    claim.grant()
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
    this.#budget.settle(bytes)
  }

  /** As `hold`, but only where it is its turn to have so many, or will be within `patienceMs`; false where it was not. */
  async claim(bytes: number, patienceMs: number): Promise<boolean> {
    const isGranted = await this.#budget.claim(this, bytes, patienceMs)
    if (isGranted) this.#held += bytes
    return isGranted
  }

  /** `bytes` are written, or dropped. */
  release(bytes: number): void {
    this.#held -= bytes
    this.#budget.settle(-bytes)
  }

  /** The body is done; what it still held is free. */
  leave(): void {
    const held = this.#held
    this.#held = 0
    this.#budget.left(this, held)
  }
}
