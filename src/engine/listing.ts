/**
 * Lists as people browse them: names rolled up at a delimiter, page by page. Each roll-up is one seek past everything below
 * it, so a bucket of a million objects in a thousand folders is listed in a thousand seeks.
 */

import type { Catalog, ObjectQuery, StoredObject } from './ports.ts'

/** Where a page ended: after an object, or beyond everything that was rolled up into a prefix. */
export type Cursor = { readonly after: string } | { readonly beyond: string }

export interface ListQuery extends Pick<ObjectQuery, 'bucket' | 'prefix' | 'from' | 'before'> {
  /** Names are rolled up at its first appearance after the prefix; undefined or empty for none. */
  readonly delimiter?: string
  /** An object whose name ends with the delimiter it is rolled up at is listed as itself, too. */
  readonly includesTrailing: boolean
  readonly cursor?: Cursor
  /** Only names that start with it as well; names are rolled up as if the others were not there. */
  readonly within?: string
  /** Most objects and prefixes together, at least 1. */
  readonly limit: number
}

export interface Page {
  readonly objects: readonly StoredObject[]
  readonly prefixes: readonly string[]
  /** Where the next page begins; undefined on the last. */
  readonly next?: Cursor
}

export async function list(catalog: Catalog, query: ListQuery): Promise<Page> {
  const { bucket, from, before, limit, within = '' } = query
  const prefix = narrower(query.prefix, within)
  if (prefix === undefined) return { objects: [], prefixes: [] }
  const objects: StoredObject[] = []
  const prefixes: string[] = []
  let { cursor } = query
  let batch = Number.POSITIVE_INFINITY
  for (;;) {
    // One more than fits tells whether there is another page.
    const wanted = Math.min(batch, limit - objects.length - prefixes.length + 1)
    const found = await catalog.objects({
      bucket,
      prefix,
      ...(from !== undefined && { from }),
      ...(before !== undefined && { before }),
      ...cursor,
      limit: wanted,
    })
    let hasSkipped = false
    for (const object of found) {
      if (objects.length + prefixes.length >= limit) {
        return { objects, prefixes, ...(cursor && { next: cursor }) }
      }
      const rolled = rolledUp(object.name, query)
      if (rolled === undefined || (query.includesTrailing && rolled === object.name)) {
        objects.push(object)
      }
      if (rolled === undefined) {
        cursor = { after: object.name }
      } else {
        prefixes.push(rolled)
        cursor = { beyond: rolled }
        hasSkipped = true
        break
      }
    }
    if (!hasSkipped && found.length < wanted) return { objects, prefixes }
    // Behind a roll-up there is often the next one: then all but the first of a batch was read for nothing.
    batch = hasSkipped ? 2 : batch * 8
  }
}

/** What begins with both prefixes begins with this one; undefined where nothing does. */
export function narrower(one: string, other: string): string | undefined {
  if (one.startsWith(other)) return one
  return other.startsWith(one) ? other : undefined
}

/** The prefix that stands for this name, or undefined where it stands for itself. */
function rolledUp(name: string, { prefix, delimiter }: ListQuery): string | undefined {
  if (delimiter === undefined || delimiter === '') return undefined
  const at = name.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : name.slice(0, at + delimiter.length)
}
