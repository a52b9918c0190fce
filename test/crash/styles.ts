/**
 * The ways in which the campaign's clients upload. Each is one that a real client has, or one that the protocol allows and
 * that is hard on the server.
 */

import type { Random } from './random.ts'

const KIB = 1024
const MIB = 1024 * KIB
export const GRANULE = 256 * KIB

export interface Style {
  readonly name: string
  /** What the initiation says of the content. */
  readonly declares: 'nothing' | 'length' | 'checksums'
  /** How its chunks name their range: `a-b/N`, `a-b/*` up to the last one, or `a-*` with N. */
  readonly range: 'total' | 'unknown' | 'open'
  total(random: Random): number
  /** The length of the next chunk. */
  chunk(random: Random): number
  /** How often a chunk begins with bytes that are persisted already. */
  readonly overlaps?: number
  /** How often it cuts its own connection in the middle of a chunk. */
  readonly cuts?: number
  /** How often it gives a session up. */
  readonly cancels?: number
  /** How often it deletes what it made. */
  readonly deletes?: number
  /** How often it does not say which chunk is the last, and ends with an empty one. */
  readonly hidesEnd?: number
}

export const STYLES: readonly Style[] = [
  {
    name: 'aligned',
    declares: 'checksums',
    range: 'total',
    total: random => random.between(0, 3 * MIB),
    chunk: random => GRANULE * random.between(1, 4),
  },
  {
    name: 'declared',
    declares: 'length',
    range: 'unknown',
    total: random => random.between(1, 3 * MIB),
    chunk: () => 2 * GRANULE,
    overlaps: 0.2,
  },
  {
    name: 'unaligned',
    declares: 'nothing',
    range: 'total',
    total: random => random.between(GRANULE, 4 * MIB),
    chunk: random => random.between(GRANULE + 1, 4 * GRANULE),
    overlaps: 0.2,
  },
  {
    name: 'streaming',
    declares: 'nothing',
    range: 'unknown',
    total: random =>
      GRANULE * random.between(0, 12) + (random.chance(0.5) ? 0 : random.between(0, KIB)),
    chunk: random => GRANULE * random.between(1, 3),
    hidesEnd: 0.7,
  },
  {
    // One PUT for all of it: only checkpoints bring it forward while the server keeps dying (design P7).
    name: 'giant',
    declares: 'length',
    range: 'open',
    // The whole multiples of 32 MiB are those where the last checkpoint and the end meet.
    total: random =>
      random.chance(0.3) ? 32 * MIB * random.between(1, 2) : random.between(20 * MIB, 80 * MIB),
    chunk: () => Number.POSITIVE_INFINITY,
    deletes: 0.5,
  },
  {
    name: 'cutting',
    declares: 'checksums',
    range: 'total',
    total: random => random.between(GRANULE, 6 * MIB),
    chunk: random => GRANULE * random.between(4, 12),
    cuts: 0.4,
  },
  {
    name: 'fickle',
    declares: 'nothing',
    range: 'total',
    total: random => random.between(GRANULE, 2 * MIB),
    chunk: random => GRANULE * random.between(1, 2),
    cancels: 0.2,
    deletes: 0.6,
  },
  {
    // Below the granule there is no rule for chunks: every few bytes are acknowledged.
    name: 'tiny',
    declares: 'length',
    range: 'total',
    total: random => random.between(1, GRANULE - 1),
    chunk: random => random.between(1, 64 * KIB),
    deletes: 0.3,
  },
]

/** Uploads in one request: whole or not at all. */
export const ONE_SHOT = {
  name: 'one-shot',
  total: (random: Random): number => random.between(0, 700 * KIB),
  deletes: 0.2,
} as const
