/**
 * Batches on their way to the disk, two at a time: while one is written the next is handed over, and the disk never
 * waits for us. They may end in any order, or fail; `marks` tells what is stored without a gap from the first byte on.
 */

import type { Share } from '../../engine/budget.ts'
import type { Mark } from '../../engine/ports.ts'
import type { BlobFile } from './blob-file.ts'
import { isFull } from './faults.ts'

const WRITES_IN_FLIGHT = 2

/** What an append has stored: all of it, and its longest prefix on a granule. */
export interface Marks {
  readonly stored: Mark
  readonly granules: Mark
}

export interface Batch {
  readonly buffers: readonly Buffer[]
  readonly length: number
  /** How it stands once this batch and all before it are written. */
  readonly marks: Marks
}

interface Write {
  readonly marks: Marks
  isDone: boolean
  ended: Promise<void>
}

export class WriteQueue {
  readonly #file: BlobFile
  readonly #share: Share
  readonly #syncsAhead: boolean
  readonly #onFailure: () => void
  #position: number
  #marks: Marks
  /** In order, from the oldest that is not done. */
  readonly #writes: Write[] = []
  #inFlight = 0
  #failure: unknown

  constructor(parts: {
    readonly file: BlobFile
    readonly start: number
    readonly marks: Marks
    readonly share: Share
    /** Whether what is written will have to be synced. */
    readonly syncsAhead: boolean
    readonly onFailure: () => void
  }) {
    this.#file = parts.file
    this.#position = parts.start
    this.#marks = parts.marks
    this.#share = parts.share
    this.#syncsAhead = parts.syncsAhead
    this.#onFailure = parts.onFailure
  }

  get marks(): Marks {
    return this.#marks
  }

  /** The error of a write, if one failed: the raw one, so that a full disk can be told from a broken one. */
  get failure(): unknown {
    return this.#failure
  }

  /** Begins to write. Its bytes are held on the body's share until they are written. */
  submit(batch: Batch): void {
    const write: Write = { marks: batch.marks, isDone: false, ended: Promise.resolve() }
    this.#writes.push(write)
    this.#inFlight += 1
    write.ended = this.#write(batch, this.#position, write)
    this.#position += batch.length
  }

  /** Resolves when another batch may be handed over, or a write has failed. */
  async slot(): Promise<void> {
    while (this.#inFlight >= WRITES_IN_FLIGHT && this.#failure === undefined) {
      await this.#writes[0]?.ended
    }
  }

  /** Resolves when every write begun so far has ended, one way or the other. */
  async settled(): Promise<void> {
    await Promise.all(this.#writes.map(write => write.ended))
  }

  async #write(batch: Batch, position: number, write: Write): Promise<void> {
    try {
      await this.#file.write(batch.buffers, position)
      write.isDone = true
      if (this.#syncsAhead) this.#file.syncAhead()
    } catch (cause) {
      // A broken disk outweighs a full one.
      if (this.#failure === undefined || !isFull(cause)) this.#failure = cause
      this.#onFailure()
    }
    this.#inFlight -= 1
    this.#share.release(batch.length)
    for (let oldest = this.#writes[0]; oldest?.isDone === true; oldest = this.#writes[0]) {
      this.#marks = oldest.marks
      this.#writes.shift()
    }
  }
}
