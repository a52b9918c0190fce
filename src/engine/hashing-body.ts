/**
 * What a body is, in 32 bytes: a sha256 of it, taken as it goes by. It tells whether one that comes again after the end is the
 * same, when its bytes are somewhere in the middle of an object.
 */

import { createHash } from 'node:crypto'
import type { Arrival, Body } from './ports.ts'

export class HashingBody implements Body {
  readonly #body: Body
  readonly #hash = createHash('sha256')
  #digest: string | undefined

  constructor(body: Body) {
    this.#body = body
  }

  get length(): number | undefined {
    return this.#body.length
  }

  get atMost(): number | undefined {
    return this.#body.atMost
  }

  async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    const arrival = await this.#body.read(idleMs, signal)
    if (typeof arrival !== 'string') for (const bytes of arrival) this.#hash.update(bytes)
    return arrival
  }

  /** Of what was read, lower-case hex. To be asked once the body is over. */
  digest(): string {
    this.#digest ??= this.#hash.digest('hex')
    return this.#digest
  }
}
