/**
 * One object through the XML API (gcs.md §10.3, §11.1): how Go reads by default, and what signed URLs lead to.
 */

import type { IncomingHttpHeaders } from 'node:http'
import type { Preconditions } from '../../engine/ports.ts'
import type { Call } from './door.ts'
import { download } from './download.ts'
import { XML_READ } from './media-headers.ts'
import { parseGeneration } from './preconditions.ts'
import { isWanted } from './read-conditions.ts'
import { invalid } from './refusal.ts'

export interface NamedObject {
  readonly bucket: string
  readonly name: string
}

export async function readXml(call: Call, { bucket, name }: NamedObject): Promise<unknown> {
  const { engine, request, reply, query } = call
  const { headers, method } = request
  const preconditions = parseXmlPreconditions(headers)
  const generation = parseGeneration(query)
  const object = await engine.objects.find({ bucket, name, generation })
  const etag = XML_READ.etagOf(object)
  if (isWanted({ headers, preconditions, object, etag })) {
    return download(call, method, object, XML_READ)
  }
  return reply.code(304).header('etag', etag).send()
}

export async function deleteXml(call: Call, { bucket, name }: NamedObject): Promise<unknown> {
  const { engine, request, reply, query } = call
  const preconditions = parseXmlPreconditions(request.headers)
  const generation = parseGeneration(query)
  await engine.objects.delete({ bucket, name, generation }, preconditions)
  return reply.code(204).send()
}

/** §9.2. */
const HEADERS = [
  ['x-goog-if-generation-match', 'generationMatch'],
  ['x-goog-if-metageneration-match', 'metagenerationMatch'],
] as const

export function parseXmlPreconditions(headers: IncomingHttpHeaders): Preconditions {
  const preconditions: { -readonly [name in keyof Preconditions]: number } = {}
  for (const [header, name] of HEADERS) {
    const value = headers[header]
    if (value === undefined) continue
    if (!/^\d{1,19}$/.test(String(value))) {
      throw invalid(`Invalid argument: ${header} must be a non-negative integer.`)
    }
    preconditions[name] = Number(value)
  }
  return preconditions
}
