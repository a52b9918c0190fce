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

export function parsePreconditions(query: Query): Preconditions {
  const preconditions: { -readonly [name in keyof Preconditions]: number } = {}
  for (const [parameter, name] of PARAMETERS) {
    const value = parseInt64(query, parameter)
    if (value !== undefined) preconditions[name] = value
  }
  return preconditions
}

export function parseGeneration(query: Query): number | undefined {
  return parseInt64(query, 'generation')
}

/** Beyond 2^53 a number is inexact, but then it is also no generation that we ever gave. */
function parseInt64(query: Query, parameter: string): number | undefined {
  const value = query.get(parameter)
  if (value === undefined || value === '') return undefined
  if (!/^\d{1,19}$/.test(value)) {
    throw invalid(`Invalid argument: ${parameter} must be a non-negative integer.`, {
      type: 'parameter',
      name: parameter,
    })
  }
  return Number(value)
}
