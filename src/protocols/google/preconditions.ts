/**
 * Preconditions in the query (gcs.md §9.1).
 */

import type { Preconditions } from '../../engine/ports.ts'
import type { Query } from '../../http/query.ts'
import { invalid } from './refusal.ts'

/** Wire name, ours. The last one is a misspelling of older Python clients (gcs.md §1). */
const PARAMETERS = [
  ['ifGenerationMatch', 'generationMatch'],
  ['ifGenerationNotMatch', 'generationNotMatch'],
  ['ifMetagenerationMatch', 'metagenerationMatch'],
  ['ifMetagenerationNotMatch', 'metagenerationNotMatch'],
  ['ifMetaGenerationNotMatch', 'metagenerationNotMatch'],
] as const

const INT64 = /^\d{1,19}$/

/** With `of` those on the source of a copy: `ifSourceGenerationMatch`. */
export function parsePreconditions(query: Query, of: '' | 'Source' = ''): Preconditions {
  const preconditions: { -readonly [name in keyof Preconditions]: number } = {}
  for (const [parameter, name] of PARAMETERS) {
    const value = parseInt64(query, parameter.replace('if', `if${of}`))
    if (value !== undefined) preconditions[name] = value
  }
  return preconditions
}

export function parseGeneration(query: Query, parameter = 'generation'): number | undefined {
  return parseInt64(query, parameter)
}

/** In JSON a 64-bit integer is a string (gcs.md §2), but Node's client writes a number. */
export function int64Of(value: unknown, field: string): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text === 'string' && INT64.test(text)) return Number(text)
  throw invalid(`Invalid argument: ${field} must be a non-negative integer.`)
}

/** Beyond 2^53 a number is inexact, but then it is also no generation that we ever gave. */
function parseInt64(query: Query, parameter: string): number | undefined {
  const value = query.get(parameter)
  if (value === undefined || value === '') return undefined
  if (!INT64.test(value)) {
    throw invalid(`Invalid argument: ${parameter} must be a non-negative integer.`, {
      type: 'parameter',
      name: parameter,
    })
  }
  return Number(value)
}
