/** Reading a body to its end without looking at it, so that the client can read its answer (design P5). */

import type { Body } from './ports.ts'

/** Stops when the body ends, breaks, or is silent for `idleMs`. */
export async function drainBody(body: Body, idleMs: number): Promise<void> {
  while (Array.isArray(await body.read(idleMs))) {
    // Dropped.
  }
}
