/**
 * A resumable session's URI (gcs.md §6.2–6.9): chunks, status queries, cancel, completion and its replay.
 */

import { GOOGLE } from '../../engine/door-rules.ts'
import type { Chunk, Progress } from '../../engine/engine.ts'
import { UploadError } from '../../engine/failure.ts'
import type { Body } from '../../engine/ports.ts'
import { keyOf, shortKey } from '../../engine/session-key.ts'
import { takeBody } from '../../http/request-body.ts'
import { type ContentRange, parseContentRange } from './content-range.ts'
import { pinOrigin } from './cors.ts'
import { answerMethod, type Call, type Methods } from './door.ts'
import { declaredChecksums } from './goog-hash.ts'
import { customHeaders } from './metadata.ts'
import { brokenBody, Refusal, text } from './refusal.ts'
import { sendCancelled, sendProgress } from './session-answers.ts'
import { decompressed, isCompressed } from './transport-gzip.ts'

type DataRange = Extract<ContentRange, { kind: 'data' }>

/** §0.1 number 1: Go only posts, everyone else puts. */
export const SESSION: Methods<string> = {
  POST: takeChunk,
  PUT: takeChunk,
  DELETE: cancel,
}

export async function answerSession(call: Call, token: string): Promise<unknown> {
  call.request.sessionKey = shortKey(keyOf(GOOGLE.door, token))
  try {
    return await answerMethod(SESSION, call.request.method, call, token)
  } catch (error) {
    await pinOrigin(call, token)
    throw error
  }
}

async function cancel(call: Call, token: string): Promise<unknown> {
  const ended = await call.engine.cancel(GOOGLE, token)
  if (ended.state === 'done') return sendProgress(call, token, ended)
  return sendCancelled(call.reply)
}

async function takeChunk(call: Call, token: string): Promise<unknown> {
  const { request, reply } = call
  const body = takeBody(request, reply)
  const range = rangeOf(call, body)
  // §6.3: what the session is comes before what is wrong with the range.
  if (range === undefined) {
    return unlessDone(call, token, text(400, 'Failed to parse Content-Range header.'))
  }
  const progress =
    range.kind === 'query'
      ? await answerQuery(call, token, range.total, body)
      : await append(call, token, range, body)
  return sendProgress(call, token, progress)
}

/** Without a Content-Range the body is the whole object; with an empty body that is a question, too (§6.2). */
function rangeOf({ request }: Call, body: Body): ContentRange | undefined {
  const header = request.headers['content-range']
  if (header !== undefined) return parseContentRange(header)
  if (body.length === 0) return { kind: 'query', total: 0 }
  const total = isCompressed(request) ? undefined : body.length
  return { kind: 'data', first: 0, end: total, total }
}

/** Neither form fixes the total: only data does (§6.10 row l). */
async function answerQuery(
  call: Call,
  token: string,
  total: number | undefined,
  body: Body,
): Promise<Progress> {
  const { engine, door } = call
  if (await hasBytes(body, door.frames.idleMs)) {
    return refuseUnlessDone(
      call,
      token,
      text(400, 'Client sent query request with a non-empty body.'),
    )
  }
  const progress = await engine.status(GOOGLE, token)
  if (progress.state === 'done' || progress.persisted !== total) return progress
  try {
    return await engine.finalize(GOOGLE, token, { total, ...lateIntent(call, true) })
  } catch (error) {
    // Another total than the one that was fixed: an ordinary question, too (§0.1 number 6).
    if (!(error instanceof UploadError) || error.failure.code !== 'incomplete') throw error
    return engine.status(GOOGLE, token)
  }
}

async function append(call: Call, token: string, range: DataRange, body: Body): Promise<Progress> {
  const { engine } = call
  const take = (content: Body) => engine.append(GOOGLE, token, chunkOf(call, range, content))
  if (!isCompressed(call.request)) return take(body)
  // Initiated with contentEncoding=gzip: the compressed bytes are the content (§2).
  const { session } = await engine.status(GOOGLE, token)
  return session.intent.metadata.contentEncoding === 'gzip' ? take(body) : decompressed(body, take)
}

function chunkOf(call: Call, range: DataRange, body: Body): Chunk {
  const { first, end, total } = range
  const isOpenEnded = end === undefined && total === undefined
  const isLast = isOpenEnded || (end !== undefined && end === total)
  // A declared total beyond the range's end: certainly not the final request, whose checksums alone count (GCS-46).
  const mayBeFinal = isLast || end === undefined || total === undefined
  return {
    body,
    offset: first,
    ...(end !== undefined && { length: end - first }),
    ...(total !== undefined && { total }),
    last: isLast,
    ...(mayBeFinal && lateIntent(call, first === 0 && isLast)),
  }
}

/** What only the final request may say of the whole object (§7, §8). Content-MD5 speaks of the chunk, unless that is all. */
function lateIntent(
  { request: { headers } }: Call,
  isWhole: boolean,
): Pick<Chunk, 'checksums' | 'customMetadata'> {
  const checksums = declaredChecksums(headers, isWhole)
  const customMetadata = customHeaders(headers)
  return { ...(checksums && { checksums }), ...(customMetadata && { customMetadata }) }
}

async function hasBytes(body: Body, idleMs: number): Promise<boolean> {
  if (body.length !== undefined) return body.length > 0
  const arrival = await body.read(idleMs)
  if (arrival === 'cut' || arrival === 'idle') throw new Refusal(brokenBody())
  return arrival !== 'end'
}

async function unlessDone(
  call: Call,
  token: string,
  answer: ReturnType<typeof text>,
): Promise<unknown> {
  return sendProgress(call, token, await refuseUnlessDone(call, token, answer))
}

/** A session that ended answers as it always does, whatever is asked; only an open one minds. */
async function refuseUnlessDone(
  { engine }: Call,
  token: string,
  answer: ReturnType<typeof text>,
): Promise<Progress> {
  const progress = await engine.status(GOOGLE, token)
  if (progress.state === 'done') return progress
  throw new Refusal(answer)
}
