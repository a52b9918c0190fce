/**
 * A DXL request in, its answer out, whatever carries the two. What the store refuses becomes an error response with code 0, as
 * the reference has it (dxl.md §6).
 */

import type { Access } from '../../engine/access.ts'
import { bytesBody } from '../../http/bytes-body.ts'
import { errorTo, responseTo, unavailable } from './answer.ts'
import { type Door, tooLong } from './door.ts'
import type { DxlRequest } from './message.ts'
import { refusalOf, refused } from './refusal.ts'
import type { SegmentResult } from './store-segment.ts'

/** Called with what went wrong inside, of which the client is told nothing. */
type OnMistake = (error: unknown) => void

export async function answerRequest(
  { store, segmentLimit }: Pick<Door, 'store' | 'segmentLimit'>,
  engine: Access,
  request: DxlRequest,
  onMistake: OnMistake,
): Promise<Buffer> {
  // Meant for one certain service, which is not us (§5.5).
  if (request.serviceId !== '') return unavailable(request)
  try {
    const { payload, otherFields } = request
    if (payload.length > segmentLimit) throw refused(413, tooLong(segmentLimit))
    const field = (name: string) => otherFields.get(name)
    return responseTo(request, jsonOf(await store.storeSegment(engine, field, bytesBody(payload))))
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined || refusal.status >= 500) onMistake(error)
    return errorTo(request, 0, refusal?.message ?? 'internal error')
  }
}

export function jsonOf(result: SegmentResult): Buffer {
  return Buffer.from(JSON.stringify(result))
}
