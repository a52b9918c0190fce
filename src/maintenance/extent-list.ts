/**
 * A row's list of extents, believed only as far as it can be read. The server trusts its own rows; here nobody does.
 */

import type { Extent } from '../engine/ports.ts'

const BLOB = /^\d{8}-[0-9a-f]{32}$/

/** Undefined for what the server cannot have written. */
export function parseExtents(json: string): readonly Extent[] | undefined {
  const list = parseJson(json)
  if (!Array.isArray(list)) return undefined
  const extents: Extent[] = []
  for (const tuple of list as unknown[]) {
    if (!Array.isArray(tuple) || tuple.length !== 4) return undefined
    const [blob, start, length, crc32c] = tuple as unknown[]
    const isExtent =
      typeof blob === 'string' &&
      BLOB.test(blob) &&
      isCount(start) &&
      isCount(length) &&
      length > 0 &&
      isCount(crc32c) &&
      crc32c <= 0xffff_ffff
    if (!isExtent) return undefined
    extents.push({ blob, start, length, crc32c })
  }
  return extents
}

/** Undefined for what is no JSON, or no object. */
export function parseObject(json: string | null): Readonly<Record<string, unknown>> | undefined {
  const value = json === null ? undefined : parseJson(json)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Record<string, unknown>) : undefined
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
