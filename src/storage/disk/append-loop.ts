/**
 * The way of a body to the disk: read, gather, write, and make promises on the way. Waiting for a place among the writes in
 * flight is the back-pressure; nothing else stands between the socket and the disk.
 *
 * A client that goes away, a full disk and a request to stop are ways for an append to end, and what is stored by then is
 * stored. A disk that fails ends it with an error, and only what was promised before counts.
 */

import { createHash } from 'node:crypto'
import type { Budget } from '../../engine/budget.ts'
import { RunningCrc } from '../../engine/checksum.ts'
import type { AppendRequest, Log, Mark, Receipt } from '../../engine/ports.ts'
import { Arrivals } from './arrivals.ts'
import type { BlobDirectory } from './blob-directory.ts'
import { BlobFile, BUFFERS_PER_WRITE } from './blob-file.ts'
import { Checkpoints, type Pace } from './checkpoints.ts'
import { fail, fault, isFull } from './faults.ts'
import type { FreeSpace } from './free-space.ts'
import { type Marks, WriteQueue } from './write-queue.ts'

export interface AppendParts {
  readonly directory: BlobDirectory
  readonly space: FreeSpace
  readonly budget: Budget
  /** Whether what an append stores is synced by it. */
  readonly isDurable: boolean
  readonly pace: Pace
  readonly log: Log
}

export async function append(request: AppendRequest, parts: AppendParts): Promise<Receipt> {
  const loop = new AppendLoop(request, parts)
  try {
    return await loop.run()
  } finally {
    await loop.close()
  }
}

/** No more room: the append ends, but has not failed. */
class DiskFull extends Error {}

class AppendLoop {
  readonly #request
  readonly #parts
  readonly #share
  readonly #arrivals
  readonly #crc
  readonly #md5
  readonly #checkpoints: Checkpoints | undefined
  /** Leading bytes of the body still to be passed over. */
  #skip: number
  #received = 0
  /** Bytes gathered for the next batch. */
  #held: Buffer[] = []
  #heldBytes = 0
  #file: BlobFile | undefined
  #writes: WriteQueue | undefined

  constructor(request: AppendRequest, parts: AppendParts) {
    const { body, idleMs, signal, checkpoint } = request
    this.#request = request
    this.#parts = parts
    this.#skip = request.skip
    this.#share = parts.budget.join()
    this.#arrivals = new Arrivals(body, idleMs, signal)
    this.#crc = new RunningCrc(request.seed, request.granule)
    this.#md5 = request.md5 ? createHash('md5') : undefined
    if (checkpoint !== undefined) {
      const promise = (mark: Mark) => this.#promise(mark, checkpoint)
      this.#checkpoints = new Checkpoints(parts.pace, promise, () => this.#arrivals.wake())
    }
  }

