/**
 * Checksums on the wire (gcs.md §8): `x-goog-hash: crc32c=…,md5=…` and Content-MD5 in, the same header out. crc32c is
 * base64 of four big-endian bytes.
 */

import type { IncomingHttpHeaders } from 'node:http'
import type { Checksums, StoredObject } from '../../engine/ports.ts'
import { base64OfCrc32c } from '../../engine/verification.ts'
import { invalid } from './refusal.ts'

export function parseCrc32c(text: string, where: string): number {
  if (!/^[A-Za-z0-9+/]{6}==$/.test(text)) throw malformed('CRC32C', text, where)
  return Buffer.from(text, 'base64').readUInt32BE()
}

export function parseMd5(text: string, where: string): string {
  if (!/^[A-Za-z0-9+/]{22}==$/.test(text)) throw malformed('MD5 hash', text, where)
  return text
}

/** Undefined when the request declares nothing. `withContentMd5` where that header speaks of the same bytes. */
export function declaredChecksums(
  headers: IncomingHttpHeaders,
  withContentMd5: boolean,
): Checksums | undefined {
  const hash = headers['x-goog-hash']
  const contentMd5 = withContentMd5 ? headers['content-md5'] : undefined
  if (hash === undefined && contentMd5 === undefined) return undefined
  // Node joins a repeated header with commas, which is how it may be written, too.
  let declared: Checksums = {}
  for (const entry of String(hash ?? '').split(',')) {
    const [name = '', ...rest] = entry.trim().split('=')
    const value = rest.join('=').trim()
    const algorithm = name.trim().toLowerCase()
    if (algorithm === 'crc32c') {
      declared = agreed(declared, { crc32c: parseCrc32c(value, 'x-goog-hash') })
    } else if (algorithm === 'md5') {
      declared = agreed(declared, { md5: parseMd5(value, 'x-goog-hash') })
    }
  }
  if (contentMd5 !== undefined) {
    declared = agreed(declared, { md5: parseMd5(String(contentMd5).trim(), 'Content-MD5') })
  }
  return declared
}

/** Two declarations of one whole; the same algorithm with different values is a mistake. */
export function agreed(one: Checksums, other: Checksums): Checksums {
  for (const algorithm of ['crc32c', 'md5'] as const) {
    const isBoth = one[algorithm] !== undefined && other[algorithm] !== undefined
    if (isBoth && one[algorithm] !== other[algorithm]) {
      throw invalid(`Two different ${algorithm} values were provided.`)
    }
  }
  return { ...one, ...other }
}

/** The response header: crc32c first. */
export function googHash({ crc32c, md5 }: StoredObject): string {
  const first = `crc32c=${base64OfCrc32c(crc32c)}`
  return md5 === undefined ? first : `${first},md5=${md5}`
}

function malformed(what: string, text: string, where: string) {
  return invalid(`Malformed ${what} "${text}" in ${where}.`)
}
