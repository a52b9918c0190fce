/**
 * An upload's body with a fault in it: after so many bytes it breaks off, or falls silent for a while. To the engine that is a
 * broken connection or a slow one: what arrived before it is kept by the same rules, and nothing acknowledged is touched.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Arrival } from '../../engine/ports.ts'
import { RequestBody } from '../../http/request-body.ts'

export interface BodyFault {
  /** Bytes of this body before it. */
  readonly after: number
  /** Silence; without it, the body breaks off. */
  readonly stallMs?: number
  /** Asked when the bytes have come; on false there is no fault. */
  readonly take: () => boolean
}

export class FaultyBody extends RequestBody {
  readonly #fault: BodyFault
  #left: number
  #state: 'before' | 'broken' | 'after' = 'before'

  constructor(request: IncomingMessage, response: ServerResponse, fault: BodyFault) {
    super(request, response)
    this.#fault = fault
    this.#left = fault.after
  }

  /** True once it broke off, whatever was made of it. */
  get isBroken(): boolean {
    return this.#state === 'broken'
  }

  override async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    if (this.isBroken) return 'cut'
    const arrival = await super.read(idleMs, signal)
    if (typeof arrival === 'string' || this.#state !== 'before') return arrival
    const taken = firstBytes(arrival, this.#left)
    this.#left -= taken.reduce((sum, bytes) => sum + bytes.length, 0)
    if (this.#left > 0) return arrival
    this.#state = 'after'
    if (!this.#fault.take()) return arrival
    if (this.#fault.stallMs === undefined) {
      this.#state = 'broken'
      return taken.length > 0 ? taken : 'cut'
    }
    // Asked to stop, the silence ends, and the next read says so.
    await sleep(this.#fault.stallMs, undefined, signal && { signal }).catch(() => {})
    return arrival
  }
}

function firstBytes(arrived: readonly Buffer[], length: number): Buffer[] {
  const first: Buffer[] = []
  let left = length
  for (const bytes of arrived) {
    if (left === 0) break
    first.push(bytes.subarray(0, left))
    left -= Math.min(left, bytes.length)
  }
  return first
}
