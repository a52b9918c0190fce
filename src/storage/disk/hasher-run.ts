/**
 * One run of the hasher, as this thread knows it: what it was told to hash, how far it is, and who waits for it. Its
 * content can only grow; for other content there is another run.
 */

import { lengthOf, slice } from '../../engine/content.ts'
import { UploadError } from '../../engine/failure.ts'
import type { Digest, DigestAlgorithm, Extent } from '../../engine/ports.ts'
import type { HasherThread, RunListener } from './hasher-thread.ts'

interface Waiter {
  readonly length: number
  readonly resolve: () => void
  readonly reject: (error: UploadError) => void
}

export class HasherRun implements RunListener {
  readonly #id: number
  readonly #algorithms: readonly DigestAlgorithm[]
  readonly #thread: HasherThread
  readonly #onError: (error: UploadError) => void
  #content: readonly Extent[] = []
  #target = 0
  #hashed = 0
  #backlog: number | undefined
  #waiters: Waiter[] = []
  #digest: PromiseWithResolvers<Digest> | undefined

  constructor(
    id: number,
    algorithms: readonly DigestAlgorithm[],
    thread: HasherThread,
    onError: (error: UploadError) => void,
  ) {
    this.#id = id
    this.#algorithms = algorithms
    this.#thread = thread
    this.#onError = onError
    thread.listen(id, this)
    thread.send({ do: 'begin', run: id, algorithms })
  }

  get isIdle(): boolean {
    return this.#hashed === this.#target && this.#digest === undefined
  }

  get lagBytes(): number {
    return this.#target - this.#hashed
  }

  /**
   * What it had before it when it began, as far as it has not caught up since: nobody's writing, so nobody has to wait for
   * it. A run that begins late, after a restart or an overwrite, may have a disk's worth of it.
   */
  get backlogBytes(): number {
    return this.#backlog ?? 0
  }

  computes(algorithms: readonly DigestAlgorithm[]): boolean {
    return algorithms.every(name => this.#algorithms.includes(name))
  }

  /** Whether `content` begins with all that this run was told to hash. */
  isContinuedBy(content: readonly Extent[]): boolean {
    const [known, given] = [places(this.#content, this.#target), places(content, this.#target)]
    return (
      known.length === given.length &&
      known.every(({ blob, start, length }, index) => {
        const other = given[index]
        return other?.blob === blob && other.start === start && other.length === length
      })
    )
  }

  /** Hashes on to the end of `content`, which continues what it was told before. */
  hash(content: readonly Extent[], pathOf: (blob: string) => string | undefined): void {
    const end = lengthOf(content)
    const stretches = slice(content, this.#target, end).map(({ blob, start, length }) => {
      const path = pathOf(blob)
      if (path === undefined) throw new UploadError({ code: 'blob_short', blob })
      return { blob, path, start, length }
    })
    this.#backlog = this.#backlog === undefined ? end : Math.min(this.#backlog, this.lagBytes)
    this.#content = content
    this.#target = end
    if (stretches.length > 0) this.#thread.send({ do: 'hash', run: this.#id, stretches })
  }

  /** Resolves when `length` bytes are hashed, or nobody wants them any more. */
  async reached(length: number): Promise<void> {
    if (this.#hashed >= length) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiters.push({ length, resolve, reject })
    await this.#waitFor(promise)
  }

  /** The end of the run: the digests of all that it was told to hash. */
  async digest(): Promise<Digest> {
    this.#digest = Promise.withResolvers<Digest>()
    this.#thread.send({ do: 'finish', run: this.#id })
    return await this.#waitFor(this.#digest.promise)
  }

  forget(): void {
    this.#thread.send({ do: 'forget', run: this.#id })
    this.#release(Number.POSITIVE_INFINITY)
  }

  onHashed(hashed: number): void {
    this.#hashed = hashed
    this.#release(hashed)
  }

  onDigest(digest: Digest): void {
    this.#digest?.resolve(digest)
  }

  onError(error: UploadError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
    this.#digest?.reject(error)
    this.#onError(error)
  }

  #release(hashed: number): void {
    const isReached = ({ length }: Waiter) => length <= hashed
    for (const waiter of this.#waiters.filter(isReached)) waiter.resolve()
    this.#waiters = this.#waiters.filter(waiter => !isReached(waiter))
  }

  async #waitFor<T>(promise: Promise<T>): Promise<T> {
    this.#thread.wait(1)
    try {
      return await promise
    } finally {
      this.#thread.wait(-1)
    }
  }
}

/** Where the first `length` bytes of `content` lie, however its extents divide them. */
function places(content: readonly Extent[], length: number) {
  const merged: Array<{ blob: string; start: number; length: number }> = []
  for (const { blob, start, length: bytes } of slice(content, 0, length)) {
    const last = merged.at(-1)
    if (last?.blob === blob && last.start + last.length === start) last.length += bytes
    else merged.push({ blob, start, length: bytes })
  }
  return merged
}
