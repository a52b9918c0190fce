/**
 * Metadata as bytes: a body, or a part of one, that is small by nature and read whole.
 */

import { UploadError } from '../../engine/failure.ts'
import type { Body } from '../../engine/ports.ts'
import { type FramedBodies, SMALL_BODY_LIMIT } from '../../http/framed-body.ts'
import { backendError, json, Refusal } from './refusal.ts'

/** To be parsed at once: its memory is not counted any more. Throws why it did not come. */
export async function readMetadata(body: Body, frames: FramedBodies): Promise<Buffer> {
  const frame = await frames.read(body, SMALL_BODY_LIMIT)
  switch (frame) {
    case 'too_large':
      throw new Refusal(
        json(413, 'uploadTooLarge', `Metadata may have at most ${SMALL_BODY_LIMIT} bytes.`),
      )
    case 'no_memory':
      throw new Refusal(backendError(1))
    case 'cut':
      throw new UploadError({ code: 'body_cut' })
    case 'idle':
      throw new UploadError({ code: 'body_idle', idleMs: frames.idleMs })
    default:
      frame.release()
      return frame.bytes
  }
}
