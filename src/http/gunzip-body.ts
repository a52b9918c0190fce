/**
 * A body that the client compressed for the way (Content-Encoding: gzip, gcs.md §2), as the bytes it means.
 *
 * Its length is not known before its end. What is not gzip ends it as a cut would; `isMalformed` tells the door why.
 *
 * Deflate expands by up to 1032, so nothing is decoded that nobody asked for: zlib stops in the middle of its input where
 * its output is not taken. One body holds a chunk that is decoded and one that is begun, whatever it was sent (design P6).
 */

import { createGunzip } from 'node:zlib'
import type { Arrival, Body } from '../engine/ports.ts'

/** Bytes that zlib decodes at a time; it stops once as many lie ready (a stream's default high-water mark). */
const CHUNK = 64 * 1024

export class GunzipBody implements Body {
  readonly length = undefined
  readonly #compressed: Body
  readonly #gunzip = createGunzip({ chunkSize: CHUNK })
  /** Taken from the body and not yet given to zlib. */
  #pending: readonly Buffer[] = []
  #end: 'end' | 'cut' | 'idle' | undefined
  /** zlib has bytes that it has not decoded to their end. */
  #isDecoding = false
  #isEnded = false
  #isMalformed = false
  #isAbandoned = false
  #hasBytes = false
  #wake: () => void = () => {}

  constructor(compressed: Body) {
    this.#compressed = compressed
    const wake = () => this.#wake()
    // After an error zlib calls no write back, and after being destroyed neither.
    this.#gunzip
      .on('readable', wake)
      .on('close', wake)
      .on('end', () => {
        this.#isEnded = true
        wake()
      })
      .on('error', () => {
        this.#isMalformed = true
        wake()
      })
  }

  /** True when the body turned out not to be gzip, or to end in the middle of it. */
  get isMalformed(): boolean {
    return this.#isMalformed
  }

  async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    for (;;) {
      if (signal?.aborted) return 'stopped'
      if (this.#isMalformed || this.#isAbandoned) return 'cut'
      const decoded: Buffer | null = this.#gunzip.read()
      if (decoded !== null) return [decoded]
      if (this.#isDecoding) await this.#change()
      else if (this.#end !== undefined) return this.#end
      else if (this.#pending.length > 0) this.#decodeNext()
      else {
        const arrival = await this.#compressed.read(idleMs, signal)
        if (arrival === 'stopped') return arrival
        if (typeof arrival !== 'string') this.#pending = arrival
        else this.#finish(arrival)
      }
    }
  }

  /** Nobody will read on. zlib's memory is not the garbage collector's to find. */
  destroy(): void {
    this.#isAbandoned = true
    this.#gunzip.destroy()
  }

  #decodeNext(): void {
    const [bytes, ...rest] = this.#pending
    this.#pending = rest
    // Zeros behind the last member are its end (tapes are padded so); zlib ignores what follows them.
    if (this.#isEnded) return
    this.#hasBytes = true
    this.#isDecoding = true
    this.#gunzip.write(bytes, () => this.#decoded())
  }

  #finish(end: 'end' | 'cut' | 'idle'): void {
    this.#end = end
    // An empty body is no gzip member, and no mistake.
    if (end !== 'end' || !this.#hasBytes || this.#isEnded) return
    this.#isDecoding = true
    this.#gunzip.once('end', () => this.#decoded()).end()
  }

  #decoded(): void {
    this.#isDecoding = false
    this.#wake()
  }

  #change(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}
