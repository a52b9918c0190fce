/**
 * Header lines as parts of multipart bodies and the calls in a batch have them: names in any case (Python writes
 * `content-type`), and a line that begins with a blank goes on with the one before it.
 */

import { badRequest } from './refusal.ts'

/** By lower-case name. */
export type PartHeaders = ReadonlyMap<string, string>

/** Lines without their ends. Of a repeated header the first one counts. */
export function parsePartHeaders(lines: readonly string[]): PartHeaders {
  const headers = new Map<string, string>()
  for (const line of unfolded(lines)) {
    const colon = line.indexOf(':')
    if (colon <= 0) throw badRequest('Malformed header in a part of the request body.')
    const name = line.slice(0, colon).trim().toLowerCase()
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim())
  }
  return headers
}

function unfolded(lines: readonly string[]): string[] {
  const whole: string[] = []
  for (const line of lines) {
    const before = /^[ \t]/.test(line) ? whole.pop() : undefined
    whole.push(before === undefined ? line : `${before} ${line.trim()}`)
  }
  return whole
}
