/**
 * Whether the disk has room beyond its reserve (design P10). A measurement is used for a while, less what was written
 * since, so that most batches cost no system call; "no" is only said after a fresh one.
 */

import type { Space } from '../../engine/ports.ts'
import type { Files } from './files.ts'

/** Other programs write to the disk as well. */
const FRESH_MS = 1000
const FRESH_BYTES = 64 * 1024 * 1024
const DEFAULT_RESERVE = 1024 ** 3
const DEFAULT_SHARE = 0.05

export class FreeSpace {
  readonly #path: string
  readonly #files: Files
  readonly #reserveBytes: number | undefined
  #measuredAt = Number.NEGATIVE_INFINITY
  #written = 0
  /** Bytes left above the reserve. */
  #left = 0
  #measuring: Promise<void> | undefined

  /** Without `reserveBytes`, 1 GiB or 5 % of the disk, the smaller. */
  constructor(path: string, reserveBytes: number | undefined, files: Files) {
    this.#path = path
    this.#files = files
    this.#reserveBytes = reserveBytes
  }

  async hasRoom(): Promise<boolean> {
    return await this.take(1)
  }

  /** True where `bytes` may be written now; they are then counted as written. */
  async take(bytes: number): Promise<boolean> {
    const isFresh =
      performance.now() - this.#measuredAt < FRESH_MS && this.#written + bytes <= FRESH_BYTES
    if (!isFresh || bytes > this.#left) await this.#measure()
    if (bytes > this.#left) return false
    this.#left -= bytes
    this.#written += bytes
    return true
  }

  async #measure(): Promise<void> {
    this.#measuring ??= this.#ask().finally(() => {
      this.#measuring = undefined
    })
    await this.#measuring
  }

  async space(): Promise<Space> {
    const { bsize, blocks, bavail } = await this.#files.statfs(this.#path)
    const capacity = bsize * blocks
    const reserve = this.#reserveBytes ?? defaultReserve(capacity)
    return { capacity, free: bsize * bavail, reserve }
  }

  async #ask(): Promise<void> {
    const { free, reserve } = await this.space()
    this.#left = free - reserve
    this.#written = 0
    this.#measuredAt = performance.now()
  }
}

/** What is left free of a disk of `capacity` bytes where nobody says otherwise: 1 GiB or 5 %, the smaller. */
export function defaultReserve(capacity: number): number {
  return Math.min(DEFAULT_RESERVE, Math.floor(capacity * DEFAULT_SHARE))
}
