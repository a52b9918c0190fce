/**
 * Everything that changes the catalog: what the main thread asks for by name and the writer's thread runs. Each is one step of
 * a shared transaction: it throws an UploadError where it refuses, and whatever it had written by then is rolled back.
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Failure } from '../../engine/failure.ts'
import type {
  Advance,
  Bucket,
  Durability,
  Metadata,
  NewSession,
  Preconditions,
  Publication,
  Session,
  StoredObject,
  Tally,
  Touch,
} from '../../engine/ports.ts'
import { Buckets } from './buckets.ts'
import { Events } from './events.ts'
import { type ObjectBasis, Objects } from './objects.ts'
import { References } from './references.ts'
import { Secrets } from './secrets.ts'
import { Sessions } from './sessions.ts'

export interface Operations {
  create(session: NewSession): Session
  advance(step: Advance): Tally
  /** `advance` with something to show. */
  show(step: Advance): Tally
  touch(step: Touch): void
  publish(publication: Publication): StoredObject
  end(
    key: string,
    state: 'cancelled' | 'invalid' | 'expired',
    dueAt: number,
    failure?: Failure,
  ): boolean
  expire(
    now: number,
    tombstoneDueAt: number,
    limit: number,
    busy: ReadonlySet<string>,
  ): ReadonlyArray<Pick<Session, 'key' | 'door'>>
  purge(now: number, eventsBefore: number, limit: number): number
  forget(blobs: readonly string[]): void
  createBucket(name: string, at: number, settings?: Bucket['settings']): Bucket
  updateBucket(
    name: string,
    basis: number,
    settings: Bucket['settings'],
    preconditions: Preconditions,
    at: number,
  ): Bucket | undefined
  deleteBucket(name: string, preconditions: Preconditions): void
  updateObject(
    basis: ObjectBasis,
    metadata: Metadata,
    preconditions: Preconditions,
    at: number,
  ): StoredObject | undefined
  deleteObject(
    bucket: string,
    name: string,
    preconditions: Preconditions,
    generation: number | undefined,
    at: number,
  ): void
  /** Answers the one that there is, which may be an earlier one. */
  makeSecret(name: string, bytes: Uint8Array): Uint8Array
  check(): void
}

export type OperationName = keyof Operations

/** What a client was told about objects and buckets outlives power even where chunks need not. */
const OBJECT_OPERATIONS: ReadonlySet<OperationName> = new Set([
  'publish',
  'show',
  'updateObject',
  'deleteObject',
  'createBucket',
  'updateBucket',
  'deleteBucket',
  'makeSecret',
])

/** Must the commit that holds it be synced before it is answered? */
export function demandsSync(durability: Durability, operation: OperationName): boolean {
  switch (durability) {
    case 'chunk':
      return true
    case 'object':
      return OBJECT_OPERATIONS.has(operation)
    case 'none':
      return false
  }
}

export function createOperations(database: DatabaseSync): Operations {
  const references = new References(database)
  const sessions = new Sessions(database, references)
  const buckets = new Buckets(database)
  const events = new Events(database)
  const secrets = new Secrets(database)
  const objects = new Objects(database, { references, sessions, buckets, events })
  return {
    create: session => {
      buckets.demand(session.intent.bucket)
      return sessions.create(session)
    },
    advance: step => {
      const tally = sessions.advance(step)
      if (step.withdraws === true) objects.withdraw(step.key, true)
      return tally
    },
    show: step => {
      const tally = sessions.advance(step)
      if (step.shown !== undefined) objects.show(step, step.shown)
      return tally
    },
    touch: step => {
      sessions.touch(step)
      if (step.withdraws) objects.withdraw(step.key, true)
    },
    publish: publication => objects.publish(publication),
    end: (key, state, dueAt, failure) => {
      const hasEnded = sessions.end(key, state, dueAt, failure)
      if (hasEnded && state === 'cancelled') objects.withdraw(key, false)
      return hasEnded
    },
    expire: (now, tombstoneDueAt, limit, busy) => sessions.expire(now, tombstoneDueAt, limit, busy),
    purge: (now, eventsBefore, limit) =>
      sessions.bury(now, limit) + events.purge(eventsBefore, limit),
    forget: blobs => references.forget(blobs),
    createBucket: (name, at, settings) => buckets.create(name, at, settings),
    updateBucket: (name, basis, settings, preconditions, at) =>
      buckets.update(name, basis, settings, preconditions, at),
    deleteBucket: (name, preconditions) => buckets.delete(name, preconditions),
    updateObject: (basis, metadata, preconditions, at) =>
      objects.update(basis, metadata, preconditions, at),
    deleteObject: (bucket, name, preconditions, generation, at) =>
      objects.delete(bucket, name, preconditions, generation, at),
    makeSecret: (name, bytes) => secrets.make(name, bytes),
    check: () => objects.touch(),
  }
}
