/**
 * The disk's errors, told apart by their code and turned into the engine's failures. Each is wrapped where it is met,
 * so that an error which is not the disk's, such as a refused checkpoint, passes through as it is.
 */

import { UploadError } from '../../engine/failure.ts'

/** The operating system's name of an error, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** A disk or a quota without room. */
export function isFull(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

export function fault(cause: unknown): UploadError {
  if (cause instanceof UploadError) return cause
  return new UploadError({ code: isFull(cause) ? 'no_space' : 'storage_failed' }, { cause })
}

/** For `.catch`: rejects with the engine's failure. */
export function fail(cause: unknown): never {
  throw fault(cause)
}

/** The same for a sync: even one that found the disk full may have lost bytes that were taken before (design P12). */
export function failSync(cause: unknown): never {
  throw new UploadError({ code: 'storage_failed' }, { cause })
}
