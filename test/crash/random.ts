/**
 * Chance from a seed, so that the plan of a run (sizes, chunks, moments of the kills) can be had again. What the machine
 * makes of it in time cannot: a failure repeats by running many kills with its seed, not by the first of them.
 */

import { hash } from 'node:crypto'

export class Random {
  readonly #seed: string
  #state: number

  constructor(seed: string) {
    this.#seed = seed
    this.#state = Number.parseInt(hash('sha256', seed).slice(0, 8), 16)
  }

  /** A stream of its own: what one client draws does not depend on how often another one did. */
  fork(name: string): Random {
    return new Random(`${this.#seed}/${name}`)
  }

  /** mulberry32: in [0, 1). */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1))
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.between(0, items.length - 1)] ?? items[0]
  }
}
