/**
 * The whole server in one page: what an upload is made of, and the two contracts it stands on.
 *
 * A door (src/protocols) turns a request into a call of the engine; the engine keeps its rules with
 * a `Storage` (bytes) and a `Catalog` (records). Bytes are written and synced first, the record moves
 * second, the answer goes out third. The catalog is therefore the promise: a blob may run ahead of it
 * after a crash, never behind (design P1, P2).
 *
 * All byte counts are safe integers. All times are milliseconds since the Unix epoch by the engine's
 * clock, unless a name says otherwise.
 */

import type { Failure, FailureCode } from './failure.ts'

// ---------------------------------------------------------------------------------------------
// Content: blobs, extents, segments
// ---------------------------------------------------------------------------------------------

/**
 * A slice of a blob. Content, a session's segment as much as a published object, is an ordered list
 * of extents. `crc32c` covers exactly these `length` bytes, so the checksum of a list is a combination.
 */
export interface Extent {
  readonly blob: string
  readonly start: number
  readonly length: number
  readonly crc32c: number
}

/**
 * A numbered piece of a session's content. A sequential upload has only segment 0; its `persisted`
 * is the sum of the extents' lengths and only grows. `epoch` fences writers: a writer may record
 * bytes only while the epoch it leased is still the segment's.
 */
export interface Segment {
  readonly number: number
  readonly epoch: number
  readonly extents: readonly Extent[]
  /** How many chunks it has taken; absent where the protocol does not number them. */
  readonly chunks?: number
}

// ---------------------------------------------------------------------------------------------
// Sessions and objects
// ---------------------------------------------------------------------------------------------

export type DoorName = 'google' | 'ucloud' | 'gws' | 'dxl' | 'tus' | 'ietf'

/** `open` is the only state that takes bytes; the others are tombstones that answer and then vanish. */
export type SessionState = 'open' | 'done' | 'cancelled' | 'expired' | 'invalid'

/** What the owner of an object says about it; the engine keeps it and looks at none of it. */
export interface Metadata {
  readonly contentType?: string
  readonly cacheControl?: string
  readonly contentDisposition?: string
  readonly contentEncoding?: string
  readonly contentLanguage?: string
  readonly customTime?: string
  readonly storageClass?: string
  readonly eventBasedHold?: boolean
  readonly temporaryHold?: boolean
  readonly retention?: { readonly mode: string; readonly retainUntilTime: string }
  /** Key to value. */
  readonly contexts?: Readonly<Record<string, string>>
  readonly custom?: Readonly<Record<string, string>>
}

/** Conditions on the object that now bears the name. Generation 0 stands for "there is none". */
export interface Preconditions {
  readonly generationMatch?: number
  readonly generationNotMatch?: number
  readonly metagenerationMatch?: number
  readonly metagenerationNotMatch?: number
}

/** Whole-content checksums a client declared. `md5` is base64 of 16 bytes, `sha256` lower-case hex. */
export interface Checksums {
  readonly crc32c?: number
  readonly md5?: string
  readonly sha256?: string
}

/** What the client declared when it asked for a session. */
export interface Intent {
  readonly bucket: string
  /** Undefined where the protocol says it only with the final request. */
  readonly name?: string
  /** What a name that is said then has to begin with: as far as the rights of whoever began it go. */
  readonly within?: string
  readonly metadata: Metadata
  readonly preconditions: Preconditions
  readonly checksums: Checksums
  /** Declared final size; undefined where the client did not know it yet. */
  readonly total?: number
  /** Of how many segments the content consists, from 0 on, where the client declared that. */
  readonly segmentCount?: number
  /** What only the door needs to render its answers (an origin, a response mask); opaque to the engine. */
  readonly doorData: Readonly<Record<string, string>>
}

