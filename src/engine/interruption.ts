/** Why an append did not take its whole body, as the failure that the client is told. */

import type { WritePlan } from './admission.ts'
import type { Failure } from './failure.ts'
import type { Receipt } from './ports.ts'

export interface Interrupted {
  readonly receipt: Receipt
  readonly plan: Pick<WritePlan, 'position' | 'skip' | 'total'>
  /** The body's length, where the request declared one. */
  readonly expected: number | undefined
  /** Why the writer was asked to stop, where it was. */
  readonly stopped: Failure | undefined
  readonly idleMs: number
  readonly maxObjectSize: number
}

/** Undefined where the body came whole. */
export function interruptionOf(interrupted: Interrupted): Failure | undefined {
  const { receipt, plan, expected, stopped, idleMs, maxObjectSize } = interrupted
  const { received } = receipt
  const offset = plan.position - plan.skip
  switch (receipt.ended) {
    case 'end':
      if (expected === undefined || received === expected) return undefined
      return { code: 'length_mismatch', offset, expected, received }
    case 'cut':
      return { code: 'body_cut' }
    case 'idle':
      return { code: 'body_idle', idleMs }
    case 'stopped':
      return stopped ?? { code: 'superseded' }
    case 'no_space':
      return { code: 'no_space' }
    case 'over':
      if (expected !== undefined) return { code: 'length_mismatch', offset, expected, received }
      if (plan.total !== undefined) {
        return { code: 'past_total', end: offset + received, total: plan.total }
      }
      return { code: 'too_large', limit: maxObjectSize }
  }
}
