/**
 * A body that is read whole because it is metadata, not content: JSON, or a query sent as a form. Bounded.
 */

import type { Body } from '../engine/ports.ts'

export const SMALL_BODY_LIMIT = 1024 * 1024

/** The whole body; `too_large` beyond the limit, or why it did not come. */
export async function readSmallBody(
  body: Body,
  idleMs: number,
): Promise<Buffer | 'too_large' | 'cut' | 'idle'> {
  if (body.length === 0) return Buffer.alloc(0)
  if ((body.length ?? 0) > SMALL_BODY_LIMIT) return 'too_large'
  const arrived: Buffer[] = []
  let length = 0
  for (;;) {
    const arrival = await body.read(idleMs)
    if (arrival === 'end') return Buffer.concat(arrived, length)
    if (arrival === 'cut' || arrival === 'idle') return arrival
    // Without a signal there is no `stopped`.
    if (arrival === 'stopped') return 'cut'
    for (const bytes of arrival) {
      arrived.push(bytes)
      length += bytes.length
    }
    if (length > SMALL_BODY_LIMIT) return 'too_large'
  }
}