/** A published object, without its content. Immutable but for its metadata. */
export interface StoredObject {
  readonly bucket: string
  readonly name: string
  /** Microseconds since the epoch at publication, strictly increasing; never reused for a name. */
  readonly generation: number
  /** 1 at publication, plus 1 for each change of metadata. */
  readonly metageneration: number
  readonly size: number
  readonly crc32c: number
  /** Base64. Absent for composed objects and with TIDEMARK_MD5=off. */
  readonly md5?: string
  /** How many objects it was composed of; absent otherwise. */
  readonly componentCount?: number
  readonly metadata: Metadata
  readonly createdAt: number
  readonly updatedAt: number
}

/** How an ended session answers from then on (design P5). */
export type Outcome =
  | {
      readonly kind: 'published'
      readonly object: StoredObject
      /** What the door wants to know of the final request when it is asked again; opaque to the engine. */
      readonly doorData?: Readonly<Record<string, string>>
    }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** One upload from its creation to its end. */
export interface Session {
  /** SHA-256 of door and token: the catalog never holds what would open the session (design P9). */
  readonly key: string
  readonly door: DoorName
  readonly state: SessionState
  readonly intent: Intent
  /** The final size, once fixed by the intent or by an accepted chunk. */
  readonly total?: number
  /** How many bytes of it are promised, and in how many segments; a segment of no bytes is one, too. */
  readonly persisted: number
  readonly segments: number
  readonly createdAt: number
  readonly activeAt: number
  /**
   * When the sweeper must look at it: its expiry while open, or its publication where it is complete (`isComplete`); the end of
   * its tombstone afterwards.
   */
  readonly dueAt: number
  /** The generation of the object that shows what is persisted, where one does while the session is open. */
  readonly shown?: number
  /** Present where the session ended with something to repeat (`done`, `invalid`). */
  readonly outcome?: Outcome
}

export interface Bucket {
  readonly name: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly metageneration: number
  /** What its owner set (labels, CORS rules, …), as JSON; the engine looks at none of it. */
  readonly settings: Readonly<Record<string, unknown>>
}

// ---------------------------------------------------------------------------------------------
// Bodies: bytes on their way in
// ---------------------------------------------------------------------------------------------

/**
 * What a wait for bytes came to: some bytes, in order, without copies; or the reason why there are no
 * more. `end`: the body is complete. `cut`: the connection broke. `idle`: nothing came for `idleMs`.
 * `stopped`: the signal was aborted; the body can still be drained.
 */
export type Arrival = readonly Buffer[] | 'end' | 'cut' | 'idle' | 'stopped'

/**
 * The bytes of one request, pulled. Nothing flows before the first `read` (which is also when a client
 * that waits for `100 Continue` gets it), and a body that is not read exerts back-pressure.
 */
export interface Body {
  /** The length the request declared; undefined where it did not (chunked transfer coding). */
  readonly length: number | undefined
  /** A bound on its length, where only that is known. */
  readonly atMost?: number | undefined
  /** One call at a time. After an answer that is not bytes, every further call answers the same, but `stopped`. */
  read(idleMs: number, signal?: AbortSignal): Promise<Arrival>
}

// ---------------------------------------------------------------------------------------------
// Storage: bytes
// ---------------------------------------------------------------------------------------------

/** A prefix of what one append stored: `length` bytes from its start; `crc32c` continues the append's seed through them. */
export interface Mark {
  readonly length: number
  readonly crc32c: number
}

export interface AppendRequest {
  readonly blob: string
  /** The blob's promised length, where the first byte goes. 0 makes the blob; bytes beyond `start` were never promised and are dropped. */
  readonly start: number
  /** crc32c of the extent that this append continues, so that the marks cover the whole extent; 0 for a new one. */
  readonly seed: number
  readonly body: Body
  /** Leading body bytes that are known already: counted, not stored. */
  readonly skip: number
  /** Most bytes to store. One byte more ends the append with `over`, that byte unread or dropped. */
  readonly limit: number
  /** Bytes to a granule (1 = none), counted from `start`. */
  readonly granule: number
  /** How long to wait for the next byte, in ms (design P8). */
  readonly idleMs: number
  /**
   * Called with a mark that lies on a granule, after all bytes up to it are durable, every 32 MiB or 5 s
   * (design P7). The next one waits until it resolved; a rejection ends the append with that error.
   * Undefined where the bytes may still be revoked.
   */
  readonly checkpoint: ((mark: Mark) => Promise<void>) | undefined
  /** Compute the md5 of the stored bytes on the way: for small bodies, when `start` is 0. */
  readonly md5: boolean
  /** Aborted to ask the writer to stop: it syncs what it has and answers `stopped`. */
  readonly signal: AbortSignal
}

