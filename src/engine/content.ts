/**
 * Arithmetic on content: lists of extents, without a look at a byte. Offsets count from the content's first byte.
 */

import type { Extent } from './ports.ts'

export function lengthOf(content: readonly Extent[]): number {
  let length = 0
  for (const extent of content) length += extent.length
  return length
}

/** Each blob of the content, with the end of what is used of it. */
export function endsOf(content: readonly Extent[]): Map<string, number> {
  const used = new Map<string, number>()
  for (const { blob, start, length } of content) {
    used.set(blob, Math.max(used.get(blob) ?? 0, start + length))
  }
  return used
}

/** A part of an extent: `crc32c` is undefined where it cannot be known without reading the bytes. */
export type Slice = Omit<Extent, 'crc32c'> & { readonly crc32c: number | undefined }

/** The bytes in [from, to), as parts of extents. */
export function slice(content: readonly Extent[], from: number, to: number): Slice[] {
  const slices: Slice[] = []
  let offset = 0
  for (const { blob, start, length, crc32c } of content) {
    const head = Math.max(0, from - offset)
    const tail = Math.min(length, to - offset)
    if (head < tail) {
      const isWhole = head === 0 && tail === length
      slices.push({
        blob,
        start: start + head,
        length: tail - head,
        crc32c: isWhole ? crc32c : undefined,
      })
    }
    offset += length
  }
  return slices
}
