/**
 * Where in openapi.yaml an exchange has its example, and what of an example may differ from one time to the next.
 */

import type { ApiDocument, MediaType, Response } from '../support/openapi/document.ts'
import type { Seen } from './conversation.ts'

/** A response as it is described once: at a component that many operations share, or at its operation. */
export interface Place {
  readonly name: string
  /** Path in the document. */
  readonly at: readonly string[]
  readonly response: Response
}

/** Every response of the document. */
export function placesOf(document: ApiDocument): readonly Place[] {
  const shared = Object.keys(document.source['components']?.['responses'] ?? {})
  const places: Place[] = shared.map(name => ({
    name,
    at: ['components', 'responses', name],
    response: document.response({ $ref: `#/components/responses/${name}` } as never),
  }))
  for (const { id, template, methods, responses } of document.operations) {
    for (const [status, response] of responses) {
      if (response.component !== undefined) continue
      const at = ['paths', template, methods[0]?.toLowerCase() ?? '', 'responses', String(status)]
      places.push({ name: `${id} ${status}`, at, response })
    }
  }
  return places
}

export function placeOf({ operation, response, exchange }: Seen): string {
  return response.component ?? `${operation?.id} ${exchange.status}`
}

/** The examples of a media type. */
export function examplesOf({ example, examples }: MediaType): readonly unknown[] {
  const named = Object.values(examples ?? {}).map(({ value }) => value)
  return example === undefined ? named : [example, ...named]
}

/** The value with everything the same that is another each time: generations, times, tags, ids. */
export function steady(value: unknown): unknown {
  if (typeof value === 'string') return steadyText(value)
  // Milliseconds since 1970.
  if (typeof value === 'number' && value > 1e12) return 'time'
  if (Array.isArray(value)) return value.map(steady)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, child]) => {
    return [name, /^etag$/i.test(name) ? 'tag' : steady(child)] as const
  })
  return Object.fromEntries(entries)
}

function steadyText(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'time')
    .replaceAll(/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g, 'date')
    .replaceAll(/\b\d{16}\b/g, 'generation')
    .replaceAll(/\betag: \S+/g, 'etag: tag')
    .replaceAll(/[\w-]{22,}\.?/g, 'id')
    .replaceAll(/batch_[\w-]+/g, 'boundary')
}
