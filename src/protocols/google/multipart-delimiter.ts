/**
 * Delimiter lines of multipart bodies (RFC 2046 §5.1.1): `--boundary` at the start of a line, `--` behind it after the last
 * part, then nothing but blanks up to the line's end. A line that goes on otherwise is content, however much it looks like
 * a delimiter.
 */

/** Blanks allowed behind a delimiter. More of them are content, or there would be no end to what must be held back. */
const PADDING_LIMIT = 128

/** Most bytes that a delimiter line can have behind `--boundary`. */
export const LONGEST_TAIL = '--'.length + PADDING_LIMIT + '\r\n'.length

const DASH = 0x2d
const CR = 0x0d
const LF = 0x0a

/** A delimiter line's rest: `next` where a part follows, `close` behind the last one. `end` is where the line ends. */
export interface LineTail {
  readonly kind: 'next' | 'close'
  readonly end: number
}

/**
 * Where the first delimiter line begins, and its tail. Without a tail: where a delimiter line may begin whose rest has not
 * come, or the end of `bytes`. `delimiter` begins with the line end before it; `isEnd` when the body ends with `bytes`.
 */
export function findDelimiter(
  bytes: Buffer,
  delimiter: Buffer,
  isEnd: boolean,
): { readonly at: number; readonly tail: LineTail | undefined } {
  for (let at = bytes.indexOf(delimiter); at >= 0; at = bytes.indexOf(delimiter, at + 1)) {
    const tail = readDelimiterTail(bytes, at + delimiter.length, isEnd)
    if (tail === 'undecided') return { at, tail: undefined }
    if (tail !== 'content') return { at, tail }
  }
  return { at: isEnd ? bytes.length : possibleStart(bytes, delimiter), tail: undefined }
}

/** What stands behind `--boundary`, from `from` on; `content` where that makes it no delimiter. */
export function readDelimiterTail(
  bytes: Buffer,
  from: number,
  isEnd: boolean,
): LineTail | 'content' | 'undecided' {
  let at = from
  if (bytes[at] === DASH) {
    if (at + 1 === bytes.length) return isEnd ? 'content' : 'undecided'
    if (bytes[at + 1] !== DASH) return 'content'
    at += 2
  }
  const kind = at === from ? 'next' : 'close'
  const mostPadding = at + PADDING_LIMIT
  while (at < mostPadding && isBlank(bytes[at])) at += 1
  if (bytes[at] === CR) at += 1
  if (bytes[at] === LF) return { kind, end: at + 1 }
  if (at < bytes.length) return 'content'
  if (!isEnd) return 'undecided'
  // No line end is needed behind the last delimiter.
  return kind === 'close' ? { kind, end: at } : 'content'
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09
}

/** Where the longest end of `bytes` begins that could be the beginning of `delimiter`; `bytes.length` if there is none. */
function possibleStart(bytes: Buffer, delimiter: Buffer): number {
  const [first] = delimiter
  for (let at = Math.max(0, bytes.length - delimiter.length + 1); at < bytes.length; at += 1) {
    if (bytes[at] !== first) continue
    if (bytes.compare(delimiter, 0, bytes.length - at, at) === 0) return at
  }
  return bytes.length
}
