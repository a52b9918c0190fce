/**
 * The calls in a batch (gcs.md §10.4): parts of a multipart/mixed body, each of them a request as HTTP/1.1 writes it. Line
 * ends differ between the parts' delimiters (LF from Python) and the calls (CRLF from Python, LF from googleapiclient).
 */

import type { Body } from '../../engine/ports.ts'
import type { FramedBodies } from '../../http/framed-body.ts'
import { MultipartReader } from './multipart-reader.ts'
import { type PartHeaders, parsePartHeaders } from './part-headers.ts'
import { badRequest, json, Refusal } from './refusal.ts'

/** gcs.md §2. */
const CALLS_LIMIT = 100
/** Bytes of all calls together, which wait in memory: room for 100 of the largest URLs, tokens and custom metadata. */
const BATCH_LIMIT = 2 * 1024 * 1024

const REQUEST_LINE = /^([A-Za-z]+) +(\S+)(?: +HTTP\/1\.[01])? *$/
/** The authority of an absolute URL says where the client thinks Google is. */
const ORIGIN = /^https?:\/\/[^/?#]*/i

export interface BatchCall {
  /** As the client sent it; the answer's is made from it. */
  readonly contentId: string | undefined
  /** What is asked, or why it cannot be. */
  readonly request: InnerRequest | Refusal
}

export interface InnerRequest {
  readonly method: string
  /** Path and query, raw. */
  readonly target: string
  readonly headers: PartHeaders
  readonly body: Buffer
}

/** All calls, in order; throws where the batch as a whole is malformed or too large. */
export async function readBatch(
  body: Body,
  boundaries: readonly string[],
  frames: FramedBodies,
): Promise<readonly BatchCall[]> {
  const reader = new MultipartReader(body, boundaries)
  const calls: BatchCall[] = []
  let size = 0
  for (;;) {
    const headers = await reader.next(frames.idleMs)
    if (headers === undefined) break
    if (calls.length === CALLS_LIMIT) {
      throw badRequest(`A batch may have at most ${CALLS_LIMIT} calls.`)
    }
    const bytes = await reader.readWhole(frames)
    size += bytes.length
    if (size > BATCH_LIMIT) {
      throw new Refusal(
        json(413, 'uploadTooLarge', `A batch may have at most ${BATCH_LIMIT} bytes.`),
      )
    }
    calls.push({ contentId: headers.get('content-id'), request: parseCall(headers, bytes) })
  }
  await reader.readEnd(frames.idleMs)
  return calls
}

/** One malformed call does not spoil the others. */
function parseCall(partHeaders: PartHeaders, bytes: Buffer): InnerRequest | Refusal {
  const type = partHeaders.get('content-type') ?? 'application/http'
  if (!/^application\/http\s*(?:;|$)/i.test(type)) {
    return badRequest('A part of a batch must be application/http.')
  }
  try {
    return parseInnerRequest(bytes)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

/** The body runs to the part's end: googleapiclient counts its Content-Length in characters. */
function parseInnerRequest(bytes: Buffer): InnerRequest {
  const lines: string[] = []
  let at = 0
  while (at < bytes.length) {
    const lineEnd = bytes.indexOf('\n', at)
    const end = lineEnd < 0 ? bytes.length : lineEnd
    const line = bytes.toString('utf8', at, end).replace(/\r$/, '')
    at = end + 1
    if (line !== '') lines.push(line)
    // Empty lines before the request line are nobody's (RFC 9112 §2.2).
    else if (lines.length > 0) break
  }
  const [requestLine = '', ...headerLines] = lines
  const [, method, url] = REQUEST_LINE.exec(requestLine) ?? []
  if (method === undefined || url === undefined) {
    throw badRequest('Malformed request line in a part of the batch.')
  }
  return {
    method: method.toUpperCase(),
    target: url.replace(ORIGIN, ''),
    headers: parsePartHeaders(headerLines),
    body: bytes.subarray(Math.min(at, bytes.length)),
  }
}
