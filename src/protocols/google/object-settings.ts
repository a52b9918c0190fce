/**
 * The two fields of an object's resource that have a form of their own (gcs.md §3): `retention`, and `contexts`, which are
 * kept as key and value. Both are kept and returned; nothing is enforced by them.
 */

import type { Metadata } from '../../engine/ports.ts'
import { isObject, type JsonObject } from './json-object.ts'
import { invalid } from './refusal.ts'

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/

/** Google's limits: so many, and so many bytes for each key and each value. */
const CONTEXTS = 50
const CONTEXT_BYTES = 256

export function retentionOf(resource: JsonObject): Metadata['retention'] {
  const retention = objectIn(resource, 'retention')
  if (retention === undefined || Object.keys(retention).length === 0) return undefined
  const { mode, retainUntilTime } = retention as Readonly<Record<string, unknown>>
  if (mode !== 'Locked' && mode !== 'Unlocked') {
    throw invalid('Invalid argument: retention.mode must be Locked or Unlocked.')
  }
  checkTime('retention.retainUntilTime', retainUntilTime)
  return { mode, retainUntilTime }
}

export function contextsOf(resource: JsonObject): Metadata['contexts'] {
  const contexts = objectIn(resource, 'contexts')
  const custom = contexts && objectIn(contexts, 'custom')
  if (custom === undefined) return undefined
  const entries = Object.entries(custom).filter(([, payload]) => payload !== null)
  if (entries.length === 0) return undefined
  if (entries.length > CONTEXTS) {
    throw invalid(`Invalid argument: an object may have at most ${CONTEXTS} contexts.`)
  }
  return Object.fromEntries(entries.map(([key, payload]) => [key, contextValue(key, payload)]))
}

export function checkTime(field: string, time: unknown): asserts time is string {
  if (typeof time !== 'string' || !RFC_3339.test(time) || Number.isNaN(Date.parse(time))) {
    throw invalid(`Invalid argument: ${field} must be an RFC 3339 time.`)
  }
}

function contextValue(key: string, payload: unknown): string {
  const value = isObject(payload) ? payload['value'] : undefined
  if (typeof value !== 'string') {
    throw invalid(`Invalid argument: contexts.custom.${key}.value must be a string.`)
  }
  if (Buffer.byteLength(key) > CONTEXT_BYTES || Buffer.byteLength(value) > CONTEXT_BYTES) {
    throw invalid(
      `Invalid argument: a context's key and value have at most ${CONTEXT_BYTES} bytes.`,
    )
  }
  return value
}

function objectIn(resource: JsonObject, field: string): JsonObject | undefined {
  const value = resource[field]
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) throw invalid(`Invalid argument: ${field} must be an object.`)
  return value
}
