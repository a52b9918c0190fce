/**
 * crc32c (Castagnoli) of bytes on their way in, and of content put together from extents.
 *
 * Content is never read again to know its crc32c: extents carry theirs, and two checksums combine as the bytes behind
 * them do, in O(log length).
 */

import { crc32c } from '@node-rs/crc32'
import type { Extent, Mark } from './ports.ts'

/** The checksum of everything stored so far and, beside it, of everything up to the last whole granule. */
export class RunningCrc {
  readonly #granule: number
  #stored: Mark
  #granules: Mark

  /** `seed` is the checksum of the bytes before the first one, 0 for none. `granule` counts from the first byte. */
  constructor(seed: number, granule: number) {
    this.#granule = granule
    this.#stored = { length: 0, crc32c: seed }
    this.#granules = this.#stored
  }

  get stored(): Mark {
    return this.#stored
  }

  get granules(): Mark {
    return this.#granules
  }

  update(bytes: Buffer): void {
    const end = this.#stored.length + bytes.length
    const boundary = end - (end % this.#granule)
    const head = boundary - this.#stored.length
    if (head > 0) {
      this.#granules = this.#extended(head === bytes.length ? bytes : bytes.subarray(0, head))
      this.#stored = this.#granules
      if (head < bytes.length) this.#stored = this.#extended(bytes.subarray(head))
    } else {
      this.#stored = this.#extended(bytes)
    }
  }

  #extended(bytes: Buffer): Mark {
    return {
      length: this.#stored.length + bytes.length,
      crc32c: crc32c(bytes, this.#stored.crc32c),
    }
  }
}

/** The checksum of all content, from its extents' checksums alone. */
export function contentCrc32c(content: readonly Extent[]): number {
  let whole = 0
  for (const extent of content) whole = combineCrc32c(whole, extent.crc32c, extent.length)
  return whole
}

/**
 * The checksum of A followed by B, where B has `length` bytes. Appending zero bytes to A is a linear map on the 32 bits
 * of its checksum, so `length` of them are that map, raised to a power by repeated squaring (zlib's crc32_combine). The powers
 * are worked out once: content may have a hundred thousand extents.
 */
export function combineCrc32c(a: number, b: number, length: number): number {
  // Nothing before it, which is what content of one extent is.
  if (a === 0) return b
  let crc = a
  // Byte counts exceed 32 bits: halve by division, not by shift.
  for (let left = length, bit = 0; left > 0; left = Math.floor(left / 2), bit += 1) {
    if (left % 2 === 1) crc = apply(ZERO_BYTES[bit] as BitMap, crc)
  }
  return (crc ^ b) >>> 0
}

/** A linear map on 32 bits: the image of each bit. */
type BitMap = Uint32Array

function apply(map: BitMap, bits: number): number {
  let image = 0
  for (let bit = 0, rest = bits >>> 0; rest !== 0; bit += 1, rest >>>= 1) {
    if (rest & 1) image ^= map[bit] as number
  }
  return image >>> 0
}

function squared(map: BitMap): BitMap {
  return map.map(image => apply(map, image))
}

const CASTAGNOLI_REFLECTED = 0x82f63b78
const ONE_ZERO_BIT = Uint32Array.from({ length: 32 }, (_, bit) =>
  bit === 0 ? CASTAGNOLI_REFLECTED : 2 ** (bit - 1),
)
/** 2^n zero bytes, for each bit of a safe integer. */
const ZERO_BYTES: readonly BitMap[] = powers(squared(squared(squared(ONE_ZERO_BIT))), 53)

function powers(map: BitMap, count: number): BitMap[] {
  const maps = [map]
  while (maps.length < count) maps.push(squared(maps.at(-1) as BitMap))
  return maps
}
