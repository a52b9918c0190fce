/**
 * Many callers' steps in one transaction, one fsync for all of them. Each step has a savepoint: one that is refused is rolled
 * back alone. Nobody has an answer before COMMIT, and when that fails nobody's step happened (design P12).
 */

import type { DatabaseSync } from 'node:sqlite'
import { type Failure, UploadError } from '../../engine/failure.ts'
import type { Durability } from '../../engine/ports.ts'
import type { Ballast } from './ballast.ts'
import type { FaultyDisk } from './faults.ts'
import { demandsSync, type OperationName, type Operations } from './operations.ts'
import { Query } from './query.ts'
import { verdictOf, wantsSpace } from './verdict.ts'

export interface Step {
  readonly id: number
  readonly name: OperationName
  readonly args: readonly unknown[]
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure; readonly cause: Error | undefined }

export interface GroupCommitParts {
  readonly database: DatabaseSync
  readonly operations: Operations
  readonly durability: Durability
  readonly ballast: Ballast
  readonly disk: FaultyDisk
}

export interface BatchResult {
  readonly answers: readonly Answer[]
  /** The error after which the catalog cannot be trusted. */
  readonly fatal?: Error
  /** The ballast was given up for it. */
  readonly releasedBallast: boolean
}

export class GroupCommit {
  readonly #parts: GroupCommitParts
  readonly #begin: Query<never>
  readonly #commit: Query<never>
  readonly #savepoint: Query<never>
  readonly #release: Query<never>
  readonly #rollBackTo: Query<never>
  #isSynced: boolean | undefined

  constructor(parts: GroupCommitParts) {
    const { database } = parts
    this.#parts = parts
    this.#begin = new Query(database, 'BEGIN IMMEDIATE')
    this.#commit = new Query(database, 'COMMIT')
    this.#savepoint = new Query(database, 'SAVEPOINT step')
    this.#release = new Query(database, 'RELEASE step')
    this.#rollBackTo = new Query(database, 'ROLLBACK TO step')
  }

  /** Never throws: what goes wrong is in the answers. */
  run(steps: readonly Step[]): BatchResult {
    let releasedBallast = false
    for (;;) {
      try {
        return { answers: this.#attempt(steps), releasedBallast }
      } catch (error) {
        const failed = this.#rollBack() ?? error
        if (wantsSpace(failed) && !releasedBallast) {
          releasedBallast = this.#parts.ballast.release()
          if (releasedBallast) continue
        }
        return { ...refuseAll(steps, failed), releasedBallast }
      }
    }
  }

  #attempt(steps: readonly Step[]): Answer[] {
    const { durability, disk } = this.#parts
    this.#synchronize(steps.some(({ name }) => demandsSync(durability, name)))
    this.#begin.run()
    const answers = steps.map(step => this.#take(step))
    disk.beforeCommit()
    this.#commit.run()
    return answers
  }

  #take({ id, name, args }: Step): Answer {
    const operation = this.#parts.operations[name] as (...args: readonly unknown[]) => unknown
    this.#savepoint.run()
    try {
      const value = operation(...args)
      this.#release.run()
      return { id, value }
    } catch (error) {
      // SQLite may have rolled back everything on its own.
      if (verdictOf(error) !== 'step' || !this.#parts.database.isTransaction) throw error
      this.#rollBackTo.run()
      this.#release.run()
      return refusal(id, error)
    }
  }

  /** FULL syncs the log with each commit; NORMAL leaves that to the next checkpoint. Neither may change within a transaction. */
  #synchronize(isSynced: boolean): void {
    if (this.#isSynced === isSynced) return
    this.#parts.database.exec(`PRAGMA synchronous = ${isSynced ? 'FULL' : 'NORMAL'}`)
    this.#isSynced = isSynced
  }

  /** Answers the error where even that failed. */
  #rollBack(): unknown {
    const { database } = this.#parts
    try {
      if (database.isTransaction) database.exec('ROLLBACK')
      return undefined
    } catch (error) {
      return error
    }
  }
}

function refusal(id: number, error: unknown): Answer {
  if (error instanceof UploadError) {
    return { id, failure: error.failure, cause: undefined }
  }
  return { id, failure: { code: 'catalog_failed' }, cause: asError(error) }
}

function refuseAll(steps: readonly Step[], error: unknown): Pick<BatchResult, 'answers' | 'fatal'> {
  const verdict = verdictOf(error)
  const failure: Failure = { code: verdict === 'full' ? 'no_space' : 'catalog_failed' }
  const cause = asError(error)
  const answers = steps.map(({ id }) => ({ id, failure, cause }))
  return verdict === 'fatal' ? { answers, fatal: cause } : { answers }
}

/** Result codes do not survive the way to the other thread: they go into the text. */
function asError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error))
  if (!('errcode' in error)) return error
  return new Error(`${error.message} (SQLite result code ${error.errcode})`)
}
