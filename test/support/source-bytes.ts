/**
 * Endless bytes that are a function of a seed and an offset: a test can check any byte of an upload, at any time, without
 * keeping a copy. It is AES-CTR over zeros: any place can be reached at once, no two places look alike (so bytes stored in
 * the wrong place are found), and it is faster than the disk.
 */

import { createCipheriv, createHash } from 'node:crypto'
import { crc32c } from '@node-rs/crc32'

const AES_BLOCK = 16
const SLICE = 128 * 1024
const ZEROS = Buffer.alloc(SLICE + AES_BLOCK)

/** Base64, as Google's JSON has them. */
export interface Digests {
  readonly crc32c: string
  readonly md5: string
}

export class SourceBytes {
  readonly seed: string
  readonly #key: Buffer
  readonly #digests = new Map<number, Digests>()

  constructor(seed: string) {
    this.seed = seed
    this.#key = createHash('md5').update(seed).digest()
  }

  /** Bytes [from, to), in slices. */
  *slices(from: number, to: number): Generator<Buffer> {
    for (let at = from; at < to; at += SLICE) yield this.#slice(at, Math.min(SLICE, to - at))
  }

  bytes(from: number, to: number): Buffer {
    return Buffer.concat([...this.slices(from, to)])
  }

  /** Where `bytes`, found at `offset`, first differ from the source; undefined where they do not. */
  difference(bytes: Buffer, offset: number): number | undefined {
    let at = 0
    for (const expected of this.slices(offset, offset + bytes.length)) {
      const found = bytes.subarray(at, at + expected.length)
      if (!found.equals(expected)) return offset + at + found.findIndex((b, i) => b !== expected[i])
      at += expected.length
    }
    return undefined
  }

  /** The checksums of the first `total` bytes. */
  digests(total: number): Digests {
    const known = this.#digests.get(total) ?? this.#compute(total)
    this.#digests.set(total, known)
    return known
  }

  #compute(total: number): Digests {
    const md5 = createHash('md5')
    let crc = 0
    for (const slice of this.slices(0, total)) {
      md5.update(slice)
      crc = crc32c(slice, crc)
    }
    const bigEndian = Buffer.alloc(4)
    bigEndian.writeUInt32BE(crc)
    return { crc32c: bigEndian.toString('base64'), md5: md5.digest('base64') }
  }

  #slice(from: number, length: number): Buffer {
    const lead = from % AES_BLOCK
    const counter = Buffer.alloc(AES_BLOCK)
    counter.writeBigUInt64BE(BigInt((from - lead) / AES_BLOCK), 8)
    const cipher = createCipheriv('aes-128-ctr', this.#key, counter)
    return cipher.update(ZEROS.subarray(0, lead + length)).subarray(lead)
  }
}
