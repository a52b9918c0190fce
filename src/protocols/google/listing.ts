/**
 * What a list's query says of its page (gcs.md §10.2), and the tokens between pages.
 */

import type { Cursor, ListQuery } from '../../engine/listing.ts'
import type { Query } from '../../http/query.ts'
import { invalid } from './refusal.ts'

/** Default and cap; objects and prefixes count alike. */
const PAGE = 1000

export function parseListQuery(bucket: string, query: Query): ListQuery {
  const cursor = cursorOf(query)
  const bound = (name: string) => query.get(name) || undefined
  const [delimiter, from, before] = ['delimiter', 'startOffset', 'endOffset'].map(bound)
  return {
    bucket,
    prefix: query.get('prefix') ?? '',
    includesTrailing: query.flag('includeTrailingDelimiter'),
    limit: pageSize(query),
    ...(delimiter !== undefined && { delimiter }),
    ...(from !== undefined && { from }),
    ...(before !== undefined && { before }),
    ...(cursor !== undefined && { cursor }),
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
export function tokenOf(cursor: Cursor): string {
  const text = 'after' in cursor ? `a${cursor.after}` : `b${cursor.beyond}`
  return Buffer.from(text).toString('base64url')
}

export function cursorOf(query: Query): Cursor | undefined {
  const token = query.get('pageToken')
  if (token === undefined || token === '') return undefined
  const text = Buffer.from(token, 'base64url').toString('utf8')
  const name = text.slice(1)
  const cursor = text[0] === 'a' ? { after: name } : { beyond: name }
  // Whatever does not come out as it went in is none of ours.
  if (tokenOf(cursor) === token) return cursor
  throw invalid('Invalid argument: pageToken.', { type: 'parameter', name: 'pageToken' })
}
