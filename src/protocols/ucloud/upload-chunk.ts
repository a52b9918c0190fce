/**
 * `uploadChunk` (§3, §8.4). What a chunk may do is decided from its headers and from where the session stands; the engine asks
 * again under its lease. A chunk that ends the session leaves a mark of itself, by which it is known when it comes again.
 */

import { UCLOUD } from '../../engine/door-rules.ts'
import type { Chunk, Progress } from '../../engine/engine.ts'
import { HashingBody } from '../../engine/hashing-body.ts'
import type { Body } from '../../engine/ports.ts'
import { keyOf, shortKey } from '../../engine/session-key.ts'
import { PacedBody } from '../../http/paced-body.ts'
import { takeBody } from '../../http/request-body.ts'
import { type ChunkHeaders, parseChunkHeaders } from './chunk-headers.ts'
import { type Call, sendJson } from './door.ts'
import { sessionNotFound } from './refusal.ts'
import { ZeroLedBody } from './zero-led-body.ts'

/** §6: what the first server demands. */
const PACE = { bytesPerSecond: 20_000, graceMs: 10_000 }

export async function uploadChunk({ engine, request, reply }: Call): Promise<unknown> {
  const headers = parseChunkHeaders(request.headers)
  const { token } = headers
  request.sessionKey = shortKey(keyOf(UCLOUD.door, token))
  const standing = await engine.status(UCLOUD, token)
  if (!mayRepeat(standing, headers)) throw sessionNotFound()

  const body = new PacedBody(takeBody(request, reply), PACE)
  const hashed = mayEnd(standing, headers) ? new HashingBody(body) : undefined
  const chunk = chunkOf(standing, headers, hashed ?? body)
  const late = {
    ...chunk,
    // Asked for when the body has been read.
    get doorData() {
      return markOf(headers, hashed)
    },
  }
  const progress = await engine.append(UCLOUD, token, late)
  if (progress.state === 'done' && !isMarked(progress, headers, hashed)) throw sessionNotFound()
  return sendJson(reply, {})
}

function chunkOf(standing: Progress, headers: ChunkHeaders, body: Body): Chunk {
  const { offset, total, isLast } = headers
  return {
    ...placeOf(standing, headers, body),
    ...(total !== undefined && { total }),
    last: isLast,
    // It would be sent again at another offset: what is kept of it would be there twice.
    whole: offset === 'end',
  }
}

/** §5: size + 1 is a valid offset as well. One byte is missing then, and is zero. */
function placeOf(
  standing: Progress,
  { offset, length }: ChunkHeaders,
  body: Body,
): Pick<Chunk, 'offset' | 'body' | 'basis'> {
  if (standing.state === 'done' || offset !== standing.persisted + 1) return { offset, body }
  // The zero is right only where the content still ends there.
  const basis = standing.persisted
  return { offset: basis, basis, body: length === 0 ? body : new ZeroLedBody(body) }
}

/** Whether the content may be complete with this chunk, or was with an earlier one. */
function mayEnd(standing: Progress, { offset, length, total, isLast }: ChunkHeaders): boolean {
  if (standing.state === 'done' || isLast) return true
  const whole = total ?? standing.session.total
  const end = (offset === 'end' ? standing.persisted : offset) + length
  return whole !== undefined && Math.max(standing.persisted, end) >= whole
}

/** An ended upload takes its last chunk again, for a client that lost the answer (§8.4). */
function mayRepeat(standing: Progress, headers: ChunkHeaders): boolean {
  if (standing.state !== 'done') return true
  const { offset, length } = markIn(standing)
  return offset === String(headers.offset) && length === String(headers.length)
}

function isMarked(
  done: Extract<Progress, { state: 'done' }>,
  headers: ChunkHeaders,
  hashed: HashingBody | undefined,
): boolean {
  const { sha256 } = markOf(headers, hashed)
  return mayRepeat(done, headers) && markIn(done)['sha256'] === sha256
}

function markOf({ offset, length }: ChunkHeaders, hashed: HashingBody | undefined) {
  // One that nobody thought would be the last cannot be known again, but is the last all the same.
  const sha256 = hashed?.digest() ?? 'unknown'
  return { offset: String(offset), length: String(length), sha256 }
}

function markIn({ session }: Progress): Readonly<Record<string, string>> {
  return (session.outcome?.kind === 'published' && session.outcome.doorData) || {}
}
