/**
 * A DXL request in, its answer out, whatever carries the two. What the store refuses becomes an error response with code 0, as
 * the reference has it (dxl.md §6).
 */

import type { Access } from '../../engine/access.ts'
import type { Log } from '../../engine/ports.ts'
import { bytesBody } from '../../http/bytes-body.ts'
import { errorTo, responseTo, unavailable } from './answer.ts'
import { type Door, tooLong } from './door.ts'
import { type DxlMessage, type DxlRequest, decodeMessage } from './message.ts'
import { MalformedMessage } from './msgpack.ts'
import { refusalOf, refused } from './refusal.ts'
import type { SegmentResult } from './store-segment.ts'

/** With keys, where no key names the certificate that a message came with. */
export const NO_KEY = 'no key is for this certificate'

export interface MessageService {
  readonly door: Pick<Door, 'store' | 'segmentLimit'>
  readonly engine: Access
  /** Under which the service is known, where it has told somebody. */
  readonly serviceId?: string
  /** Called with what went wrong inside, of which the client is told nothing. */
  readonly onMistake: (error: unknown) => void
}

export async function answerRequest(
  { door, engine, serviceId = '', onMistake }: MessageService,
  request: DxlRequest,
): Promise<Buffer> {
  // Meant for one certain service, which is not us (§5.5).
  if (request.serviceId !== '' && request.serviceId !== serviceId) return unavailable(request)
  const { store, segmentLimit } = door
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

/** Undefined for what is no message: nobody is known who could be told. */
export function decodedOrIgnored(bytes: Buffer, log: Log): DxlMessage | undefined {
  try {
    return decodeMessage(bytes)
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error
    log.debug({ err: error }, 'a malformed message')
    return undefined
  }
}
