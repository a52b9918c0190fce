/**
 * Which names a listing may show, however many bounds it has, as one half-open range of an index. UTF-8 sorts by code point,
 * so everything that begins with a prefix lies below the prefix with its last code point raised by one.
 */

import type { ObjectQuery } from '../../engine/ports.ts'

/** A text; or no text at all, but what sorts after every one: in SQLite each blob does, in bytes one that UTF-8 never uses. */
export type Bound = string | Uint8Array

const BEYOND_ALL_NAMES = Uint8Array.of(0xff)

const LAST_CODE_POINT = 0x10ffff

export type NameBounds = Pick<ObjectQuery, 'prefix' | 'after' | 'beyond' | 'from' | 'before'>

export interface NameRange {
  /** The first name that may be in it. */
  readonly from: Bound
  /** The first that is not any more. Where it comes before `from` the range is empty. */
  readonly end: Bound
}

export function nameRange({ prefix, after, beyond, from, before }: NameBounds): NameRange {
  const starts: Bound[] = [prefix]
  // No text lies between a name and the same name with a NUL at its end.
  if (after !== undefined) starts.push(`${after}\0`)
  if (beyond !== undefined) starts.push(successor(beyond))
  if (from !== undefined) starts.push(from)
  const ends = [successor(prefix)]
  if (before !== undefined) ends.push(before)
  return {
    from: starts.reduce((left, right) => (isBelow(left, right) ? right : left)),
    end: ends.reduce((left, right) => (isBelow(right, left) ? right : left)),
  }
}

/** In the index's order, which is not that of JavaScript's strings. */
function isBelow(left: Bound, right: Bound): boolean {
  return Buffer.compare(bytesOf(left), bytesOf(right)) < 0
}

function bytesOf(bound: Bound): Uint8Array {
  return typeof bound === 'string' ? Buffer.from(bound) : bound
}

/** The first text that comes after everything that begins with `prefix`. */
function successor(prefix: string): Bound {
  const points = Array.from(prefix.toWellFormed(), character => character.codePointAt(0) ?? 0)
  // Nothing is above U+10FFFF: what begins with it ends where what comes before it ends.
  while (points.at(-1) === LAST_CODE_POINT) points.pop()
  const last = points.pop()
  if (last === undefined) return BEYOND_ALL_NAMES
  // U+D800 to U+DFFF are no characters.
  const raised = last === 0xd7ff ? 0xe000 : last + 1
  return String.fromCodePoint(...points, raised)
}
