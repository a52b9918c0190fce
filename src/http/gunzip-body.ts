/**
 * A body that the client compressed for the way (Content-Encoding: gzip, gcs.md §2), as the bytes it means.
 *
 * Its length is not known before its end. What is not gzip ends it as a cut would; `isMalformed` tells the door why.
 */

import { createGunzip } from 'node:zlib'
import type { Arrival, Body } from '../engine/ports.ts'

/** Compressed bytes decoded in one step. Deflate expands by at most 1032, which bounds what a step holds in memory. */
const STEP = 8 * 1024

export class GunzipBody implements Body {
  readonly length = undefined
  readonly #compressed: Body
  readonly #gunzip = createGunzip({ chunkSize: 64 * 1024 })
  #pending: Buffer[] = []
  #decoded: Buffer[] = []
  #end: 'end' | 'cut' | 'idle' | undefined
  #isMalformed = false
  #hasBytes = false
  #wake: () => void = () => {}

  constructor(compressed: Body) {
    this.#compressed = compressed
    this.#gunzip.on('data', (bytes: Buffer) => this.#decoded.push(bytes))
    this.#gunzip.on('error', () => {
      this.#isMalformed = true
      // After an error zlib calls nobody back.
      this.#wake()
    })
  }

  /** True when the body turned out not to be gzip, or to end in the middle of it. */
  get isMalformed(): boolean {
    return this.#isMalformed
  }

  async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    for (;;) {
      if (signal?.aborted) return 'stopped'
      if (this.#isMalformed) return 'cut'
      if (this.#decoded.length > 0) {
        const decoded = this.#decoded
        this.#decoded = []
        return decoded
      }
      if (this.#end !== undefined) return this.#end
      const step = this.#nextStep()
      if (step !== undefined) {
        await this.#write(step)
        continue
      }
      const arrival = await this.#compressed.read(idleMs, signal)
      if (arrival === 'stopped') return arrival
      if (arrival === 'end') await this.#finish()
      else if (typeof arrival === 'string') this.#end = arrival
      else this.#pending = [...arrival]
    }
  }

  #nextStep(): Buffer | undefined {
    const bytes = this.#pending.shift()
    if (bytes === undefined || bytes.length <= STEP) return bytes
    this.#pending.unshift(bytes.subarray(STEP))
    return bytes.subarray(0, STEP)
  }

  /** Resolves when these bytes are decoded, or turned out not to be gzip. */
  #write(bytes: Buffer): Promise<void> {
    this.#hasBytes = true
    return new Promise(resolve => {
      this.#wake = resolve
      this.#gunzip.write(bytes, () => resolve())
    })
  }

  async #finish(): Promise<void> {
    this.#end = 'end'
    // An empty body is no gzip member, and no mistake.
    if (!this.#hasBytes) return
    await new Promise<void>(resolve => {
      this.#wake = resolve
      this.#gunzip.once('end', resolve).end()
    })
  }
}
