/**
 * What is uploaded: bytes that two processes agree on without sending them to each other. The load client takes slices
 * of one block that exists already, so making the payload costs it nothing; the bench computes the same digest to check
 * what a server stored.
 *
 * The block's length is no round number: a server that stores chunks in the wrong order, or one upload's bytes under
 * another's name, ends up with a different digest.
 */

import { createCipheriv, createHash } from 'node:crypto'

const BLOCK_LENGTH = 8 * 1024 * 1024 + 4099
const SLICE_LENGTH = 1024 * 1024
/** Upload n begins this many bytes further into the block than upload n - 1. */
const STRIDE = 65_537

const block = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(
  Buffer.alloc(BLOCK_LENGTH),
)

/** The bytes [start, start + length) of upload number `index`, as slices of the block. */
export function* slices(index: number, start: number, length: number): Generator<Buffer> {
  let at = (index * STRIDE + start) % BLOCK_LENGTH
  let left = length
  while (left > 0) {
    const slice = block.subarray(at, at + Math.min(SLICE_LENGTH, left))
    yield slice
    left -= slice.length
    at = (at + slice.length) % BLOCK_LENGTH
  }
}

/** The sha256 that upload number `index` must have when `length` bytes of it are stored. */
export function payloadDigest(index: number, length: number): string {
  const hash = createHash('sha256')
  for (const slice of slices(index, 0, length)) hash.update(slice)
  return hash.digest('hex')
}
