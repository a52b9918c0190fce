/**
 * The headers of a media read (gcs.md §10.3), for the JSON API and for the XML API, which differ in two of them.
 */

import type { StoredObject } from '../../engine/ports.ts'
import { headerText } from '../../http/header-text.ts'
import { googHash } from './goog-hash.ts'
import { DEFAULT_CONTENT_TYPE, DEFAULT_STORAGE_CLASS, etagOf } from './object-resource.ts'

export interface ReadForm {
  readonly etagOf: (object: StoredObject) => string
  /** Custom metadata as x-goog-meta-* headers. */
  readonly hasCustomMetadata: boolean
}

export const JSON_READ: ReadForm = { etagOf, hasCustomMetadata: false }

export const XML_READ: ReadForm = { etagOf: xmlEtagOf, hasCustomMetadata: true }

/** The quoted hex MD5, as S3's clients expect it; composite objects have none (§10.3). */
export function xmlEtagOf(object: StoredObject): string {
  const { md5 } = object
  return `"${md5 === undefined ? etagOf(object) : Buffer.from(md5, 'base64').toString('hex')}"`
}

export function mediaHeaders(object: StoredObject, form: ReadForm): Record<string, string> {
  const { metadata, componentCount } = object
  const { cacheControl, contentDisposition, contentEncoding, contentLanguage } = metadata
  return {
    'content-type': headerText(metadata.contentType ?? DEFAULT_CONTENT_TYPE),
    ...(cacheControl && { 'cache-control': headerText(cacheControl) }),
    ...(contentDisposition && { 'content-disposition': headerText(contentDisposition) }),
    ...(contentEncoding && { 'content-encoding': headerText(contentEncoding) }),
    ...(contentLanguage && { 'content-language': headerText(contentLanguage) }),
    'accept-ranges': 'bytes',
    'last-modified': new Date(object.updatedAt).toUTCString(),
    etag: form.etagOf(object),
    'x-goog-hash': googHash(object),
    'x-goog-generation': String(object.generation),
    'x-goog-metageneration': String(object.metageneration),
    'x-goog-storage-class': headerText(metadata.storageClass ?? DEFAULT_STORAGE_CLASS),
    'x-goog-stored-content-length': String(object.size),
    // Node checks the hash only when this is there.
    'x-goog-stored-content-encoding': headerText(contentEncoding ?? 'identity'),
    ...(componentCount !== undefined && { 'x-goog-component-count': String(componentCount) }),
    ...(form.hasCustomMetadata && customHeaders(metadata.custom ?? {})),
  }
}

/** A key that is no header name cannot be sent as one. */
function customHeaders(custom: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [key, text] of Object.entries(custom)) {
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(key)) headers[`x-goog-meta-${key}`] = headerText(text)
  }
  return headers
}
