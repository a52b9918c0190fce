/**
 * The upload session, whole: what a door may ask of it. The rules live in the files beside this one.
 */

import type { DoorRules } from './door-rules.ts'
import type {
  Body,
  Bucket,
  Catalog,
  Checksums,
  Clock,
  Extent,
  Intent,
  Log,
  ObjectQuery,
  Preconditions,
  Session,
  Storage,
  StoredObject,
} from './ports.ts'

export interface EngineSettings {
  readonly sessionTtlMs: number
  readonly tombstoneTtlMs: number
  readonly bodyIdleMs: number
  readonly md5: boolean
  readonly maxObjectSize: number
}

/** One request's bytes and what the request says about them. */
export interface Chunk {
  readonly body: Body
  /** The segment it belongs to: 0 for sequential protocols. */
  readonly segment?: number
  /** Where its first byte goes; `end` is wherever the segment ends now. */
  readonly offset: number | 'end'
  /** Its length by its declared range; undefined where it runs to the end of the body. */
  readonly length?: number
  /** The final size, where this request declares it. */
  readonly total?: number
  /** The content ends where this body ends. */
  readonly last: boolean
  /** Accepted whole or not at all: no checkpoints, and nothing is kept of a cut body. */
  readonly whole?: boolean
  /** Whole-content checksums that came with this request; checked if it turns out to be the final one. */
  readonly checksums?: Checksums
  /** Custom metadata that came with this request; merged below the intent's if it turns out to be the final one. */
  readonly customMetadata?: Readonly<Record<string, string>>
}

/** Where an upload stands after a request. `session` is as of this moment. */
export type Progress =
  | { readonly state: 'open'; readonly persisted: number; readonly session: Session }
  | { readonly state: 'done'; readonly object: StoredObject; readonly session: Session }

/** A published object, open for reading. */
export interface OpenObject {
  readonly object: StoredObject
  /** Bytes in [from, to). May be called once. */
  read(from: number, to: number): AsyncIterable<Buffer>
}

export interface Engine {
  /** Opens a session. Checks names, bucket, size limit, room on the disk and preconditions first. `token` only where the client chose its id. */
  create(
    rules: DoorRules,
    intent: Intent,
    token?: string,
  ): Promise<{ readonly token: string; readonly session: Session }>

  /**
   * Takes one chunk. Resolves when it is durable and recorded: `open` with what is persisted now, or `done` when it completed the
   * content. A session that is done already drains the body and answers `done` again. Everything else is an UploadError; a body that
   * was not read to its end is the caller's to drain or close.
   */
  append(rules: DoorRules, token: string, chunk: Chunk): Promise<Progress>

  /** Where the session stands. `session_not_found`, `session_cancelled`, `session_invalid` otherwise. */
  status(rules: DoorRules, token: string): Promise<Progress>

  /** Publishes a session that has all its bytes; `incomplete` where `total` bytes are not what is persisted. */
  finalize(
    rules: DoorRules,
    token: string,
    declared: {
      readonly total: number
      readonly checksums?: Checksums
      readonly customMetadata?: Readonly<Record<string, string>>
    },
  ): Promise<Progress>

  /** Ends an open session. Resolves for one that was open; `done` sessions are answered as such and untouched. */
  cancel(
    rules: DoorRules,
    token: string,
  ): Promise<{ state: 'cancelled' } | Extract<Progress, { state: 'done' }>>

  /** An upload in one request: no session, whole or not at all. `intent.total`, where given, must be the body's length. */
  put(intent: Intent, body: Body): Promise<StoredObject>

  createBucket(name: string): Promise<Bucket>
  findBucket(name: string): Promise<Bucket>
  buckets(query: { prefix: string; after?: string; limit: number }): Promise<readonly Bucket[]>
  deleteBucket(name: string): Promise<void>

  /** `bucket_not_found` or `object_not_found`; `generation`, when given, must be the live one. */
  object(bucket: string, name: string, generation?: number): Promise<StoredObject>
  open(bucket: string, name: string, generation?: number): Promise<OpenObject>
  /** `bucket_not_found`. */
  objects(query: ObjectQuery): Promise<readonly StoredObject[]>
  deleteObject(
    bucket: string,
    name: string,
    preconditions: Preconditions,
    generation?: number,
  ): Promise<void>

  /** Rejects when the server cannot do its work: disk not writable, catalog not answering, or shutting down. */
  check(): Promise<void>

  /** Orphan scan, then the sweeper's timer. Before the first request. */
  start(): Promise<void>
  /** Stops writers as `shutting_down`: each keeps what arrived. Resolves when all are done. */
  drain(): Promise<void>
  /** After `drain`: stops the sweeper and closes storage and catalog. */
  close(): Promise<void>
}

export interface EngineParts {
  readonly storage: Storage
  readonly catalog: Catalog
  readonly clock: Clock
  readonly log: Log
  readonly settings: EngineSettings
}

export declare function createEngine(parts: EngineParts): Engine
export type { Extent }
