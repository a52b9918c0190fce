/**
 * When an open session expires. Silence is what ends it (design P8); where the door's protocol bounds the whole life of a
 * session as well, that bound gives way to a client that is still there.
 */

import type { DoorRules } from './door-rules.ts'
import type { EngineSettings } from './ports.ts'

/** However old a session is, its client may be silent for this long (ucloud.md §5: MUST). */
const ALWAYS_MS = 30 * 60_000

/** `activeAt`: when its last byte came. */
export function dueAtOf(
  rules: Pick<DoorRules, 'maxAgeMs'>,
  { sessionTtlMs }: Pick<EngineSettings, 'sessionTtlMs'>,
  { createdAt, activeAt }: { readonly createdAt: number; readonly activeAt: number },
): number {
  const idle = activeAt + sessionTtlMs
  return Math.max(activeAt + ALWAYS_MS, Math.min(idle, createdAt + rules.maxAgeMs))
}
