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
} from '../../engine/ports.ts'
import { Buckets } from './buckets.ts'
import { Events } from './events.ts'
import { type ObjectBasis, Objects } from './objects.ts'
import { References } from './references.ts'
import { Sessions } from './sessions.ts'

export interface Operations {
  create(session: NewSession): Session
  advance(step: Advance): void
  publish(publication: Publication): StoredObject
  end(key: string, state: 'cancelled' | 'invalid', dueAt: number, failure?: Failure): boolean
  expire(
    now: number,
    tombstoneDueAt: number,
    limit: number,
    busy: ReadonlySet<string>,
  ): readonly string[]
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
  check(): void
}

export type OperationName = keyof Operations

/** What a client was told about objects and buckets outlives power even where chunks need not. */
const OBJECT_OPERATIONS: ReadonlySet<OperationName> = new Set([
  'publish',
  'updateObject',
  'deleteObject',
  'createBucket',
  'updateBucket',
  'deleteBucket',
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
  const objects = new Objects(database, { references, sessions, buckets, events })
  return {
    create: session => {
      buckets.demand(session.intent.bucket)
      return sessions.create(session)
    },
    advance: step => sessions.advance(step),
    publish: publication => objects.publish(publication),
    end: (key, state, dueAt, failure) => sessions.end(key, state, dueAt, failure),
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
    check: () => objects.touch(),
  }
}
