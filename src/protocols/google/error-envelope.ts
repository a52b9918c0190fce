/**
 * The JSON of an error (gcs.md §15). `code` is a number; `locationType` and `location` only where something is to blame.
 */

import type { Answer } from './refusal.ts'

export function errorEnvelope({
  status,
  reason,
  message,
  debugInfo,
  location,
}: Extract<Answer, { kind: 'json' }>): string {
  const blame = location && { locationType: location.type, location: location.name }
  const first = { message, domain: 'global', reason, ...blame, debugInfo }
  return JSON.stringify({ error: { code: status, message, errors: [first] } })
}
