/**
 * A JSON message (gws.md §6.2): an object of few members. Content comes as text, whose UTF-8 it is, or as a list of numbers,
 * whose bytes are put in the place of their digits. Everything else is small, and is JSON.parse's business.
 */

import { isUtf8 } from 'node:buffer'
import { CONTENT, Malformed, type Member, type Members } from './members.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_MAP = 0x7b
const CLOSE_MAP = 0x7d

/** No member but the content is longer than this. */
const SMALL = 64 * 1024

export function readJsonMembers(frame: Buffer): Members {
  if (!isUtf8(frame)) throw new Malformed('not UTF-8')
  return new JsonReader(frame).members()
}

class JsonReader {
  readonly #frame: Buffer
  #at = 0

  constructor(frame: Buffer) {
    this.#frame = frame
  }

  members(): Members {
    const members = new Map<string, Member>()
    this.#expect(OPEN_MAP)
    if (!this.#passes(CLOSE_MAP)) {
      do {
        this.#passSpace()
        const key = this.#text().toString()
        this.#expect(0x3a)
        members.set(key, this.#member(key === CONTENT))
      } while (this.#passes(COMMA))
      this.#expect(CLOSE_MAP)
    }
    this.#passSpace()
    if (this.#at < this.#frame.length) throw new Malformed('it goes on behind its end')
    return members
  }

  #member(isContent: boolean): Member {
    this.#passSpace()
    const start = this.#at
    const first = this.#frame[start]
    if (first === QUOTE) return { kind: 'text', bytes: this.#text() }
    if (first === OPEN_LIST && isContent) return this.#bytesOfList()
    this.#passValue()
    if (isContent && first === OPEN_MAP) return this.#isEmpty(start) ? { kind: 'empty' } : OTHER
    if (this.#at - start > SMALL) throw new Malformed('a member that is too long')
    return memberOf(this.#frame.toString('utf8', start, this.#at))
  }

  /** The bytes that a text means. One that has no escapes is taken as it lies there. */
  #text(): Buffer {
    const start = this.#at
    const hasEscapes = this.#passText()
    const bytes = this.#frame.subarray(start + 1, this.#at - 1)
    if (!hasEscapes) return bytes
    // An escape is never shorter than what it stands for.
    const length = this.#frame.write(parse(`"${bytes}"`) as string, start)
    return this.#frame.subarray(start, start + length)
  }

  /** A number takes a byte or more: their values go where they were read from. */
  #bytesOfList(): Member {
    const start = this.#at
    let length = 0
    this.#at += 1
    if (this.#passes(CLOSE_LIST)) return { kind: 'bytes', bytes: this.#frame.subarray(0, 0) }
    do {
      this.#passSpace()
      const byte = this.#smallInt()
      if (byte === undefined) {
        this.#passRest(1)
        return OTHER
      }
      this.#frame[start + length] = byte
      length += 1
    } while (this.#passes(COMMA))
    if (!this.#passes(CLOSE_LIST)) {
      this.#passRest(1)
      return OTHER
    }
    return { kind: 'bytes', bytes: this.#frame.subarray(start, start + length) }
  }

  /** A number from 0 to 255; undefined, and nothing passed, where there is another thing. */
  #smallInt(): number | undefined {
    const start = this.#at
    let value = 0
    let at = start
    for (; at < start + 4; at += 1) {
      const digit = (this.#frame[at] ?? 0) - 0x30
      if (digit < 0 || digit > 9) break
      value = 10 * value + digit
    }
    const hasLeadingZero = at > start + 1 && this.#frame[start] === 0x30
    if (at === start || value > 255 || hasLeadingZero) return undefined
    this.#at = at
    return value
  }

  /** One value, whatever it holds. */
  #passValue(): void {
    const first = this.#frame[this.#at]
    if (first === OPEN_LIST || first === OPEN_MAP) {
      this.#at += 1
      this.#passRest(1)
      return
    }
    while (isPlain(this.#frame[this.#at])) this.#at += 1
  }

  /** To behind the bracket that closes the outermost of `depth`. Not a word is said about what is between. */
  #passRest(depth: number): void {
    for (let open = depth; open > 0; ) {
      const byte = this.#frame[this.#at]
      if (byte === undefined) throw new Malformed('it ends in the middle')
      if (byte === QUOTE) {
        this.#passText()
        continue
      }
      if (byte === OPEN_LIST || byte === OPEN_MAP) open += 1
      if (byte === CLOSE_LIST || byte === CLOSE_MAP) open -= 1
      this.#at += 1
    }
  }

  /** Answers whether there are escapes in it. */
  #passText(): boolean {
    if (this.#frame[this.#at] !== QUOTE) throw new Malformed('no text where there must be one')
    let hasEscapes = false
    for (let at = this.#at + 1; ; at += 1) {
      const byte = this.#frame[at]
      if (byte === undefined || byte < 0x20) throw new Malformed('a text that does not end')
      if (byte === BACKSLASH) {
        hasEscapes = true
        at += 1
      } else if (byte === QUOTE) {
        this.#at = at + 1
        return hasEscapes
      }
    }
  }

  #isEmpty(start: number): boolean {
    return (
      this.#frame.toString('latin1', start + 1, Math.min(this.#at - 1, start + SMALL)).trim() === ''
    )
  }

  #expect(byte: number): void {
    if (!this.#passes(byte)) throw new Malformed('not JSON')
  }

  #passes(byte: number): boolean {
    this.#passSpace()
    if (this.#frame[this.#at] !== byte) return false
    this.#at += 1
    return true
  }

  #passSpace(): void {
    for (;;) {
      const byte = this.#frame[this.#at]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return
      this.#at += 1
    }
  }
}

const OTHER: Member = { kind: 'other' }

function memberOf(json: string): Member {
  const value = parse(json)
  if (value === null) return { kind: 'null' }
  if (typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0) {
    return { kind: 'empty' }
  }
  const isInt = /^-?\d+$/.test(json) && Number.isSafeInteger(value)
  return isInt ? { kind: 'int', value: Number(value) } : OTHER
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw new Malformed('not JSON')
  }
}

/** Of a number or a word. */
function isPlain(byte: number | undefined): boolean {
  return (
    byte !== undefined && byte > 0x20 && byte !== COMMA && byte !== CLOSE_LIST && byte !== CLOSE_MAP
  )
}
