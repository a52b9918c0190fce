/** The headers of a chunk (§3, §8.4): strings in, values out. Asked in the order of §8.4, before a byte of the body is read. */

import type { IncomingHttpHeaders } from 'node:http'
import { refuse } from './refusal.ts'

/** §5: as much as a client may send at a time. */
export const CHUNK_LIMIT = 32_000_000

export interface ChunkHeaders {
  readonly token: string
  /** `end`: wherever the content ends (−1 on the wire). */
  readonly offset: number | 'end'
  /** Of the whole file, where the client knows it. */
  readonly total: number | undefined
  /** Extension: this chunk ends an upload without a total (§8.3). */
  readonly isLast: boolean
  readonly length: number
}

/** Throws a Refusal. */
export function parseChunkHeaders(headers: IncomingHttpHeaders): ChunkHeaders {
  const token = parseToken(headers)
  const offset = parseOffset(text(headers, 'chunked-upload-offset'))
  const total = parseTotal(text(headers, 'chunked-upload-total-size'))
  const isLast = text(headers, 'chunked-upload-complete')?.toLowerCase() === 'true'
  return { token, offset, total, isLast, length: parseLength(headers) }
}

export function parseToken(headers: IncomingHttpHeaders): string {
  const token = text(headers, 'chunked-upload-token')
  if (token === undefined || token === '') {
    throw refuse(400, 'MISSING_TOKEN', 'Chunked-Upload-Token is missing.')
  }
  return token
}

function parseOffset(offset: string | undefined): number | 'end' {
  if (offset === '-1') return 'end'
  const position = parseCount(offset ?? '')
  if (position !== undefined) return position
  throw refuse(400, 'INVALID_OFFSET', 'Chunked-Upload-Offset is no byte position, and not -1.')
}

function parseTotal(total: string | undefined): number | undefined {
  if (total === undefined) return undefined
  const size = parseCount(total)
  if (size !== undefined) return size
  throw refuse(400, 'INVALID_TOTAL_SIZE', 'Chunked-Upload-Total-Size is no number of bytes.')
}

/** Node has checked that it is digits. With chunked transfer coding there is none (§8.4 number 2). */
function parseLength(headers: IncomingHttpHeaders): number {
  const { 'content-length': length, 'transfer-encoding': coding } = headers
  if (length === undefined || coding !== undefined) {
    throw refuse(411, 'LENGTH_REQUIRED', 'Content-Length is missing.')
  }
  if (Number(length) > CHUNK_LIMIT) {
    throw refuse(413, 'CHUNK_TOO_LARGE', `A chunk may have at most ${CHUNK_LIMIT} bytes.`)
  }
  return Number(length)
}

function parseCount(text: string): number | undefined {
  const count = /^\d{1,19}$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(count) ? count : undefined
}

/** Node joins what is repeated with commas, which no number has. */
function text(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}
