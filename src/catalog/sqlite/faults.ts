/**
 * Faults on demand, for tests: commits as slow as a bad disk's, and commits that fail as if by the disk. Plain data, so that it
 * can be handed to the writer's thread; a server that runs for real gives none.
 */

export interface CatalogFaults {
  /** How long each commit takes longer. */
  readonly commitDelayMs?: number
  /** Commits, counted from 1, that fail with a result code of SQLite (10: an I/O error, 13: disk full). */
  readonly failCommits?: ReadonlyArray<{ readonly commit: number; readonly errcode: number }>
  /** The commit in which the writer's thread dies. */
  readonly dieInCommit?: number
}

export class FaultyDisk {
  readonly #faults: CatalogFaults
  readonly #clockwork = new Int32Array(new SharedArrayBuffer(4))
  #commits = 0

  constructor(faults: CatalogFaults) {
    this.#faults = faults
  }

  /** Called in the place of nothing, right before a commit. */
  beforeCommit(): void {
    this.#commits += 1
    const { commitDelayMs = 0, failCommits = [], dieInCommit } = this.#faults
    // The thread sleeps, as it would in fsync.
    if (commitDelayMs > 0) Atomics.wait(this.#clockwork, 0, 0, commitDelayMs)
    if (dieInCommit === this.#commits) process.exit(1)
    const fault = failCommits.find(({ commit }) => commit === this.#commits)
    if (fault === undefined) return
    throw Object.assign(new Error(`injected into commit ${this.#commits}`), {
      code: 'ERR_SQLITE_ERROR',
      errcode: fault.errcode,
    })
  }
}
