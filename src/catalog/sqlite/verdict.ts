/**
 * What an error of SQLite means for everybody else in the commit (design P12). Only result codes are asked, never texts.
 */

const FULL = 13
/** The shared memory beside the log could not grow: a full disk as well, but met after the log was written. */
const IOERR_SHMSIZE = 4874

/** SQLITE_ERROR, TOOBIG, CONSTRAINT, MISMATCH, MISUSE, RANGE: the statement was wrong, everything else stands. */
const STEP = new Set([1, 18, 19, 20, 21, 25])
/** SQLITE_BUSY, LOCKED, NOMEM, INTERRUPT: not now. The transaction goes, the catalog is as good as before. */
const BATCH = new Set([5, 6, 7, 9])

/**
 * `step`: it concerns the step alone. `batch`: every step of the commit failed, the next may succeed. `full`: the same, for want
 * of space, and for certain nothing happened. `fatal`: the catalog cannot be trusted any more.
 */
export type Verdict = 'step' | 'batch' | 'full' | 'fatal'

export function verdictOf(error: unknown): Verdict {
  const code = resultCode(error)
  if (code === undefined) return 'step'
  const primary = code & 0xff
  if (primary === FULL) return 'full'
  if (STEP.has(primary)) return 'step'
  if (BATCH.has(primary)) return 'batch'
  return 'fatal'
}

/** True where room on the disk would have helped. */
export function wantsSpace(error: unknown): boolean {
  const code = resultCode(error)
  return code !== undefined && ((code & 0xff) === FULL || code === IOERR_SHMSIZE)
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode : undefined
}
