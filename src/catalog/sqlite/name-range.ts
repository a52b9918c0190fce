/**
 * Which names begin with a prefix and come after another name, as one half-open range of an index. UTF-8 sorts by code
 * point, so everything that begins with a prefix lies below the prefix with its last code point raised by one.
 */

/** Sorts after every text: in SQLite each blob does. */
const BEYOND_ALL_NAMES = new Uint8Array(1)

const LAST_CODE_POINT = 0x10ffff

export interface NameRange {
  /** The first name that may be in it. */
  readonly from: string
  /** The first that is not any more. */
  readonly end: string | Uint8Array
}

export function nameRange(prefix: string, after?: string): NameRange {
  // No text lies between a name and the same name with a NUL at its end.
  const next = after === undefined ? '' : `${after}\0`
  const from = Buffer.compare(Buffer.from(next), Buffer.from(prefix)) > 0 ? next : prefix
  return { from, end: successor(prefix) }
}

/** The first text that comes after everything that begins with `prefix`. */
function successor(prefix: string): string | Uint8Array {
  const points = Array.from(prefix.toWellFormed(), character => character.codePointAt(0) ?? 0)
  // Nothing is above U+10FFFF: what begins with it ends where what comes before it ends.
  while (points.at(-1) === LAST_CODE_POINT) points.pop()
  const last = points.pop()
  if (last === undefined) return BEYOND_ALL_NAMES
  // U+D800 to U+DFFF are no characters.
  const raised = last === 0xd7ff ? 0xe000 : last + 1
  return String.fromCodePoint(...points, raised)
}
