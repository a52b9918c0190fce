/**
 * What a later answer of a session needs to be the same however it is asked (GCS-36). The engine keeps it unread, beside
 * the intent.
 */

import type { Intent, Session } from '../../engine/ports.ts'

export interface SessionData {
  /** The address under which the client began the session. */
  readonly base: string
  /** The response mask of the initiation. */
  readonly fields: string | undefined
  /** The browser origin that began it; answers are for no other (§13). */
  readonly origin: string | undefined
}

export function keepData({ base, fields, origin }: SessionData): Intent['doorData'] {
  return { base, ...(fields && { fields }), ...(origin && { origin }) }
}

export function dataOf({ intent: { doorData } }: Session): SessionData {
  return {
    base: doorData['base'] ?? '',
    fields: doorData['fields'],
    origin: doorData['origin'],
  }
}
