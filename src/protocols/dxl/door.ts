/** What everything in this door has at hand. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Access } from '../../engine/access.ts'
import type { FramedBodies } from '../../http/framed-body.ts'
import type { SegmentStore } from './store-segment.ts'

export interface Door {
  /** One for all ways in which segments come, so that they take turns. */
  readonly store: SegmentStore
  readonly frames: FramedBodies
  /** The topics that are served, each beginning with a slash. */
  readonly topics: readonly string[]
  /** Where files are published. */
  readonly bucket: string
  /** Most bytes in a segment. */
  readonly segmentLimit: number
}

/** One request over HTTP. */
export interface Call {
  readonly door: Door
  /** As far as it is open to who asks. */
  readonly engine: Access
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** What the service calls itself on a fabric. */
export const SERVICE_TYPE = '/opendxl-file-transfer/service/file-transfer'

/** What a message may have beside its segment: ids, a name, other fields that nobody knows. */
const ENVELOPE = 64 * 1024

/**
 * Most bytes in a message. A segment that is somewhat over the limit still comes whole, so that its sender can be told
 * (DXL-26): to whom the answer goes is written behind it.
 */
export function messageLimit({ segmentLimit }: Pick<Door, 'segmentLimit'>): number {
  return 2 * segmentLimit + ENVELOPE
}

export function tooLong(segmentLimit: number): string {
  return `a segment may have at most ${segmentLimit} bytes`
}