  async run(): Promise<Receipt> {
    const { blob, start } = this.#request
    if (start > 0) {
      const known = { blob, length: start, mayBeNew: false }
      this.#file = await BlobFile.open(known, this.#parts.directory)
    }
    const ended = await this.#store().catch(cause => {
      if (cause instanceof DiskFull) return 'no_space' as const
      throw cause
    })
    return await this.#receipt(ended)
  }

  /** Nothing of this append goes on after it: not a read, a write nor a sync. */
  async close(): Promise<void> {
    this.#checkpoints?.stop()
    await this.#arrivals.close()
    await this.#writes?.settled()
    await this.#checkpoints?.settled()
    this.#share.leave()
    // Nobody need wait for it: what matters is synced.
    this.#file?.close().catch(err => this.#parts.log.warn({ err }, 'cannot close a blob'))
  }

  async #store(): Promise<Receipt['ended']> {
    // Before the first byte is asked for: the client may be waiting to hear whether to send any.
    if (this.#request.body.length !== 0) await this.#demandSpace(1)
    const ended = await this.#receive()
    await this.#write()
    await this.#writes?.settled()
    this.#check()
    return ended
  }

  async #receive(): Promise<Receipt['ended']> {
    while (!this.#arrivals.isStopped) {
      const arrival = await this.#arrivals.next()
      this.#check()
      if (typeof arrival === 'string') return arrival
      if (arrival !== undefined && !this.#gather(arrival)) return 'over'
      if (this.#heldBytes >= this.#share.batch || this.#held.length >= BUFFERS_PER_WRITE) {
        await this.#write()
      }
      if (this.#checkpoints?.isDue(this.#gathered) === true) {
        await this.#write()
        await this.#checkpoints.begin(this.#gathered)
      }
    }
    return 'stopped'
  }

  /** Takes what is to be stored of these bytes. False when they go beyond the limit. */
  #gather(buffers: readonly Buffer[]): boolean {
    for (const buffer of buffers) this.#received += buffer.length
    for (const buffer of buffers) {
      const known = Math.min(this.#skip, buffer.length)
      this.#skip -= known
      const room = this.#request.limit - this.#crc.stored.length
      const isOver = buffer.length - known > room
      const bytes = buffer.subarray(known, isOver ? known + room : buffer.length)
      if (bytes.length > 0) this.#hold(bytes)
      if (isOver) return false
    }
    return true
  }

  #hold(bytes: Buffer): void {
    this.#crc.update(bytes)
    this.#md5?.update(bytes)
    this.#share.hold(bytes.length)
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
  }

  get #gathered(): Marks {
    return { stored: this.#crc.stored, granules: this.#crc.granules }
  }

  /** Hands what is gathered to the disk. */
  async #write(): Promise<void> {
    if (this.#heldBytes === 0) return
    await this.#demandSpace(this.#heldBytes)
    this.#writes ??= await this.#openWrites()
    const buffers = this.#held
    const length = this.#heldBytes
    this.#held = []
    this.#heldBytes = 0
    const isMemoryScarce = this.#share.batch === 0
    this.#writes.submit({ buffers, length, marks: this.#gathered })
    await (isMemoryScarce ? this.#writes.settled() : this.#writes.slot())
    this.#check()
  }

  /** A new blob is made for its first byte: an empty body leaves nothing behind. */
  async #openWrites(): Promise<WriteQueue> {
    const { blob, start } = this.#request
    this.#file ??= await BlobFile.make(blob, this.#parts.directory).catch(cause => {
      throw isFull(cause) ? new DiskFull() : fault(cause)
    })
    return new WriteQueue({
      file: this.#file,
      start,
      marks: this.#nothing,
      share: this.#share,
      syncsAhead: this.#parts.isDurable,
      onFailure: () => this.#arrivals.wake(),
    })
  }

  get #nothing(): Marks {
    const mark = { length: 0, crc32c: this.#request.seed }
    return { stored: mark, granules: mark }
  }

  async #demandSpace(bytes: number): Promise<void> {
    if (!(await this.#parts.space.take(bytes).catch(fail))) throw new DiskFull()
  }

  /** Throws what has happened in the background. */
  #check(): void {
    this.#checkFaults()
    if (this.#writes?.failure !== undefined) throw new DiskFull()
  }

  /** A disk that fails outweighs a checkpoint that was refused: the caller must know not to go on with this blob. */
  #checkFaults(): void {
    const failure = this.#writes?.failure
    if (failure !== undefined && !isFull(failure)) throw fault(failure)
    const refused = this.#checkpoints?.failure
    if (refused !== undefined) throw refused
  }

  /** Keeps the order that makes a promise: written, synced, recorded. */
  async #promise(mark: Mark, record: (mark: Mark) => Promise<void>): Promise<void> {
    await this.#writes?.settled()
    // The append is about to end over it.
    if (this.#writes?.failure !== undefined) return
    if (this.#parts.isDurable) await this.#file?.sync()
    await record(mark)
  }

  /** What is stored, once it is durable. */
  async #receipt(ended: Receipt['ended']): Promise<Receipt> {
    await this.#writes?.settled()
    this.#checkpoints?.stop()
    await this.#checkpoints?.settled()
    this.#checkFaults()

    const { stored, granules } = this.#writes?.marks ?? this.#nothing
    const file = this.#file
    if (this.#writes?.failure !== undefined) {
      // Parts of batches that did not fit.
      await file?.truncate(this.#request.start + stored.length)
    }
    if (this.#parts.isDurable && file?.isClean === false) await file.sync()
    const receipt = { received: this.#received, stored, granules, ended }
    // Bytes that found no room are in the md5 as well: it is of no use then.
    const isWhole = stored.length === this.#crc.stored.length
    return this.#md5 === undefined || !isWhole
      ? receipt
      : { ...receipt, md5: this.#md5.digest('base64') }
  }
}
