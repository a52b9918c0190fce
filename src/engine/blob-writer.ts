/**
 * Bodies into blobs, with the one thing storage cannot know: which blobs may be continued. A blob whose writer may still
 * be alive, or whose disk failed, is never written again (design P3, P12); content simply goes on in a new one.
 */

import { UploadError } from './failure.ts'
import type { AppendRequest, Receipt, Storage } from './ports.ts'

export class BlobWriter {
  readonly #storage: Storage
  readonly #untrusted = new Set<string>()

  constructor(storage: Storage) {
    this.#storage = storage
  }

  /** A blob whose bytes are on their way is no garbage, whatever the catalog says of it. */
  isWriting(blob: string): boolean {
    return this.#untrusted.has(blob)
  }

  /** False while somebody may be writing it, and for ever once its disk failed. */
  isTrusted(blob: string): boolean {
    return !this.#untrusted.has(blob)
  }

  async write(request: AppendRequest): Promise<Receipt> {
    const { blob } = request
    this.#untrusted.add(blob)
    try {
      const receipt = await this.#storage.append(request)
      this.#untrusted.delete(blob)
      return receipt
    } catch (error) {
      const isDiskFault = !(error instanceof UploadError) || error.failure.code === 'storage_failed'
      if (!isDiskFault) this.#untrusted.delete(blob)
      throw error
    }
  }

  /** Frees a blob that never became part of any content. */
  async discard(blob: string): Promise<void> {
    await this.#storage.discard(blob)
    this.#untrusted.delete(blob)
  }
}
