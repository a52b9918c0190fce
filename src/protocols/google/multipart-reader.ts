/**
 * A multipart body, part by part, as it arrives. Content flows through in the buffers that came, without copies; held back
 * are only the few bytes that could be the beginning of a delimiter.
 *
 * A content's last line end belongs to the delimiter behind it. Which line end that is, the first delimiter's own decides
 * (gcs.md §5.1): with LF exactly one `\n` goes, and a `\r` before it is content.
 */

import { UploadError } from '../../engine/failure.ts'
import type { Arrival, Body } from '../../engine/ports.ts'
import type { FramedBodies } from '../../http/framed-body.ts'
import { readMetadata } from './metadata-body.ts'
import {
  findDelimiter,
  type LineTail,
  LONGEST_TAIL,
  readDelimiterTail,
} from './multipart-delimiter.ts'
import { type PartHeaders, parsePartHeaders } from './part-headers.ts'
import { badRequest, type Refusal } from './refusal.ts'

/** Most bytes before the first delimiter, and most bytes of one part's headers. */
const HEAD_LIMIT = 64 * 1024
/** Most bytes behind the last delimiter. */
const EPILOGUE_LIMIT = 1024 * 1024

const LF = 0x0a
const NOTHING = Buffer.alloc(0)

/** As a Body it is the content of the part that `next` came to. */
export class MultipartReader implements Body {
  readonly length = undefined
  /** Content is part of the body. */
  readonly atMost: number | undefined
  /** What is wrong with the body, once `read` or `finish` answered `cut` for that reason. */
  defect: Refusal | undefined

  readonly #body: Body
  readonly #boundaries: readonly string[]
  /** Bytes that came and were not looked at. */
  readonly #queue: Buffer[] = []
  #end: 'end' | 'cut' | 'idle' | undefined

  #lineEnd = ''
  /** Line end, two dashes, boundary; empty before the first delimiter was found. */
  #delimiter: Buffer = NOTHING
  /** The delimiter that was read last; undefined while its part's content is being read. */
  #behind: 'next' | 'close' | undefined
  /** Looked at, and perhaps the beginning of a delimiter. */
  #held: Buffer = NOTHING
  /** How many of the held bytes belong to the empty line before the content. */
  #before = 0
  #epilogue = 0

  constructor(body: Body, boundaries: readonly string[]) {
    this.#body = body
    this.#boundaries = boundaries
    this.atMost = body.length
  }

  /** True when the last part was read to its end. */
  get isClosed(): boolean {
    return this.#behind === 'close'
  }

