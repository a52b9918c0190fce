/**
 * `/b/{bucket}/o`: a page of objects and prefixes (gcs.md §10.2). Names have one version each: with `versions` the list is
 * the same, and of deleted ones (`softDeleted`) it is empty.
 */

import type { Page } from '../../engine/listing.ts'
import { type Call, type Methods, sendJson } from './door.ts'
import { parseGlob } from './glob.ts'
import { listMatching } from './glob-listing.ts'
import { parseListQuery, tokenOf } from './listing.ts'
import { objectResource } from './object-resource.ts'
import { invalid, notImplemented } from './refusal.ts'

const NOTHING: Page = { objects: [], prefixes: [] }

export const OBJECTS: Methods<string> = { GET: listObjects }

async function listObjects(call: Call, bucket: string): Promise<unknown> {
  const { door, request, reply, query } = call
  // Ignoring it would answer objects that were not asked for.
  if (query.get('filter')) throw notImplemented('filter')
  const { objects, prefixes, next } = await pageOf(call, bucket)
  const base = door.base(request)
  const projection = query.get('projection')
  const items = objects.map(object => objectResource(object, base, projection))
  const page = {
    kind: 'storage#objects',
    nextPageToken: next && tokenOf(next),
    prefixes: prefixes.length > 0 ? prefixes : undefined,
    items: items.length > 0 ? items : undefined,
  }
  return sendJson(reply, page, query.get('fields'))
}

async function pageOf({ engine, query }: Call, bucket: string): Promise<Page> {
  const asked = parseListQuery(bucket, query)
  const glob = query.get('matchGlob')
  if (query.flag('softDeleted')) {
    await engine.buckets.find(bucket)
    return NOTHING
  }
  if (glob === undefined || glob === '') return engine.objects.list(asked)
  if (asked.delimiter !== undefined && asked.delimiter !== '/') {
    throw invalid('Invalid argument: with matchGlob the delimiter can only be /.', {
      type: 'parameter',
      name: 'delimiter',
    })
  }
  return listMatching(engine, asked, parseGlob(glob))
}
