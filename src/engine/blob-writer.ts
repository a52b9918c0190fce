/**
 * Bodies into blobs, with the one thing storage cannot know: which blobs may be continued. A blob whose writer may still
 * be alive, or whose disk failed, is never written again (design P3, P12); content simply goes on in a new one.
 */

import { UploadError } from './failure.ts'
import type { AppendRequest, DoorName, Extent, Observer, Receipt, Storage } from './ports.ts'

export class BlobWriter {
  readonly #storage: Storage
  readonly #observer: Observer
  readonly #untrusted = new Set<string>()
  /** How many publications look at a blob. */
  readonly #held = new Map<string, number>()

  constructor(storage: Storage, observer: Observer) {
    this.#storage = storage
    this.#observer = observer
  }

  /** A blob whose bytes are on their way is no garbage, whatever the catalog says of it. */
  isWriting(blob: string): boolean {
    return this.#untrusted.has(blob) || this.#held.has(blob)
  }

  /** False while somebody may be writing it, and for ever once its disk failed. */
  isTrusted(blob: string): boolean {
    return !this.#untrusted.has(blob)
  }

  async write(door: DoorName, request: AppendRequest): Promise<Receipt> {
    const { blob, skip, checkpoint } = request
    let counted = 0
    const count = (received: number) => {
      this.#observer.received(door, received - counted)
      counted = received
    }
    this.#untrusted.add(blob)
    try {
      const receipt = await this.#storage.append({
        ...request,
        checkpoint:
          checkpoint &&
          (mark => {
            count(skip + mark.length)
            return checkpoint(mark)
          }),
      })
      count(receipt.received)
      this.#untrusted.delete(blob)
      return receipt
    } catch (error) {
      const isDiskFault = !(error instanceof UploadError) || error.failure.code === 'storage_failed'
      if (!isDiskFault) this.#untrusted.delete(blob)
      throw error
    }
  }

  /** Runs `work`, until whose end these blobs are not freed: it hashes, seals and publishes them. */
  async hold<Result>(content: readonly Extent[], work: () => Promise<Result>): Promise<Result> {
    const blobs = new Set(content.map(({ blob }) => blob))
    for (const blob of blobs) this.#count(blob, 1)
    try {
      return await work()
    } finally {
      for (const blob of blobs) this.#count(blob, -1)
    }
  }

  #count(blob: string, by: 1 | -1): void {
    const holders = (this.#held.get(blob) ?? 0) + by
    if (holders === 0) this.#held.delete(blob)
    else this.#held.set(blob, holders)
  }

  /** Frees a blob that never became part of any content. */
  async discard(blob: string): Promise<void> {
    await this.#storage.discard(blob)
    this.#untrusted.delete(blob)
  }
}
