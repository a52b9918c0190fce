/**
 * What a setting may be beyond JSON Schema's words, as keywords of it.
 */

import { isIP } from 'node:net'
import type { Ajv } from 'ajv'
import { checkBucketName } from '../engine/names.ts'
import { areDoors } from './doors.ts'
import { parseDrives } from './drives.ts'
import { listOf, parseBytes, parseMs, parseRate } from './values.ts'

export function addKeywords(ajv: Ajv): void {
  ajv.addKeyword({ keyword: 'milliseconds', type: 'string', compile: within(parseMs) })
  ajv.addKeyword({ keyword: 'bytes', type: 'string', compile: within(parseBytes) })
  ajv.addKeyword({ keyword: 'rate', type: 'string', validate: isRate })
  ajv.addKeyword({ keyword: 'bucketNames', type: 'string', validate: areBucketNames })
  ajv.addKeyword({ keyword: 'drives', type: 'string', validate: areDrives })
  ajv.addKeyword({
    keyword: 'doors',
    type: 'string',
    validate: (_schema: unknown, doors: string) => areDoors(doors),
  })
  ajv.addKeyword({ keyword: 'proxies', type: 'string', validate: areProxies })
}

/** A keyword that holds a written quantity between two others. NaN, what cannot be read, is between none. */
function within(parse: (text: string) => number) {
  return ({ from, to }: { readonly from: string; readonly to: string }) =>
    (text: string): boolean =>
      parse(text) >= parse(from) && parse(text) <= parse(to)
}

function isRate(_schema: unknown, rate: string): boolean {
  return rate === 'off' || parseRate(rate) !== undefined
}

function areBucketNames(_schema: unknown, names: string): boolean {
  try {
    listOf(names).forEach(checkBucketName)
    return true
  } catch {
    return false
  }
}

function areDrives(_schema: unknown, drives: string): boolean {
  return parseDrives(drives) !== undefined
}

function areProxies(_schema: unknown, proxies: string): boolean {
  if (proxies === 'on' || proxies === 'off') return true
  return proxies.split(',').every(proxy => {
    const [address = '', prefix = '0', ...rest] = proxy.split('/')
    const bits = isIP(address) === 4 ? 32 : 128
    return isIP(address) > 0 && /^\d+$/.test(prefix) && Number(prefix) <= bits && rest.length === 0
  })
}
