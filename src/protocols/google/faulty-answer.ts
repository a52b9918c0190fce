/**
 * An answer with a fault in it: after so many bytes it breaks off, or falls silent for a while.
 */

import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

export interface AnswerFault {
  readonly after: number
  /** Silence; without it, the answer breaks off. */
  readonly stallMs?: number
  /** Asked when the bytes are on their way; on false there is no fault. */
  readonly take: () => boolean
}

/** The payload with the fault. Its Content-Length, where it has one, stays that of the whole. */
export function faultyAnswer(
  payload: Readable | string | Buffer,
  response: ServerResponse,
  fault: AnswerFault,
): Readable {
  const source = payload instanceof Readable ? payload : Readable.from([Buffer.from(payload)])
  const faulty: Readable = Readable.from(
    interrupted(source, fault, () => interrupt()),
    { objectMode: false },
  )
  return faulty

  async function interrupt(): Promise<void> {
    if (fault.stallMs !== undefined) return sleep(fault.stallMs)
    // What was promised to arrive before the fault leaves first.
    while (!response.destroyed && faulty.readableLength + response.writableLength > 0) {
      await sleep(5)
    }
    response.destroy()
    throw new Error('broken off as asked')
  }
}

async function* interrupted(
  source: AsyncIterable<Buffer>,
  { after, take }: AnswerFault,
  interrupt: () => Promise<void>,
): AsyncGenerator<Buffer> {
  let left = after
  let isBefore = true
  for await (const bytes of source) {
    if (!isBefore || bytes.length < left) {
      left -= bytes.length
      yield bytes
      continue
    }
    isBefore = false
    if (left > 0) yield bytes.subarray(0, left)
    if (take()) await interrupt()
    if (bytes.length > left) yield bytes.subarray(left)
  }
}