/** What became of an append. Everything in `stored` is durable (as far as TIDEMARK_DURABILITY promises). */
export interface Receipt {
  /** Body bytes seen, the skipped ones included. */
  readonly received: number
  readonly stored: Mark
  /** The longest prefix of `stored` that ends on a granule. */
  readonly granules: Mark
  /** Base64, where it was asked for. */
  readonly md5?: string
  /** `no_space`: the reserve was reached, the rest of the body is unread (design P10). */
  readonly ended: 'end' | 'cut' | 'idle' | 'stopped' | 'over' | 'no_space'
}

/**
 * Where bytes live. Blob names are opaque and never reused. Callers guarantee one live `append` per blob;
 * everything else may run in parallel with everything.
 *
 * Faults reject with an UploadError: `storage_failed` (with the cause) for the disk's, `no_space` for a full
 * one, `blob_short` where a blob holds fewer bytes than its promise. After a rejected append the caller
 * abandons the blob's tail: nothing since the last resolved checkpoint may be promised (design P12).
 */
export interface Storage {
  /** A new blob's name. Nothing is stored yet. */
  create(): string
  /**
   * Stores the body at the blob's end; resolves when data and directory entry are durable. A client that goes
   * away is a receipt, not an error. `blob_short` when the blob is shorter than `start`.
   */
  append(request: AppendRequest): Promise<Receipt>
  /** The blob will not grow any more and what lies past `length` is given back; durable when resolved. Idempotent. */
  seal(blob: string, length: number): Promise<void>
  /**
   * The blob's first `length` bytes are as durable as those of a sealed one; what lies past them stays, and it may grow on.
   * `blob_short` where it holds less. Idempotent.
   */
  sync(blob: string, length: number): Promise<void>
  /** The content's bytes in order, `blob_short` included where a blob ends early. Stops when the consumer does. */
  read(content: readonly Extent[]): AsyncIterable<Buffer>
  /** crc32c of a slice, read back: for extents that an overwrite split. */
  checksum(slice: Omit<Extent, 'crc32c'>): Promise<number>
  /** Frees the blob. Idempotent: an unknown blob is fine. */
  discard(blob: string): Promise<void>
  /** Every blob there is, for the orphan scan at start-up. */
  blobs(): AsyncIterable<string>
  /** False when the free-space reserve is reached: nothing new should begin (design P10). */
  hasRoom(): Promise<boolean>
  /** How full the medium is, measured now. */
  space(): Promise<Space>
  /** Rejects where the medium cannot be written: for readiness. */
  check(): Promise<void>
  readonly digests: Digests
  close(): Promise<void>
}

/** A medium's room, in bytes. */
export interface Space {
  readonly capacity: number
  /** What may still be written, the reserve included. */
  readonly free: number
  /** What uploads leave free. */
  readonly reserve: number
}
/** What content is hashed with, beside crc32c, which comes with the extents. */
export type DigestAlgorithm = 'md5' | 'sha256'

/** Written as in `Checksums`: `md5` base64, `sha256` lower-case hex. Those that were asked for. */
export type Digest = Partial<Readonly<Record<DigestAlgorithm, string>>>

/**
 * Digests that follow the promise: a run reads persisted content back in the background, once for all its algorithms, and
 * never sees a byte that may still be revoked. A run is named by its caller; one that the digests do not know (after a
 * restart), whose content changed below what was hashed (an overwrite), or that lacks an algorithm which is asked for now,
 * starts again from the first byte.
 */
