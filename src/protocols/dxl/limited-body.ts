/** The bytes of a segment that is streamed, within the limit. */

import type { Arrival, Body } from '../../engine/ports.ts'

/** A body of unknown length that must not go on beyond the limit: there it is cut, and nothing of it is kept. */
export class LimitedBody implements Body {
  readonly #body: Body
  #left: number

  constructor(body: Body, limit: number) {
    this.#body = body
    this.#left = limit
  }

  get length(): number | undefined {
    return this.#body.length
  }

  get isOver(): boolean {
    return this.#left < 0
  }

  async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    if (this.isOver) return 'cut'
    const arrival = await this.#body.read(idleMs, signal)
    if (typeof arrival === 'string') return arrival
    for (const bytes of arrival) this.#left -= bytes.length
    return this.isOver ? 'cut' : arrival
  }
}
