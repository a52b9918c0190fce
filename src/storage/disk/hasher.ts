/**
 * Digests that follow the promise: what is persisted is read back by a worker, from the page cache as a rule, and never
 * passes through this thread. A run that is continued hashes only what is new; one whose content changed below what it
 * was told to hash is dropped and begun again from the first byte.
 */

import { availableParallelism } from 'node:os'
import { lengthOf } from '../../engine/content.ts'
import type { Digest, DigestAlgorithm, Digests, Extent, Log } from '../../engine/ports.ts'
import { HasherRun } from './hasher-run.ts'
import { HasherThread } from './hasher-thread.ts'

export interface HasherLimits {
  readonly threads: number
  /** Runs to remember. One takes a few hundred bytes; one dropped too soon has to read its content again. */
  readonly runs: number
  /** How far the hashing may lag behind a writer before it has to wait; what a run began with is not the writer's. */
  readonly lagBytes: number
}

export const HASHER_LIMITS: HasherLimits = {
  threads: Math.min(4, Math.max(1, availableParallelism() - 1)),
  runs: 10_000,
  lagBytes: 128 * 1024 * 1024,
}

export class Hasher implements Digests {
  readonly #pathOf: (blob: string) => string | undefined
  readonly #log: Log
  readonly #limits: HasherLimits
  readonly #threads: readonly HasherThread[]
  /** By the caller's name, the least recently used first. */
  readonly #runs = new Map<string, HasherRun>()
  #lastId = 0

  constructor(
    pathOf: (blob: string) => string | undefined,
    log: Log,
    limits: HasherLimits = HASHER_LIMITS,
  ) {
    this.#pathOf = pathOf
    this.#log = log
    this.#limits = limits
    this.#threads = Array.from({ length: limits.threads }, () => new HasherThread())
  }

  async follow(
    name: string,
    content: readonly Extent[],
    algorithms: readonly DigestAlgorithm[],
  ): Promise<void> {
    const run = this.#runFor(name, content, algorithms)
    await run.reached(lengthOf(content) - Math.max(this.#limits.lagBytes, run.backlogBytes))
  }

  async finish(
    name: string,
    content: readonly Extent[],
    algorithms: readonly DigestAlgorithm[],
  ): Promise<Digest> {
    const run = this.#runFor(name, content, algorithms)
    this.#runs.delete(name)
    return await run.digest()
  }

  forget(name: string): void {
    this.#runs.get(name)?.forget()
    this.#runs.delete(name)
  }

  get lagBytes(): number {
    return this.#threads.reduce((sum, thread) => sum + thread.lagBytes, 0)
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(thread => thread.close()))
  }

  /** The run of that name, hashing on to the end of `content`. */
  #runFor(
    name: string,
    content: readonly Extent[],
    algorithms: readonly DigestAlgorithm[],
  ): HasherRun {
    const known = this.#runs.get(name)
    const goesOn = known?.isContinuedBy(content) === true && known.computes(algorithms)
    const run = goesOn ? known : this.#newRun(name, algorithms)
    if (run !== known) known?.forget()
    this.#runs.delete(name)
    this.#runs.set(name, run)
    run.hash(content, this.#pathOf)
    this.#forgetOldest()
    return run
  }

  #newRun(name: string, algorithms: readonly DigestAlgorithm[]): HasherRun {
    const thread = this.#threads.reduce((a, b) => (b.runs < a.runs ? b : a))
    this.#lastId += 1
    const run: HasherRun = new HasherRun(this.#lastId, algorithms, thread, err => {
      this.#log.warn({ err }, 'cannot hash what is stored')
      if (this.#runs.get(name) === run) this.#runs.delete(name)
    })
    return run
  }

  #forgetOldest(): void {
    if (this.#runs.size <= this.#limits.runs) return
    for (const [name, run] of this.#runs) {
      if (!run.isIdle) continue
      this.forget(name)
      return
    }
  }
}
