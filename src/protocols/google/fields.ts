/**
 * `fields=`, a response mask (gcs.md §2): `a,b`, `a/b`, `a(b,c)`, `*`. Only successful JSON is masked.
 */

import type { Query } from '../../http/query.ts'
import { invalid } from './refusal.ts'

/** Names to keep, each with the mask of what is below it; `all` keeps everything. */
type Mask = Map<string, Mask | 'all'>

const LIMIT = 4096

/** Throws where `fields` is no mask: to be asked before anything happens, because the answer comes after it. */
export function checkFields(query: Query): void {
  const fields = query.get('fields')
  if (!isEmpty(fields)) parseMask(fields)
}

/** The value with only the masked fields; the whole value when there is no mask. */
export function select(value: object, fields: string | undefined): object {
  if (isEmpty(fields)) return value
  return masked(value, parseMask(fields)) as object
}

function isEmpty(fields: string | undefined): fields is undefined {
  return fields === undefined || fields.trim() === ''
}

function masked(value: unknown, mask: Mask): unknown {
  if (Array.isArray(value)) return value.map(item => masked(item, mask))
  if (typeof value !== 'object' || value === null) return value
  const kept: [string, unknown][] = []
  for (const [name, child] of Object.entries(value)) {
    const below = mask.get(name) ?? mask.get('*')
    if (below !== undefined) kept.push([name, below === 'all' ? child : masked(child, below)])
  }
  // Not by assignment: `__proto__` is a name like any other.
  return Object.fromEntries(kept)
}

function parseMask(fields: string): Mask {
  const tokens = fields.length > LIMIT ? [] : (fields.match(/[^,()/\s]+|[,()/]/g) ?? [])
  const mask = parseList(tokens)
  if (mask === undefined || tokens.length > 0) throw malformed(fields)
  return mask
}

/** `a,b/c,d(e,f)`, taken off the front of `tokens`; undefined where a name is missing. */
function parseList(tokens: string[]): Mask | undefined {
  const list: Mask = new Map()
  do {
    if (!parsePath(tokens, list)) return undefined
  } while (takes(tokens, ','))
  return list
}

function parsePath(tokens: string[], into: Mask): boolean {
  const name = tokens.shift()
  if (name === undefined || /^[,()/]$/.test(name)) return false
  const known = into.get(name)
  const below: Mask = known instanceof Map ? known : new Map()
  if (takes(tokens, '/')) {
    if (!parsePath(tokens, below)) return false
  } else if (takes(tokens, '(')) {
    const list = parseList(tokens)
    if (list === undefined || !takes(tokens, ')')) return false
    for (const [child, mask] of list) below.set(child, mask)
  } else {
    into.set(name, 'all')
    return true
  }
  if (known !== 'all') into.set(name, below)
  return true
}

function takes(tokens: string[], token: string): boolean {
  if (tokens[0] !== token) return false
  tokens.shift()
  return true
}

function malformed(fields: string) {
  return invalid(`Invalid field selection ${fields.slice(0, 100)}`, {
    type: 'parameter',
    name: 'fields',
  })
}
