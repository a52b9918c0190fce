/**
 * One page of a bucket's objects (gcs.md §10.2): by name in UTF-8 byte order, with everything below a delimiter folded into
 * a prefix. However many objects a prefix hides, it costs one seek.
 */

import type { Engine } from '../../engine/engine.ts'
import type { StoredObject } from '../../engine/ports.ts'
import type { Query } from '../../http/query.ts'
import { invalid } from './refusal.ts'

/** Default and cap; objects and prefixes count alike. */
const PAGE = 1000
/** Sorts behind everything that may follow a prefix. */
const LAST = '\u{10ffff}'

export interface Page {
  readonly objects: readonly StoredObject[]
  readonly prefixes: readonly string[]
  readonly nextPageToken: string | undefined
}

export async function listPage(engine: Engine, bucket: string, query: Query): Promise<Page> {
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const limit = pageSize(query)
  const objects: StoredObject[] = []
  const prefixes: string[] = []
  let after = afterToken(query)

  for (;;) {
    // One more than fits, to know whether there is a next page.
    const wanted = limit - objects.length - prefixes.length + 1
    const found = await engine.objects({
      bucket,
      prefix,
      limit: wanted,
      ...(after !== undefined && { after }),
    })
    let hasSkipped = false
    for (const object of found) {
      const folded = foldedPrefix(object.name, prefix, delimiter)
      const isKnown = folded !== undefined && folded === prefixes.at(-1)
      if (!isKnown && objects.length + prefixes.length === limit) {
        return { objects, prefixes, nextPageToken: tokenFor(after) }
      }
      if (folded === undefined) {
        objects.push(object)
        after = object.name
        continue
      }
      if (!isKnown) prefixes.push(folded)
      after = isKnown ? object.name : folded + LAST
      hasSkipped = true
      break
    }
    if (!hasSkipped && found.length < wanted) {
      return { objects, prefixes, nextPageToken: undefined }
    }
  }
}

export function pageSize(query: Query): number {
  const text = query.get('maxResults')
  if (text === undefined || text === '') return PAGE
  if (!/^\d{1,10}$/.test(text)) {
    throw invalid('Invalid argument: maxResults must be a non-negative integer.', {
      type: 'parameter',
      name: 'maxResults',
    })
  }
  return Math.min(Number(text), PAGE) || PAGE
}

/** A token is where the page before it ended; opaque to clients. */
export function tokenFor(after: string | undefined): string | undefined {
  return after === undefined ? undefined : Buffer.from(after).toString('base64url')
}

export function afterToken(query: Query): string | undefined {
  const token = query.get('pageToken')
  if (token === undefined || token === '') return undefined
  const after = Buffer.from(token, 'base64url').toString('utf8')
  if (tokenFor(after) !== token) {
    throw invalid('Invalid argument: pageToken.', { type: 'parameter', name: 'pageToken' })
  }
  return after
}

function foldedPrefix(name: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined
  const at = name.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : name.slice(0, at + delimiter.length)
}
