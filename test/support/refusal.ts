/** What `t.rejects` and `t.throws` match an UploadError against. */

import type { FailureCode } from '../../src/engine/failure.ts'

/** An error with this failure; `figures` are those of its fields that matter. */
export function refusal(code: FailureCode, figures: object = {}): Error {
  // tap matches patterns, but types them as errors.
  return { failure: { code, ...figures } } as unknown as Error
}
