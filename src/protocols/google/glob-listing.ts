/**
 * A page of what matches a glob. Names are rolled up first, then the names and the prefixes that stand for others are matched
 * alike; that is how Google does it (`img/**.jpg` with a delimiter finds no folder, `img/*` and a slash finds every one).
 *
 * Only what begins as the glob does is looked at. How much one request looks at is limited: its page then ends early, with a
 * token, as pages may.
 */

import { setImmediate as otherRequests } from 'node:timers/promises'
import type { Access } from '../../engine/access.ts'
import { type Cursor, type ListQuery, narrower, type Page } from '../../engine/listing.ts'
import type { StoredObject } from '../../engine/ports.ts'
import type { Glob } from './glob.ts'

/** Steps of the glob's machine: a tenth of a second, and thousands of names under most patterns. */
const WORK = 3_000_000
/** Names fetched at a time at least, for most may not match. */
const FETCH = 200

interface Entry {
  readonly name: string
  object?: StoredObject
  isPrefix?: true
}

export async function listMatching(engine: Access, asked: ListQuery, glob: Glob): Promise<Page> {
  const prefix = narrower(asked.prefix, glob.prefix)
  if (prefix === undefined) {
    await engine.buckets.find(asked.bucket)
    return { objects: [], prefixes: [] }
  }
  const objects: StoredObject[] = []
  const prefixes: string[] = []
  let { cursor } = asked
  let work = 0
  for (;;) {
    const limit = Math.max(asked.limit, FETCH)
    const found = await engine.objects.list({ ...asked, prefix, limit, ...(cursor && { cursor }) })
    for (const { name, object, isPrefix } of inOrder(found)) {
      if (objects.length + prefixes.length >= asked.limit || work > WORK) {
        return { objects, prefixes, ...(cursor && { next: cursor }) }
      }
      work += glob.size * (name.length + 1)
      if (glob.matches(name)) {
        if (object !== undefined) objects.push(object)
        if (isPrefix) prefixes.push(name)
      }
      cursor = (isPrefix ? { beyond: name } : { after: name }) satisfies Cursor
    }
    if (found.next === undefined) return { objects, prefixes }
    cursor = found.next
    await otherRequests()
  }
}

/** By name in UTF-8 byte order. An object that is named as the prefix it is rolled up into goes with it. */
function inOrder({ objects, prefixes }: Page): Entry[] {
  const entries = new Map<string, Entry>()
  for (const object of objects) entries.set(object.name, { name: object.name, object })
  for (const name of prefixes) entries.set(name, { ...entries.get(name), name, isPrefix: true })
  const bytes = (entry: Entry) => Buffer.from(entry.name)
  return [...entries.values()].sort((left, right) => Buffer.compare(bytes(left), bytes(right)))
}
