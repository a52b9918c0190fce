/**
 * The few MessagePack types that DXL messages are made of (dxl.md §5.1), and no others.
 *
 * The trap: Python's client packs by the old specification, which knows no binary, so that a file's bytes arrive as a string.
 * Everything that has a length is therefore read as bytes, and only what is meant as text is decoded. What is written is the
 * old form, too: everyone reads that.
 */

/** Not what it should be: cut off, of another type, or not UTF-8. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads values one after the other. Throws MalformedMessage; never allocates more than the input holds. */
export class Unpacker {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  unsigned(): number {
    const type = this.#uint(1)
    if (type <= 0x7f) return type
    if (type >= 0xcc && type <= 0xce) return this.#uint(2 ** (type - 0xcc))
    throw new MalformedMessage(`no unsigned integer: ${hex(type)}`)
  }

  /** A string or binary, as a view of the input; undefined for nil. */
  bytes(): Buffer | undefined {
    const type = this.#uint(1)
    if (type === 0xc0) return undefined
    return this.#take(this.#lengthOf(type))
  }

  /** As `bytes`, in UTF-8. */
  text(): string | undefined {
    const bytes = this.bytes()
    if (bytes === undefined) return undefined
    try {
      return UTF8.decode(bytes)
    } catch (cause) {
      throw new MalformedMessage('text that is not UTF-8', { cause })
    }
  }

  /** An array of texts, none of them nil. */
  texts(): string[] {
    const type = this.#uint(1)
    const count = this.#countOf(type)
    // Each takes a byte at least.
    if (count > this.#bytes.length - this.#at) throw new MalformedMessage('cut off')
    return Array.from({ length: count }, () => {
      const text = this.text()
      if (text === undefined) throw new MalformedMessage('nil within an array')
      return text
    })
  }

  #lengthOf(type: number): number {
    if (type >= 0xa0 && type <= 0xbf) return type - 0xa0
    if (type >= 0xd9 && type <= 0xdb) return this.#uint(2 ** (type - 0xd9))
    if (type >= 0xc4 && type <= 0xc6) return this.#uint(2 ** (type - 0xc4))
    throw new MalformedMessage(`neither string nor binary: ${hex(type)}`)
  }

  #countOf(type: number): number {
    if (type >= 0x90 && type <= 0x9f) return type - 0x90
    if (type === 0xdc) return this.#uint(2)
    if (type === 0xdd) return this.#uint(4)
    throw new MalformedMessage(`no array: ${hex(type)}`)
  }

  #uint(length: number): number {
    return this.#take(length).readUIntBE(0, length)
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new MalformedMessage('cut off')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}

/** Writes values one after the other, in the old form: fixstr, `da`, `db`. */
export class Packer {
  readonly #pieces: Buffer[] = []

  /** At most 32 bits. */
  unsigned(value: number): this {
    if (value <= 0x7f) return this.#uint(value, 1)
    if (value <= 0xff) return this.#uint(0xcc, 1).#uint(value, 1)
    if (value <= 0xffff) return this.#uint(0xcd, 1).#uint(value, 2)
    return this.#uint(0xce, 1).#uint(value, 4)
  }

  bytes(bytes: Buffer): this {
    const { length } = bytes
    if (length < 32) this.#uint(0xa0 + length, 1)
    else if (length <= 0xffff) this.#uint(0xda, 1).#uint(length, 2)
    else this.#uint(0xdb, 1).#uint(length, 4)
    this.#pieces.push(bytes)
    return this
  }

  text(text: string): this {
    return this.bytes(Buffer.from(text, 'utf8'))
  }

  texts(texts: readonly string[]): this {
    const { length } = texts
    if (length < 16) this.#uint(0x90 + length, 1)
    else if (length <= 0xffff) this.#uint(0xdc, 1).#uint(length, 2)
    else this.#uint(0xdd, 1).#uint(length, 4)
    for (const text of texts) this.text(text)
    return this
  }

  finish(): Buffer {
    return Buffer.concat(this.#pieces)
  }

  #uint(value: number, length: number): this {
    const bytes = Buffer.alloc(length)
    bytes.writeUIntBE(value, 0, length)
    this.#pieces.push(bytes)
    return this
  }
}

function hex(type: number): string {
  return type.toString(16).padStart(2, '0')
}
