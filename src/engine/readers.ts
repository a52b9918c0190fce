/**
 * Reading objects. A blob that somebody reads is pinned: its object may be overwritten or deleted meanwhile, its bytes go
 * only when the last reader is done.
 */

import { slice } from './content.ts'
import type { Extent, Storage, StoredObject } from './ports.ts'

/** A published object, open for reading. */
export interface OpenObject {
  readonly object: StoredObject
  /** Bytes in [from, to). Closes the object when done, broken off or failed. Once. */
  read(from: number, to: number): AsyncIterable<Buffer>
  /** Lets the bytes go. Idempotent; needed where `read` is not called. */
  close(): void
}

export class Readers {
  readonly #storage: Storage
  readonly #pins = new Map<string, number>()

  constructor(storage: Storage) {
    this.#storage = storage
  }

  isPinned(blob: string): boolean {
    return this.#pins.has(blob)
  }

  open(object: StoredObject, extents: readonly Extent[]): OpenObject {
    const blobs = new Set(extents.map(({ blob }) => blob))
    let isOpen = true
    for (const blob of blobs) this.#pin(blob, 1)
    const close = () => {
      if (!isOpen) return
      isOpen = false
      for (const blob of blobs) this.#pin(blob, -1)
    }
    const storage = this.#storage
    return {
      object,
      close,
      async *read(from, to) {
        try {
          // The checksum of a part is nobody's business here.
          const parts = slice(extents, from, to).map(part => ({ ...part, crc32c: 0 }))
          yield* storage.read(parts)
        } finally {
          close()
        }
      },
    }
  }

  #pin(blob: string, by: 1 | -1): void {
    const pins = (this.#pins.get(blob) ?? 0) + by
    if (pins === 0) this.#pins.delete(blob)
    else this.#pins.set(blob, pins)
  }
}
