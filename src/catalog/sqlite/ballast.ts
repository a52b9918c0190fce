/**
 * A file that only takes up room. When the disk is full it is emptied, and the catalog can still record what was uploaded:
 * disk full is a state, not an accident (design P10). Its bytes are random: file systems that compress store zeros as nothing.
 */

import { randomFillSync } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'

const BLOCK = 1024 * 1024

/** As much as the reserve allows; this is many thousand records. */
const LARGEST = 16 * 1024 * 1024

export class Ballast {
  readonly #path: string
  readonly #directory: string
  readonly #bytes: number
  #isHeld = false

  constructor(directory: string, reserveBytes: number) {
    this.#directory = directory
    this.#path = `${directory}/ballast`
    this.#bytes = Math.min(LARGEST, reserveBytes)
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Takes up the room, where there is twice as much; answers whether it is taken. Called again from time to time. */
  fill(): boolean {
    if (this.#bytes === 0 || this.#isHeld) return this.#isHeld
    if (this.#isOnDisk()) return this.#hold()
    const { bavail, bsize } = statfsSync(this.#directory)
    if (bavail * bsize < 2 * this.#bytes) return false
    return this.#write()
  }

  /** Gives the room back; false when there is none to give. */
  release(): boolean {
    // Emptied even where it was never filled: an earlier run may have left some.
    const hadAny = this.#sizeOnDisk() > 0
    this.#isHeld = false
    if (hadAny) this.#empty()
    return hadAny
  }

  #write(): boolean {
    const descriptor = openSync(this.#path, 'w')
    try {
      const block = randomFillSync(Buffer.alloc(Math.min(BLOCK, this.#bytes)))
      for (let at = 0; at < this.#bytes; ) {
        at += writeSync(descriptor, block, 0, Math.min(block.length, this.#bytes - at), at)
      }
      fsyncSync(descriptor)
      return this.#hold()
    } catch (error) {
      if (!isFull(error)) throw error
      ftruncateSync(descriptor)
      return false
    } finally {
      closeSync(descriptor)
    }
  }

  #empty(): void {
    const descriptor = openSync(this.#path, 'w')
    try {
      // Freed blocks can be had again only when the truncation is on the disk.
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }

  #hold(): true {
    this.#isHeld = true
    return true
  }

  #isOnDisk(): boolean {
    return this.#sizeOnDisk() >= this.#bytes
  }

  #sizeOnDisk(): number {
    const stats = statSync(this.#path, { throwIfNoEntry: false })
    // A file with holes holds no room.
    return stats === undefined ? 0 : Math.min(stats.size, stats.blocks * 512)
  }
}

function isFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOSPC' || code === 'EDQUOT'
}
