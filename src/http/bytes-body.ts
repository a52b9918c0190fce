/** Bytes that are in memory already, as the engine wants them: handed over as they are, without a copy. */

import type { Arrival, Body } from '../engine/ports.ts'

export function bytesBody(bytes: Buffer): Body {
  let isTaken = bytes.length === 0
  return {
    length: bytes.length,
    async read(_idleMs, signal): Promise<Arrival> {
      if (isTaken) return 'end'
      if (signal?.aborted === true) return 'stopped'
      isTaken = true
      return [bytes]
    },
  }
}
