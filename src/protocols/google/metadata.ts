/**
 * What a client says about an object (gcs.md §3, §7): the writable fields of a JSON resource, and X-Goog-Meta-* headers.
 * Everything else in a resource is ignored; `null` is the same as nothing.
 */

import type { IncomingHttpHeaders } from 'node:http'
import type { Checksums, Metadata } from '../../engine/ports.ts'
import { parseCrc32c, parseMd5 } from './goog-hash.ts'
import type { JsonObject } from './json-object.ts'
import { mergePatch } from './merge-patch.ts'
import { checkTime, contextsOf, retentionOf } from './object-settings.ts'
import { invalid, parseError } from './refusal.ts'

/** gcs.md §2: keys and values together. */
const CUSTOM_LIMIT = 8 * 1024
/** What one header of a download may hold without its head becoming too large for clients. */
const HEADER_LIMIT = 4 * 1024

const STORAGE_CLASSES: ReadonlySet<string> = new Set([
  'STANDARD',
  'NEARLINE',
  'COLDLINE',
  'ARCHIVE',
  'REGIONAL',
  'MULTI_REGIONAL',
  'DURABLE_REDUCED_AVAILABILITY',
])

const TEXT_FIELDS = [
  'contentType',
  'cacheControl',
  'contentDisposition',
  'contentEncoding',
  'contentLanguage',
  'customTime',
  'storageClass',
] as const

const HOLDS = ['eventBasedHold', 'temporaryHold'] as const

/** A JSON body: an object, or nothing at all. */
export function parseJsonObject(bytes: Buffer): JsonObject {
  if (bytes.length === 0) return {}
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw parseError('Parse Error')
  }
  // What Go sends for "nothing".
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw parseError('Parse Error')
  return value as JsonObject
}

export function metadataOf(resource: JsonObject): Metadata {
  const metadata: { -readonly [name in keyof Metadata]: Metadata[name] } = {}
  for (const field of TEXT_FIELDS) {
    const value = textOf(resource, field)
    if (value === undefined || value === '') continue
    checkHeaderText(field, value)
    metadata[field] = value
  }
  for (const field of HOLDS) {
    const value = resource[field]
    if (value === undefined || value === null) continue
    if (typeof value !== 'boolean') throw invalid(`Invalid argument: ${field} must be a boolean.`)
    metadata[field] = value
  }
  const { storageClass, customTime } = metadata
  if (storageClass !== undefined) checkStorageClass(storageClass)
  if (customTime !== undefined) checkTime('customTime', customTime)
  const retention = retentionOf(resource)
  if (retention !== undefined) metadata.retention = retention
  const contexts = contextsOf(resource)
  if (contexts !== undefined) metadata.contexts = contexts
  const custom = customOf(resource)
  if (custom !== undefined) metadata.custom = custom
  return metadata
}

/** What an upload says outside of its resource. */
export interface SaidBeside {
  /** A header, as Node reads it; a type in the resource beats it, its empty value is none (§5.1, §6.1). */
  readonly contentType: string | undefined
  /** Of the query; beats the resource's. */
  readonly contentEncoding: string | undefined
}

export function uploadMetadata(resource: JsonObject, beside: SaidBeside): Metadata {
  return metadataOf({
    ...resource,
    contentType: said(resource, 'contentType') ?? utf8Of(beside.contentType ?? ''),
    contentEncoding: beside.contentEncoding || said(resource, 'contentEncoding'),
  })
}

/** A PATCH (gcs.md §3): merged into what is said now, `null` deletes, also within `metadata`. */
export function patched(metadata: Metadata, patch: JsonObject): Metadata {
  return metadataOf(mergePatch(writableResource(metadata), patch))
}

/** Does the resource say anything of what can be said? `name` and the like do not count. */
export function saysAnything(resource: JsonObject): boolean {
  const fields = [...TEXT_FIELDS, ...HOLDS, 'retention', 'contexts', 'metadata']
  return fields.some(field => resource[field] !== undefined && resource[field] !== null)
}

/** The writable part of a resource; what is not there is undefined. */
export function writableResource({ custom, contexts, retention, ...plain }: Metadata): JsonObject {
  const payloads = Object.entries(contexts ?? {}).map(([key, value]) => [key, { value }] as const)
  return {
    ...plain,
    retention,
    contexts: payloads.length > 0 ? { custom: Object.fromEntries(payloads) } : undefined,
    metadata: custom !== undefined && Object.keys(custom).length > 0 ? custom : undefined,
  }
}

export function checkStorageClass(storageClass: string): void {
  if (!STORAGE_CLASSES.has(storageClass)) {
    throw invalid(`Invalid argument: storageClass ${storageClass}.`)
  }
}

/** `crc32c` and `md5Hash` in a resource are assertions about the content (gcs.md §8). */
export function assertedChecksums(resource: JsonObject): Checksums {
  const crc32c = textOf(resource, 'crc32c')
  const md5 = textOf(resource, 'md5Hash')
  return {
    ...(crc32c && { crc32c: parseCrc32c(crc32c, 'crc32c') }),
    ...(md5 && { md5: parseMd5(md5, 'md5Hash') }),
  }
}

export function textOf(resource: JsonObject, field: string): string | undefined {
  const value = resource[field]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw invalid(`Invalid argument: ${field} must be a string.`)
  return value
}

/** X-Goog-Meta-* on a media upload or a final request; undefined when there are none. */
export function customHeaders(headers: IncomingHttpHeaders): Record<string, string> | undefined {
  const entries: [string, string][] = []
  for (const name in headers) {
    if (!name.startsWith('x-goog-meta-')) continue
    entries.push([name.slice('x-goog-meta-'.length), utf8Of(String(headers[name]))])
  }
  if (entries.length === 0) return undefined
  // Not by assignment: `__proto__` is a name like any other.
  const custom = Object.fromEntries(entries)
  checkCustomSize(custom)
  return custom
}

/** Node reads header bytes as Latin-1; these are UTF-8 (gcs.md §7). */
function utf8Of(header: string): string {
  return Buffer.from(header, 'latin1').toString('utf8')
}

function said(resource: JsonObject, field: string): string | undefined {
  return textOf(resource, field) || undefined
}

function customOf(resource: JsonObject): Record<string, string> | undefined {
  const value = resource['metadata']
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw invalid('Invalid argument: metadata must be an object of strings.')
  }
  const entries: [string, string][] = []
  for (const [key, text] of Object.entries(value)) {
    if (text === null) continue
    if (typeof text !== 'string') {
      throw invalid(`Invalid argument: metadata.${key} must be a string.`)
    }
    entries.push([key, text])
  }
  const custom = Object.fromEntries(entries)
  checkCustomSize(custom)
  return custom
}

/** Most of these fields come back as headers of a download, where control characters cannot be. */
function checkHeaderText(field: string, text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(text)) {
    throw invalid(`Invalid argument: ${field} has control characters.`)
  }
  if (Buffer.byteLength(text) > HEADER_LIMIT) {
    throw invalid(`Invalid argument: ${field} may have at most ${HEADER_LIMIT} bytes.`)
  }
}

function checkCustomSize(custom: Readonly<Record<string, string>>): void {
  let size = 0
  for (const [key, text] of Object.entries(custom)) {
    size += Buffer.byteLength(key) + Buffer.byteLength(text)
  }
  if (size > CUSTOM_LIMIT) {
    throw invalid(`Invalid argument: custom metadata may have at most ${CUSTOM_LIMIT} bytes.`)
  }
}
