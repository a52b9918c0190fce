/**
 * The JSON of an error (gcs.md §15). `code` is a number; `locationType` and `location` only where something is to blame.
 */

import type { Answer } from './refusal.ts'

export function errorEnvelope({
  status,
  reason,
  message,
  location,
}: Extract<Answer, { kind: 'json' }>): string {
  const blame = location && { locationType: location.type, location: location.name }
  return JSON.stringify({
    error: { code: status, message, errors: [{ message, domain: 'global', reason, ...blame }] },
  })
}
