/**
 * MessagePack or JSON (gws.md §1): the answer's form is what `Accept` begins with, else the request's own. axios' default Accept
 * begins with JSON, so a request in MessagePack is usually answered in JSON.
 */

import { encode } from '@msgpack/msgpack'
import type { FastifyReply, FastifyRequest } from 'fastify'

export type Format = 'json' | 'msgpack'

const TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json',
  msgpack: 'application/msgpack',
}

/** The format that a header begins with, if it is one of the two. */
function formatOf(header: string | undefined): Format | undefined {
  const text = header?.trim().toLowerCase() ?? ''
  if (text.startsWith(TYPES.json)) return 'json'
  return text.startsWith(TYPES.msgpack) ? 'msgpack' : undefined
}

/** Undefined for what is no API request. */
export function requestFormat({ contentType }: FastifyRequest): Format | undefined {
  return formatOf(contentType)
}

export function send(request: FastifyRequest, reply: FastifyReply, value: object): FastifyReply {
  const format = formatOf(request.headers.accept) ?? requestFormat(request) ?? 'json'
  const bytes = format === 'json' ? Buffer.from(JSON.stringify(value)) : packed(value)
  return reply.type(TYPES[format]).send(bytes)
}

function packed(value: object): Buffer {
  const { buffer, byteOffset, byteLength } = encode(value)
  return Buffer.from(buffer, byteOffset, byteLength)
}
