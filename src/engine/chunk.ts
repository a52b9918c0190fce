/** What one request brings to a session. */

import type { Body } from './ports.ts'
import type { LateIntent } from './publish.ts'

/** One request's bytes and what the request says about them. */
export interface Chunk extends LateIntent {
  readonly body: Body
  /** The segment it belongs to: 0 for sequential protocols. */
  readonly segment?: number
  /** Which of the segment's chunks it is, from 1, where the protocol numbers them; each comes once, in turn, empty or not. */
  readonly ordinal?: number
  /** Where its first byte goes; `end` is wherever the segment ends now. */
  readonly offset: number | 'end'
  /** Its length by its declared range; undefined where it runs to the end of the body. */
  readonly length?: number
  /** The final size, where this request declares it. */
  readonly total?: number
  /** The content ends where this body ends. */
  readonly last: boolean
  /** What the caller took to be persisted: where it is not so any more, somebody else has written meanwhile, `segment_busy`. */
  readonly basis?: number
  /** Accepted whole or not at all: no checkpoints, and nothing is kept of a cut body. */
  readonly whole?: boolean
}
