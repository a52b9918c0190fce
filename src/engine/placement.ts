/**
 * Where a chunk's bytes go, and what the segment's content is once some of them are there: at the end of the blob that
 * ends the segment, in a new blob behind it, or in a new blob in the place of bytes that they replace.
 */

import { lengthOf, slice } from './content.ts'
import type { Extent, Mark, Storage } from './ports.ts'

export class Placement {
  readonly blob: string
  /** Where in the blob the first byte goes. */
  readonly start: number
  /** crc32c of the extent that the bytes continue. */
  readonly seed: number
  /** Nothing refers to the blob yet: if nothing ever will, it is to be discarded. */
  readonly isNew: boolean
  readonly #storage: Storage
  readonly #before: readonly Extent[]
  readonly #position: number

  /** `position` is where in the content `before` the bytes go; `isTrusted` tells which blobs may be continued. */
  constructor(
    storage: Storage,
    before: readonly Extent[],
    position: number,
    isTrusted: (blob: string) => boolean,
  ) {
    const last = before.at(-1)
    const continues = last !== undefined && position === lengthOf(before) && isTrusted(last.blob)
    this.blob = continues ? last.blob : storage.create()
    this.start = continues ? last.start + last.length : 0
    this.seed = continues ? last.crc32c : 0
    this.isNew = !continues
    this.#storage = storage
    this.#before = before
    this.#position = position
  }

  /** The content with the bytes up to `mark` in it. */
  async content(mark: Mark): Promise<Extent[]> {
    if (mark.length === 0) return [...this.#before]
    const last = this.#before.at(-1)
    if (last !== undefined && !this.isNew) {
      // One extent, grown: `mark.crc32c` covers it from its start.
      const grown = { ...last, length: last.length + mark.length, crc32c: mark.crc32c }
      return [...this.#before.slice(0, -1), grown]
    }
    const end = this.#position + mark.length
    const head = await this.#checked(0, this.#position)
    const tail = await this.#checked(end, lengthOf(this.#before))
    return [...head, { blob: this.blob, start: 0, ...mark }, ...tail]
  }

  /** Bytes [from, to) of the content before; extents that the new bytes split are read back for their checksum. */
  async #checked(from: number, to: number): Promise<Extent[]> {
    const parts = slice(this.#before, from, to)
    return Promise.all(
      parts.map(async part => ({
        ...part,
        crc32c: part.crc32c ?? (await this.#storage.checksum(part)),
      })),
    )
  }
}
