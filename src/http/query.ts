/**
 * The query of a request target, taken apart once and decoded only where someone asks. A parameter that nobody knows may
 * be as malformed as it likes (gcs.md §1); one that is used must be proper UTF-8 behind proper percent signs.
 */

export class MalformedEncoding extends Error {
  override readonly name = 'MalformedEncoding'
  /** The part of the request that cannot be decoded: a parameter's name, or "path". */
  readonly where: string

  constructor(where: string, options?: ErrorOptions) {
    super(`malformed percent-encoding in ${where}`, options)
    this.where = where
  }
}

export class Query {
  readonly #raw = new Map<string, string>()

  constructor(text: string) {
    if (text === '') return
    for (const pair of text.split('&')) {
      const equals = pair.indexOf('=')
      const name = equals < 0 ? pair : pair.slice(0, equals)
      // Of a repeated parameter the first one counts.
      if (!this.#raw.has(name)) this.#raw.set(name, equals < 0 ? '' : pair.slice(equals + 1))
    }
  }

  has(name: string): boolean {
    return this.#raw.has(name)
  }

  /** The decoded value; throws MalformedEncoding. */
  get(name: string): string | undefined {
    const raw = this.#raw.get(name)
    return raw === undefined ? undefined : decode(raw.replaceAll('+', ' '), name)
  }

  /** A boolean, in any case: Python writes `True` (gcs.md §1). Anything else is false. */
  flag(name: string): boolean {
    return this.#raw.get(name)?.toLowerCase() === 'true'
  }
}

/** Percent-decoded once; throws MalformedEncoding. */
export function decode(raw: string, where: string): string {
  if (!raw.includes('%')) return raw
  try {
    return decodeURIComponent(raw)
  } catch (cause) {
    throw new MalformedEncoding(where, { cause })
  }
}