export interface Digests {
  /**
   * Hash on to the end of `content`. Resolves as soon as no more than 128 MiB remain, or than remained before: the writer's
   * back-pressure. What a run begins with, after a restart say, is waited for by `finish` alone.
   */
  follow(
    run: string,
    content: readonly Extent[],
    algorithms: readonly DigestAlgorithm[],
  ): Promise<void>
  /** The digests of `content`, at least those asked for. The run is forgotten afterwards. */
  finish(
    run: string,
    content: readonly Extent[],
    algorithms: readonly DigestAlgorithm[],
  ): Promise<Digest>
  /** Drops a run. Idempotent. */
  forget(run: string): void
  /** Bytes that the runs were told to hash and have not hashed yet, all together. */
  readonly lagBytes: number
}

// ---------------------------------------------------------------------------------------------
// Catalog: records
// ---------------------------------------------------------------------------------------------

export interface NewSession {
  readonly key: string
  readonly door: DoorName
  readonly intent: Intent
  /** No other session may claim the intent's name while this one is open. */
  readonly claims?: boolean
  readonly at: number
  readonly dueAt: number
  /** The key may be that of a session that has ended: its tombstone gives way. */
  readonly replacesEnded?: boolean
  /** Most sessions that may be open at a time, of all doors together, this one included. */
  readonly limit?: number
}

/** A sign of life that brings no bytes. */
export interface Touch {
  readonly key: string
  /** The session's total, where the request fixed it. */
  readonly total?: number
  /** The empty object that stands for the session goes: from now on nothing of it is shown before it is whole. */
  readonly withdraws: boolean
  readonly at: number
  readonly dueAt: number
}

/** An open session's content under its name, as of now. */
export type Shown = Pick<
  Publication,
  'bucket' | 'name' | 'metadata' | 'preconditions' | 'size' | 'crc32c'
>

/** The open sessions of one door. */
export interface Census {
  readonly door: DoorName
  readonly sessions: number
  /** When the oldest of them was created. */
  readonly oldestAt: number
}

/** Moves a segment to new content under the writer's epoch. */
export interface Advance {
  readonly key: string
  readonly segment: number
  readonly epoch: number
  /** The segment's whole new list. Shorter than the present one only with `replaces`. */
  readonly extents: readonly Extent[]
  /** The segment was written anew as a whole (any-order doors). */
  readonly replaces: boolean
  /** The session's total, where this chunk fixed it. */
  readonly total?: number
  /** The segment's count of chunks with this one, where they are numbered; otherwise it stays. */
  readonly chunks?: number
  /** Publish the new list in the same transaction; the session stays open. Its blobs may grow on, and are never cut. */
  readonly shown?: Shown
  /** As in `Touch`. */
  readonly withdraws?: boolean
  /** What the segment is now, lower-case hex; remembered as long as the session is (`segmentDigest`). */
  readonly sha256?: string
  readonly at: number
  readonly dueAt: number
  /** Instead of `dueAt`, where the session is complete with this step: all declared segments are there, and add up to its total. */
  readonly completeDueAt?: number
}

/** What a session holds after a step. */
export type Tally = Pick<Session, 'persisted' | 'segments'>

/** Makes content visible under its name. */
export interface Publication {
  readonly bucket: string
  readonly name: string
  readonly metadata: Metadata
  readonly preconditions: Preconditions
  readonly extents: readonly Extent[]
  readonly size: number
  readonly crc32c: number
  readonly md5?: string
  readonly componentCount?: number
  /**
   * Where the extents come from, when not from an upload. Checked, and removed where asked, in the same transaction. One may be
   * named several times, and may be the destination.
   */
  readonly sources?: readonly Source[]
  readonly at: number
  /**
   * The session that ends with it, the epochs under which its content was read, and the end of its tombstone.
   * Absent for an upload in one request, which has no session.
   */
  readonly session?: {
    readonly key: string
    readonly segments: ReadonlyArray<{ readonly number: number; readonly epoch: number }>
    readonly dueAt: number
    /** Goes into its outcome. */
    readonly doorData?: Readonly<Record<string, string>>
  }
}

