/**
 * `GET /{bucket}`: the objects in it, in both versions of the list (`list-type=2` or not). They differ only in how a client
 * names the place to go on from.
 */

import type { Cursor, ListQuery, Page } from '../../engine/listing.ts'
import type { StoredObject } from '../../engine/ports.ts'
import type { Query } from '../../http/query.ts'
import type { Call } from './door.ts'
import { xmlEtagOf } from './media-headers.ts'
import { DEFAULT_STORAGE_CLASS } from './object-resource.ts'
import { invalid } from './refusal.ts'
import { elements, type Markup, XML_TYPE, xmlDocument } from './xml-text.ts'

/** Default and cap, objects and prefixes together. */
const PAGE = 1000
const ROOT = "ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'"

type Spell = (name: string) => string

export async function listXml({ engine, reply, query }: Call, bucket: string): Promise<unknown> {
  const asked = listQueryOf(bucket, query)
  const page = await engine.objects.list(asked)
  const isEncoded = query.get('encoding-type') === 'url'
  // Names may hold what XML cannot.
  const spell = isEncoded
    ? (name: string) => encodeURIComponent(name).replaceAll('%2F', '/')
    : plain
  const next = page.next && ('after' in page.next ? page.next.after : page.next.beyond)
  const continuation =
    query.get('list-type') === '2' ? placeOfV2(query, page, next) : placeOfV1(query, next, spell)
  const content = elements({
    Name: bucket,
    Prefix: spell(asked.prefix),
    ...continuation,
    Delimiter: asked.delimiter && spell(asked.delimiter),
    MaxKeys: asked.limit,
    EncodingType: isEncoded ? 'url' : undefined,
    IsTruncated: next !== undefined,
    Contents: page.objects.map(object => contents(object, spell)),
    CommonPrefixes: page.prefixes.map(prefix => elements({ Prefix: spell(prefix) })),
  })
  return reply.type(XML_TYPE).send(xmlDocument(ROOT, content))
}

function listQueryOf(bucket: string, query: Query): ListQuery {
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') || undefined
  const token = query.get('continuation-token')
  const marker = token ? nameOf(token) : query.get('marker') || query.get('start-after')
  return {
    bucket,
    prefix,
    includesTrailing: false,
    limit: pageSize(query),
    ...(delimiter !== undefined && { delimiter }),
    ...(marker && { cursor: cursorAt(marker, prefix, delimiter) }),
  }
}

/** A marker that is a rolled-up prefix stands for everything below it: that is how a page that ended with one goes on. */
function cursorAt(marker: string, prefix: string, delimiter: string | undefined): Cursor {
  const at = delimiter === undefined ? -1 : marker.indexOf(delimiter, prefix.length)
  const isRolledUp = at >= 0 && at + (delimiter?.length ?? 0) === marker.length
  return isRolledUp && marker.startsWith(prefix) ? { beyond: marker } : { after: marker }
}

function placeOfV1(query: Query, next: string | undefined, spell: Spell) {
  return { Marker: spell(query.get('marker') ?? ''), NextMarker: next && spell(next) }
}

function placeOfV2(query: Query, { objects, prefixes }: Page, next: string | undefined) {
  return {
    StartAfter: query.get('start-after'),
    ContinuationToken: query.get('continuation-token'),
    NextContinuationToken: next && tokenOf(next),
    KeyCount: objects.length + prefixes.length,
  }
}

function contents(object: StoredObject, spell: Spell): Markup {
  return elements({
    Key: spell(object.name),
    Generation: object.generation,
    MetaGeneration: object.metageneration,
    LastModified: new Date(object.updatedAt).toISOString(),
    ETag: xmlEtagOf(object),
    Size: object.size,
    StorageClass: object.metadata.storageClass ?? DEFAULT_STORAGE_CLASS,
  })
}

function pageSize(query: Query): number {
  const text = query.get('max-keys')
  if (text === undefined || text === '') return PAGE
  if (!/^\d{1,10}$/.test(text)) throw invalid('Invalid argument: max-keys.')
  return Math.min(Number(text), PAGE) || PAGE
}

function tokenOf(name: string): string {
  return Buffer.from(name).toString('base64url')
}

function nameOf(token: string): string {
  const name = Buffer.from(token, 'base64url').toString('utf8')
  // Whatever does not come out as it went in is none of ours.
  if (tokenOf(name) !== token) throw invalid('Invalid argument: continuation-token.')
  return name
}

function plain(name: string): string {
  return name
}
