/**
 * multipart/related as uploads send it (gcs.md §5): the object's resource as JSON, then its content. The first part is read
 * whole, it is small; the second is handed on as a Body and flows.
 *
 * Whether the request was well-formed is known only behind the content's last byte. A request that was not ends the content
 * as a broken connection would, so that the engine stores nothing of it, and `defect` is what to tell the client instead.
 */

import type { Arrival, Body } from '../../engine/ports.ts'
import type { FramedBodies } from '../../http/framed-body.ts'
import { Base64Body } from './base64-body.ts'
import { MultipartReader } from './multipart-reader.ts'
import type { Refusal } from './refusal.ts'
import { badRequest } from './refusal.ts'

export interface Related {
  /** The first part's bytes. */
  readonly resource: Buffer
  /** The second part's Content-Type. */
  readonly contentType: string | undefined
  /** The second part; `end` only after the closing delimiter and all that follows it were seen. */
  readonly content: Body
  /** What is wrong with the request, once `content` answered `cut` for that reason. */
  readonly defect: Refusal | undefined
}

/** Reads up to the content's first byte. Throws a Refusal, or an UploadError where the body breaks off. */
export async function readRelated(
  body: Body,
  boundaries: readonly string[],
  frames: FramedBodies,
): Promise<Related> {
  const reader = new MultipartReader(body, boundaries)
  await reader.next(frames.idleMs)
  const resource = await reader.readWhole(frames)
  const headers = await reader.next(frames.idleMs)
  if (headers === undefined) throw badRequest('Multipart body must have two parts; it has one.')

  const last = new LastPart(reader)
  // The other encodings say that there is none: 7bit, 8bit, binary.
  const isEncoded = headers.get('content-transfer-encoding')?.toLowerCase() === 'base64'
  const decoded = isEncoded ? new Base64Body(last) : undefined
  return {
    resource,
    contentType: headers.get('content-type') || undefined,
    content: decoded ?? last,
    get defect() {
      return decoded?.isMalformed === true
        ? badRequest('Malformed base64 in the request body.')
        : last.defect
    },
  }
}

/** The part that is open in `reader`, which must be the last one. */
class LastPart implements Body {
  /** How much follows the content is not known before it comes. */
  readonly length = undefined
  readonly atMost: number | undefined
  readonly #reader: MultipartReader
  #isFollowed = false

  constructor(reader: MultipartReader) {
    this.#reader = reader
    this.atMost = reader.atMost
  }

  get defect(): Refusal | undefined {
    return this.#isFollowed
      ? badRequest('Multipart body must have two parts; it has more.')
      : this.#reader.defect
  }

  async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    const arrival = await this.#reader.read(idleMs, signal)
    if (arrival !== 'end') return arrival
    if (this.#reader.isClosed) return this.#reader.finish(idleMs, signal)
    this.#isFollowed = true
    return 'cut'
  }
}