  /** The next part's headers, or undefined after the last one. To be called first, and after `read` answered `end`. */
  async next(idleMs: number): Promise<PartHeaders | undefined> {
    if (this.#delimiter === NOTHING) await this.#skipPreamble(idleMs)
    if (this.isClosed) return undefined
    const headers = await this.#readHeaders(idleMs)
    this.#behind = undefined
    // A content of nothing may leave its line end out: then the empty line's is the delimiter's (RFC 2046 §5.1.1).
    this.#held = Buffer.from(this.#lineEnd)
    this.#before = this.#held.length
    return headers
  }

  /** The part's content, as a Body's read: `end` before the delimiter; `cut` also where the body turns out to be malformed. */
  async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    for (;;) {
      if (signal?.aborted) return 'stopped'
      const content = this.#takeContent()
      if (content.length > 0) return content
      if (this.#behind !== undefined) return 'end'
      if (this.#end === 'end') {
        this.defect ??= badRequest('Multipart body ends without its closing delimiter.')
        return 'cut'
      }
      if (this.#end !== undefined) return this.#end
      if ((await this.#pull(idleMs, signal)) === 'stopped') return 'stopped'
    }
  }

  /** The part's whole content, where it is small by nature. Throws what is wrong with it. */
  async readWhole(frames: FramedBodies): Promise<Buffer> {
    try {
      return await readMetadata(this, frames)
    } catch (error) {
      throw this.defect ?? error
    }
  }

  /** Reads and drops what follows the last delimiter. Throws what is wrong with it. */
  async readEnd(idleMs: number): Promise<void> {
    const end = await this.finish(idleMs)
    if (end === 'cut' || end === 'idle') throw this.defect ?? brokenOff(end, idleMs)
  }

  /** Reads and drops what follows the last delimiter, so that the body is known to be whole. */
  async finish(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    for (;;) {
      for (const bytes of this.#queue.splice(0)) this.#epilogue += bytes.length
      if (this.#epilogue > EPILOGUE_LIMIT) {
        this.defect ??= badRequest('Multipart body goes on after its closing delimiter.')
        return 'cut'
      }
      if (this.#end !== undefined) return this.#end
      if ((await this.#pull(idleMs, signal)) === 'stopped') return 'stopped'
    }
  }

  async #pull(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    const arrival = await this.#body.read(idleMs, signal)
    if (typeof arrival !== 'string') this.#queue.push(...arrival)
    else if (arrival !== 'stopped') this.#end = arrival
    return arrival
  }

  // Content ------------------------------------------------------------------------------------

  /** All content among the bytes that came, up to a delimiter. */
  #takeContent(): Buffer[] {
    const content: Buffer[] = []
    while (this.#behind === undefined) {
      const isEnd = this.#end === 'end' && this.#queue.length === 0
      const next = this.#queue.shift() ?? (isEnd && this.#held.length > 0 ? NOTHING : undefined)
      if (next === undefined) break
      const held = this.#held
      this.#held = NOTHING
      const bytes = held.length === 0 ? this.#lookAt(next, isEnd) : this.#goOn(held, next, isEnd)
      if (bytes.length > this.#before) content.push(bytes.subarray(this.#before))
      this.#before = Math.max(0, this.#before - bytes.length)
    }
    return content
  }

  /** The content at the beginning of these bytes. What follows it is read, held back or returned to the queue. */
  #lookAt(bytes: Buffer, isEnd: boolean): Buffer {
    const { at, tail } = findDelimiter(bytes, this.#delimiter, isEnd)
    if (tail === undefined) this.#held = bytes.subarray(at)
    else this.#pass(tail, bytes)
    return bytes.subarray(0, at)
  }

  /** The same where bytes before these were held back. A few more tell what they are; the others need no copy. */
  #goOn(held: Buffer, next: Buffer, isEnd: boolean): Buffer {
    const enough = this.#delimiter.length + LONGEST_TAIL
    if (next.length <= enough) return this.#lookAt(Buffer.concat([held, next]), isEnd)
    const seam = Buffer.concat([held, next.subarray(0, enough)])
    const { at, tail } = findDelimiter(seam, this.#delimiter, false)
    if (tail === undefined || at >= held.length) {
      this.#queue.unshift(next)
      return held
    }
    this.#queue.unshift(next.subarray(enough))
    this.#pass(tail, seam)
    return held.subarray(0, at)
  }

  #pass(tail: LineTail, bytes: Buffer): void {
    this.#behind = tail.kind
    if (tail.end < bytes.length) this.#queue.unshift(bytes.subarray(tail.end))
  }

  // Preamble and headers -----------------------------------------------------------------------

  async #skipPreamble(idleMs: number): Promise<void> {
    for (let left = HEAD_LIMIT; ; ) {
      const line = await this.#readLine(idleMs, left, 'no delimiter')
      left -= line.length
      for (const boundary of this.#boundaries) {
        const start = Buffer.from(`--${boundary}`, 'latin1')
        if (!line.subarray(0, start.length).equals(start)) continue
        const tail = readDelimiterTail(line, start.length, true)
        if (typeof tail === 'string') continue
        if (tail.kind === 'close') throw badRequest('Multipart body has no parts.')
        this.#lineEnd = line.at(-2) === 0x0d ? '\r\n' : '\n'
        this.#delimiter = Buffer.concat([Buffer.from(this.#lineEnd), start])
        this.#behind = 'next'
        return
      }
    }
  }

  async #readHeaders(idleMs: number): Promise<PartHeaders> {
    const lines: string[] = []
    for (let left = HEAD_LIMIT; ; ) {
      const line = await this.#readLine(idleMs, left, 'a part without an end of its headers')
      left -= line.length
      const text = line.toString('latin1').replace(/\r?\n$/, '')
      if (text === '') return parsePartHeaders(lines)
      lines.push(text)
    }
  }

  /** A line with its end. `missing` is what the body has if there is none within the limit. */
  async #readLine(idleMs: number, limit: number, missing: string): Promise<Buffer> {
    const pieces: Buffer[] = []
    for (let length = 0; length <= limit; ) {
      const bytes = this.#queue.shift()
      if (bytes === undefined) {
        if (this.#end === 'end') break
        if (this.#end !== undefined) throw brokenOff(this.#end, idleMs)
        await this.#pull(idleMs)
        continue
      }
      const end = bytes.indexOf(LF) + 1
      if (end > 0 && end < bytes.length) this.#queue.unshift(bytes.subarray(end))
      pieces.push(end > 0 ? bytes.subarray(0, end) : bytes)
      length += end > 0 ? end : bytes.length
      if (end > 0 && length <= limit) return Buffer.concat(pieces, length)
    }
    throw badRequest(`Multipart body has ${missing}.`)
  }
}

/** The engine's own failure: what wraps the body may know better why it broke (see transport-gzip.ts). */
function brokenOff(end: 'cut' | 'idle', idleMs: number): UploadError {
  return new UploadError(end === 'cut' ? { code: 'body_cut' } : { code: 'body_idle', idleMs })
}