/** An object whose bytes another one takes over (compose, copy, move): nothing is copied, both refer to the same blobs. */
export interface Source {
  readonly bucket: string
  readonly name: string
  /** The generation whose extents were read. It must still be the live one. */
  readonly generation: number
  readonly preconditions: Preconditions
  /** Delete it in the same transaction: a move. The destination itself is replaced, not deleted. */
  readonly isRemoved: boolean
}

/** Which names of a bucket, in UTF-8 byte order. All bounds that are given hold together. */
export interface ObjectQuery {
  readonly bucket: string
  /** Only names that start with it. */
  readonly prefix: string
  /** Only names after this one. */
  readonly after?: string
  /** Only names after all that start with this one: how a listing skips what it has rolled up into a prefix. */
  readonly beyond?: string
  /** Only names from this one on. */
  readonly from?: string
  /** Only names before this one. */
  readonly before?: string
  /** Most objects to answer. */
  readonly limit: number
}

/**
 * Where records live. Each method that changes something is one atomic step, durable when it resolves (as far as
 * TIDEMARK_DURABILITY promises), and many callers' steps may share one commit. What a step refuses it refuses with an
 * UploadError and changes nothing. `catalog_failed` and `no_space` may come from any of them; a failed commit rejects
 * every caller in it (design P12).
 *
 * The catalog counts how many segments and objects refer to each blob. A blob whose last reference went is garbage:
 * listed by `garbage`, freed by the sweeper, then forgotten by `forget`.
 */
export interface Catalog {
  // Sessions
  /**
   * `bucket_not_found`; `session_exists` where the key is taken: by an open session, or without `replacesEnded` by any;
   * `precondition_failed` (`claim`) where the name is claimed; `too_many_sessions` where as many as may be are open.
   */
  create(session: NewSession): Promise<Session>
  find(key: string): Promise<Session | undefined>
  /** A segment never written is `{ epoch: 0, extents: [] }`. */
  segment(key: string, number: number): Promise<Segment>
  /** All segments that were written, with bytes or without, by number. */
  segments(key: string): Promise<readonly Segment[]>
  /** Their numbers alone. */
  segmentNumbers(key: string): Promise<readonly number[]>
  /** What a segment is, or was when its session was published: the `sha256` of its last `advance`. */
  segmentDigest(key: string, number: number): Promise<string | undefined>
  /**
   * The right to write a segment: answers it as it is now under a new, higher epoch. From then on every `advance`
   * and `publish` under an older epoch is refused; one that was under way has settled and is in the answer.
   * Need not be durable. Session not open: `session_ended`.
   */
  lease(key: string, number: number): Promise<Segment>
  /** `lease` for every segment that was written, as of one moment. */
  leaseAll(key: string): Promise<readonly Segment[]>
  /**
   * Guarded by state (`session_ended`), epoch (`superseded`) and growth; a shrinking list without `replaces` is `catalog_failed`.
   * With `shown` also `bucket_not_found` and `precondition_failed`; the object that showed the session before counts as none.
   */
  advance(step: Advance): Promise<Tally>
  /** Moves `activeAt` and `dueAt` of an open session: `session_ended`, `total_mismatch`. */
  touch(step: Touch): Promise<void>
  /**
   * One transaction (design §2): session open (`session_ended`) and epochs current (`superseded`), bucket there
   * (`bucket_not_found`), sources live (`object_not_found`) with their own preconditions holding, preconditions hold
   * (`precondition_failed`; the object that showed the session while it was open counts as none); then take a generation, point
   * the name at the extents, release what it pointed at before, store the answer, end the session as `done`, drop its segments
   * (their digests stay), delete the sources that are to be removed, write the event rows.
   */
  publish(publication: Publication): Promise<StoredObject>
  /**
   * Ends an open session, releases its segments. False when it was not open any more. One that is cancelled takes the object
   * that showed it along.
   */
  end(
    key: string,
    state: 'cancelled' | 'invalid' | 'expired',
    dueAt: number,
    failure?: Failure,
  ): Promise<boolean>
  /** At most `limit` open sessions due at `now` that are complete, by key, after `after`. */
  complete(now: number, limit: number, after?: string): Promise<readonly Session[]>
  /** Ends as `expired` at most `limit` open sessions due at `now` that are neither complete nor in `busy`; answers which. */
  expire(
    now: number,
    tombstoneDueAt: number,
    limit: number,
    busy: ReadonlySet<string>,
  ): Promise<ReadonlyArray<Pick<Session, 'key' | 'door'>>>
  /** Removes at most `limit` tombstones due at `now`, and as many event rows older than `eventsBefore`; answers how many rows went. */
  purge(now: number, eventsBefore: number, limit: number): Promise<number>
  /** Every door that has open sessions. Costs the same however many they are. */
  census(): Promise<readonly Census[]>

