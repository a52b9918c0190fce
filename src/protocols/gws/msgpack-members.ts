/**
 * The first object of a MessagePack message (gws.md §1.1, §6.2): a map with text for keys. What follows it is padding: the client
 * sends its encoder's whole buffer, zeros up to the next power of two. No length is believed beyond the bytes that are there.
 */

import { CONTENT, Malformed, type Member, type Members } from './members.ts'

export function readMsgpackMembers(frame: Buffer): Members {
  return new MsgpackReader(frame).members()
}

class MsgpackReader {
  readonly #frame: Buffer
  #at = 0

  constructor(frame: Buffer) {
    this.#frame = frame
  }

  members(): Members {
    const members = new Map<string, Member>()
    const count = this.#mapLength(this.#byte())
    if (count === undefined) throw new Malformed('not a map')
    for (let n = 0; n < count; n += 1) {
      const length = this.#textLength(this.#byte())
      if (length === undefined) throw new Malformed('a key that is no text')
      const key = this.#take(length).toString()
      members.set(key, this.#member(key === CONTENT))
    }
    return members
  }

  #member(isContent: boolean): Member {
    const byte = this.#byte()
    const int = this.#int(byte)
    if (int !== undefined) {
      return Number.isSafeInteger(int) ? { kind: 'int', value: int } : { kind: 'other' }
    }
    if (byte === 0xc0) return { kind: 'null' }
    const text = this.#textLength(byte)
    if (text !== undefined) return { kind: 'text', bytes: this.#take(text) }
    const binary = this.#binaryLength(byte)
    if (binary !== undefined) return { kind: 'bytes', bytes: this.#take(binary) }
    const map = this.#mapLength(byte)
    if (map === 0) return { kind: 'empty' }
    const list = this.#listLength(byte)
    if (list !== undefined && isContent) return this.#bytesOfList(list)
    this.#skip(map !== undefined ? 2 * map : (list ?? this.#passOther(byte)))
    return { kind: 'other' }
  }

  /** Every number takes a byte or more: their values go where they are read from, a list of any length needs no memory. */
  #bytesOfList(count: number): Member {
    const start = this.#at
    for (let n = 0; n < count; n += 1) {
      const byte = this.#byte()
      const int = this.#int(byte)
      if (int === undefined || int < 0 || int > 255) {
        this.#at -= int === undefined ? 1 : 0
        this.#skip(count - n - (int === undefined ? 0 : 1))
        return { kind: 'other' }
      }
      this.#frame[start + n] = int
    }
    return { kind: 'bytes', bytes: this.#frame.subarray(start, start + count) }
  }

  /** Passes over so many objects, whatever they hold. */
  #skip(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      const byte = this.#byte()
      if (this.#int(byte) !== undefined || byte === 0xc0) continue
      const length = this.#textLength(byte) ?? this.#binaryLength(byte)
      const map = length === undefined ? this.#mapLength(byte) : undefined
      if (length !== undefined) this.#take(length)
      else left += map !== undefined ? 2 * map : (this.#listLength(byte) ?? this.#passOther(byte))
    }
  }

  /** Booleans, floats and extensions. Answers how many objects are in it: none. */
  #passOther(byte: number): 0 {
    if (byte === 0xc2 || byte === 0xc3) return 0
    if (byte === 0xca) this.#take(4)
    else if (byte === 0xcb) this.#take(8)
    else if (byte >= 0xc7 && byte <= 0xc9) this.#take(this.#uint(2 ** (byte - 0xc7)) + 1)
    else if (byte >= 0xd4 && byte <= 0xd8) this.#take(2 ** (byte - 0xd4) + 1)
    else throw new Malformed('no such type')
    return 0
  }

  /** Beyond 2^53 it is not exact, and not safe either. */
  #int(byte: number): number | undefined {
    if (byte <= 0x7f) return byte
    if (byte >= 0xe0) return byte - 0x100
    if (byte >= 0xcc && byte <= 0xce) return this.#uint(2 ** (byte - 0xcc))
    if (byte === 0xcf) return Number(this.#take(8).readBigUInt64BE())
    if (byte === 0xd3) return Number(this.#take(8).readBigInt64BE())
    if (byte < 0xd0 || byte > 0xd3) return undefined
    const length = 2 ** (byte - 0xd0)
    return this.#take(length).readIntBE(0, length)
  }

  #textLength(byte: number): number | undefined {
    if (byte >= 0xa0 && byte <= 0xbf) return byte - 0xa0
    return byte >= 0xd9 && byte <= 0xdb ? this.#uint(2 ** (byte - 0xd9)) : undefined
  }

  #binaryLength(byte: number): number | undefined {
    return byte >= 0xc4 && byte <= 0xc6 ? this.#uint(2 ** (byte - 0xc4)) : undefined
  }

  #listLength(byte: number): number | undefined {
    if (byte >= 0x90 && byte <= 0x9f) return byte - 0x90
    return byte === 0xdc || byte === 0xdd ? this.#uint(2 * (byte - 0xdb)) : undefined
  }

  #mapLength(byte: number): number | undefined {
    if (byte >= 0x80 && byte <= 0x8f) return byte - 0x80
    return byte === 0xde || byte === 0xdf ? this.#uint(2 * (byte - 0xdd)) : undefined
  }

  #uint(length: number): number {
    return this.#take(length).readUIntBE(0, length)
  }

  #byte(): number {
    const byte = this.#frame[this.#at]
    if (byte === undefined) throw new Malformed('it ends in the middle')
    this.#at += 1
    return byte
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#frame.length) throw new Malformed('it ends in the middle')
    const bytes = this.#frame.subarray(this.#at, end)
    this.#at = end
    return bytes
  }
}
