/**
 * One body into one blob: what storage is asked for, and what it means when the body did not come whole. Chunks, segments that
 * are sent anew and uploads in one request differ in what they bring, and in what becomes of it; not in this.
 */

import type { WritePlan } from './admission.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { DoorRules } from './door-rules.ts'
import type { Failure } from './failure.ts'
import { interruptionOf } from './interruption.ts'
import type { Writer } from './leases.ts'
import type { AppendRequest, EngineSettings, Receipt } from './ports.ts'

export interface ReceiveParts {
  readonly blobs: BlobWriter
  readonly settings: EngineSettings
}

export interface Reception
  extends Pick<AppendRequest, 'blob' | 'start' | 'seed' | 'body' | 'checkpoint' | 'md5'> {
  readonly rules: DoorRules
  readonly writer: Writer
  readonly plan: Pick<WritePlan, 'position' | 'skip' | 'limit' | 'total' | 'granule'>
  /** The body's length, where the request declared one. */
  readonly expected: number | undefined
  /** The most that the content may have, for the failure. */
  readonly maxObjectSize: number
}

export interface Received {
  readonly receipt: Receipt
  /** Why the body is not whole; undefined where it is. */
  readonly failure: Failure | undefined
}

export async function receive(
  { blobs, settings: { bodyIdleMs: idleMs } }: ReceiveParts,
  reception: Reception,
): Promise<Received> {
  const { blob, start, seed, body, checkpoint, md5 } = reception
  const { rules, writer, plan, expected, maxObjectSize } = reception
  const { skip, limit, granule } = plan
  const { signal } = writer
  const request = { blob, start, seed, body, skip, limit, granule, idleMs, checkpoint, md5, signal }
  const receipt = await blobs.write(rules.door, request)
  const { stopped } = writer
  const failure = interruptionOf({ receipt, plan, expected, stopped, idleMs, maxObjectSize })
  return { receipt, failure }
}