  // Blobs
  /** At most `limit` blobs that nothing refers to, by name, after `after`. */
  garbage(limit: number, after?: string): Promise<readonly string[]>
  forget(blobs: readonly string[]): Promise<void>
  /** Of these blobs, the ones that the catalog has never heard of. */
  unknown(blobs: readonly string[]): Promise<readonly string[]>

  // Buckets
  /** `bucket_exists`. Without settings it has none. */
  createBucket(name: string, at: number, settings?: Bucket['settings']): Promise<Bucket>
  findBucket(name: string): Promise<Bucket | undefined>
  /** By name, after `after`. */
  buckets(query: { prefix: string; after?: string; limit: number }): Promise<readonly Bucket[]>
  /** `bucket_not_found`, `precondition_failed`, `bucket_not_empty`. Only conditions on the metageneration count: a bucket has no other. */
  deleteBucket(name: string, preconditions: Preconditions): Promise<void>
  /**
   * New settings, metageneration + 1, if the bucket is still at metageneration `basis`; undefined where it moved on (read again,
   * merge again). `bucket_not_found`, `precondition_failed` (as in `deleteBucket`).
   */
  updateBucket(
    name: string,
    basis: number,
    settings: Bucket['settings'],
    preconditions: Preconditions,
    at: number,
  ): Promise<Bucket | undefined>

  // Objects
  object(bucket: string, name: string): Promise<StoredObject | undefined>
  /** The object and its content as of one moment. */
  content(
    bucket: string,
    name: string,
  ): Promise<{ readonly object: StoredObject; readonly extents: readonly Extent[] } | undefined>
  /** By name in UTF-8 byte order; an index seek however many there are. */
  objects(query: ObjectQuery): Promise<readonly StoredObject[]>
  /**
   * New metadata, metageneration + 1, if the object still is `basis` (its generation and metageneration); undefined where it moved
   * on (read again, merge again). `object_not_found`, `precondition_failed`.
   */
  updateObject(
    basis: Pick<StoredObject, 'bucket' | 'name' | 'generation' | 'metageneration'>,
    metadata: Metadata,
    preconditions: Preconditions,
    at: number,
  ): Promise<StoredObject | undefined>
  /** `object_not_found`, `precondition_failed`. `generation`, when given, must be the live one, else `object_not_found`. */
  deleteObject(
    bucket: string,
    name: string,
    preconditions: Preconditions,
    generation: number | undefined,
    at: number,
  ): Promise<void>

  /** 32 random bytes, made when they are first asked for and the same ever after: what is signed with them outlives a restart. */
  secret(name: string): Promise<Buffer>
  /** Rejects when the catalog cannot answer or commit: for readiness. */
  check(): Promise<void>
  close(): Promise<void>
}

// ---------------------------------------------------------------------------------------------
// The rest of the engine's surroundings
// ---------------------------------------------------------------------------------------------

