/**
 * Conditions on the object that bears a name now (gcs.md §9.1), and on a bucket. Asked early, to fail fast, and again inside the
 * transaction that publishes, where it counts (design P4).
 */

import { UploadError } from './failure.ts'
import type { Preconditions, StoredObject } from './ports.ts'

/** Throws `precondition_failed` with the first condition that does not hold. */
export function checkPreconditions(
  conditions: Preconditions,
  live: Pick<StoredObject, 'generation' | 'metageneration'> | undefined,
): void {
  const generation = live?.generation ?? 0
  const { generationMatch, generationNotMatch } = conditions
  if (generationMatch !== undefined && generation !== generationMatch) fail('generationMatch')
  if (generationNotMatch !== undefined && generation === generationNotMatch) {
    fail('generationNotMatch')
  }
  checkMetageneration(conditions, live?.metageneration)
}

/** The conditions that a bucket can be asked about as well. */
export function checkMetageneration(
  { metagenerationMatch, metagenerationNotMatch }: Preconditions,
  live: number | undefined,
): void {
  if (metagenerationMatch !== undefined && live !== metagenerationMatch) {
    fail('metagenerationMatch')
  }
  if (metagenerationNotMatch !== undefined && live === metagenerationNotMatch) {
    fail('metagenerationNotMatch')
  }
}

function fail(condition: keyof Preconditions): never {
  throw new UploadError({ code: 'precondition_failed', condition })
}
