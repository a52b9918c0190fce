/** Nobody listens: for tests about other things. */

import type { Observer } from '../../src/engine/ports.ts'

const ignore = () => {}

export const UNOBSERVED: Observer = {
  sessionOpened: ignore,
  uploadEnded: ignore,
  received: ignore,
  acknowledged: ignore,
  chunkTaken: ignore,
  published: ignore,
  tookOver: ignore,
  refused: ignore,
  swept: ignore,
  synced: ignore,
  committed: ignore,
}