/** Milliseconds since the epoch. Settable in tests. */
export type Clock = () => number

/** The part of pino that the engine and the adapters use. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/**
 * How an upload ended. `published`: it became an object. `cancelled`, `expired` and `invalid` are the other ends of a session;
 * `failed` is that of an upload in one request, which has none.
 */
export type UploadEnd = 'published' | 'cancelled' | 'expired' | 'invalid' | 'failed'

/** What a sweep did. */
export interface Sweep {
  readonly ms: number
  /** False where something went wrong on the way; the next sweep tries again. */
  readonly isComplete: boolean
  /** Sessions that expired. */
  readonly expired: number
  /** Tombstones and old events that were removed. */
  readonly purged: number
  /** Blobs that nothing referred to any more. */
  readonly freed: number
}

/**
 * Hears what happens, from the engine and from its adapters, so that it can be counted. It is told of things that have happened
 * already, in the midst of requests: it returns at once, never throws, and changes nothing. Durations are milliseconds by a
 * clock that nobody sets.
 */
export interface Observer {
  // Uploads
  sessionOpened(door: DoorName): void
  uploadEnded(door: DoorName, end: UploadEnd): void
  /** Body bytes have arrived, whatever becomes of them. Told at checkpoints and at the body's end, not for each read. */
  received(door: DoorName, bytes: number): void
  /** Bytes are promised that were not before. */
  acknowledged(door: DoorName, bytes: number): void
  /** A request with content is answered: all of it is promised, or was known before. `ms` from its arrival on. */
  chunkTaken(door: DoorName, ms: number): void
  /** Content has become an object: checksums, sealing, transaction. */
  published(ms: number): void
  /** A newer request took the place of a running one. */
  tookOver(): void
  /** A request to upload was refused, or broke off; or any request, for want of a scope or beyond a limit. */
  refused(code: FailureCode): void
  swept(sweep: Sweep): void

  // Storage and catalog
  /** The disk has synced the content of a file, or the entries of a directory. */
  synced(what: 'data' | 'entries', ms: number): void
  /** The catalog has committed, or failed to; `steps` callers waited for it. */
  committed(steps: number, ms: number): void
}

/** What can only be told by looking. */
export interface Measurements {
  readonly sessions: readonly Census[]
  readonly space: Space
  readonly hasherLagBytes: number
}

/** How far an acknowledgement goes (design P1). `chunk`: every one. `object`: published objects only. `none`: nothing is synced. */
export type Durability = 'chunk' | 'object' | 'none'

/** Settings of the engine, from the configuration. */
export interface EngineSettings {
  /** How long a session may be idle (TIDEMARK_SESSION_TTL). */
  readonly sessionTtlMs: number
  /** How long an ended session still answers (TIDEMARK_TOMBSTONE_TTL). */
  readonly tombstoneTtlMs: number
  /** How long a body may be silent (TIDEMARK_BODY_IDLE). */
  readonly bodyIdleMs: number
  /** Give every object an md5 (TIDEMARK_MD5). A declared md5 is verified either way. */
  readonly md5: boolean
  /** Largest object in bytes (TIDEMARK_MAX_OBJECT_SIZE). */
  readonly maxObjectSize: number
  /** Most sessions that may be open at a time (TIDEMARK_MAX_SESSIONS). */
  readonly maxSessions: number
}

/** Somebody beside the server who copies blobs, such as a backup: what is garbage by now was content when they began. */
export interface Hold {
  /** Runs work that frees such blobs, and keeps holders waiting until it is done. False, and does nothing, while somebody holds them. */
  unlessHeld(work: () => Promise<void>): Promise<boolean>
}

/** What the engine is composed of. */
export interface EngineParts {
  readonly storage: Storage
  readonly catalog: Catalog
  readonly clock: Clock
  /** Milliseconds since the server started, whatever the clock does. */
  readonly uptime: () => number
  readonly log: Log
  readonly observer: Observer
  readonly settings: EngineSettings
  readonly hold?: Hold
}
