/**
 * The upload session, whole: what a door may ask of it. This file only puts the parts together; the rules live in the files
 * beside it. Every refusal is an UploadError. A body that a refusal left unread is the caller's to drain or to close.
 */

import { Appender } from './append.ts'
import { Assembler } from './assemble.ts'
import { BlobWriter } from './blob-writer.ts'
import { Buckets } from './buckets.ts'
import type { Chunk } from './chunk.ts'
import { type DoorRules, RULES_OF } from './door-rules.ts'
import { UploadError } from './failure.ts'
import { Finalizer } from './finalize.ts'
import { Grants } from './grants.ts'
import { Writers } from './leases.ts'
import { dueAtOf } from './lifetime.ts'
import { checkObjectName } from './names.ts'
import { Objects } from './objects.ts'
import type {
  Body,
  EngineParts,
  Intent,
  Measurements,
  Observer,
  Session,
  StoredObject,
} from './ports.ts'
import { checkPreconditions } from './preconditions.ts'
import type { LateIntent } from './publish.ts'
import { put } from './put.ts'
import { Readers } from './readers.ts'
import { keyOf, newToken, shortKey } from './session-key.ts'
import { type DoneProgress, type Found, type Progress, Sessions } from './sessions.ts'
import { showing } from './showing.ts'
import { Sweeper } from './sweeper.ts'

export type { Chunk } from './chunk.ts'
export type { OpenObject } from './readers.ts'
export type { DoneProgress, Found, Progress } from './sessions.ts'

export interface Opening {
  /** No other session that claims a name may have this one while the session is open. */
  readonly claims?: boolean
}

export class Engine {
  readonly buckets: Buckets
  readonly objects: Objects
  readonly grants: Grants
  readonly observer: Observer
  readonly #parts: EngineParts
  readonly #sessions: Sessions
  readonly #writers: Writers
  readonly #blobs: BlobWriter
  readonly #finalizer: Finalizer
  readonly #appender: Appender
  readonly #assembler: Assembler
  readonly #sweeper: Sweeper

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.observer = parts.observer
    this.#sessions = new Sessions(parts, key => this.#writers.busy().has(key))
    this.#writers = new Writers(parts.observer)
    this.#blobs = new BlobWriter(parts.storage, parts.observer)
    const readers = new Readers(parts.storage)
    this.#finalizer = new Finalizer(parts, this.#sessions, this.#blobs)
    const shared = {
      ...parts,
      sessions: this.#sessions,
      writers: this.#writers,
      blobs: this.#blobs,
      finalizer: this.#finalizer,
    }
    this.#appender = new Appender(shared)
    this.#assembler = new Assembler(shared)
    this.#sweeper = new Sweeper({
      ...parts,
      sessions: this.#sessions,
      busy: () => this.#writers.busy(),
      publish: ({ door, key, persisted: total }) =>
        this.#assembler.finalize({ rules: RULES_OF[door], key, declared: { total } }),
      isInUse: blob => readers.isPinned(blob) || this.#blobs.isWriting(blob),
    })
    this.buckets = new Buckets(parts)
    this.grants = new Grants(parts)
    this.objects = new Objects(parts, readers, () => void this.#sweeper.sweep())
  }

  // Sessions -----------------------------------------------------------------------------------

  /**
   * Opens a session. Checks name, bucket, size, preconditions and room on the disk first. `token` only where the client chose
   * its own id; otherwise it is made here, and is the only copy. `session_exists` where the id is taken (see `reusesIds`),
   * `precondition_failed` also where the session claims a name that another one has claimed.
   */
  async create(
    rules: DoorRules,
    intent: Intent,
    token: string = newToken(),
    { claims = false }: Opening = {},
  ): Promise<{ readonly token: string; readonly session: Session }> {
    const { catalog, clock, log, observer, settings } = this.#parts
    await this.#checkIntent(intent)
    const key = keyOf(rules.door, token)
    if (rules.reusesIds) await this.#vacate(key)
    const at = clock()
    const dueAt = dueAtOf(rules, settings, { createdAt: at, activeAt: at })
    const session = await catalog.create({
      key,
      door: rules.door,
      intent,
      claims,
      at,
      dueAt,
      replacesEnded: rules.reusesIds,
      limit: settings.maxSessions,
    })
    if (rules.unfinished === 'shown' && intent.total === undefined) await this.#showEmpty(session)
    log.info({ session: shortKey(key), door: rules.door }, 'session opened')
    observer.sessionOpened(rules.door)
    return { token, session }
  }

  /**
   * Takes one chunk. Resolves when it is durable and recorded: `open` with what is persisted now, or `done` when it completed
   * the content. A session that is done already drains the body and answers `done` again.
   */
  append(rules: DoorRules, token: string, chunk: Chunk): Promise<Progress> {
    return this.#appender.append(rules, keyOf(rules.door, token), chunk)
  }

  /** The session as it is recorded, at the cost of one look. Refuses as `status` does. */
  find(rules: DoorRules, token: string): Promise<Found> {
    return this.#sessions.find(keyOf(rules.door, token))
  }

  /** Which segments of an open session are there, by number. */
  segmentNumbers(rules: DoorRules, token: string): Promise<readonly number[]> {
    return this.#parts.catalog.segmentNumbers(keyOf(rules.door, token))
  }

  /** Where the session stands. `session_not_found`, `session_cancelled`, `session_invalid`. */
  async status(rules: DoorRules, token: string): Promise<Progress> {
    const key = keyOf(rules.door, token)
    const found = await this.#sessions.find(key)
    if (found.state === 'done') return found
    // Nobody is evicted by a question, but bytes that are being synced at this moment are worth the wait: a client that was cut
    // off asks at once, and would send them all again.
    if (rules.statusQuery === 'read') await this.#writers.settled(key, 0)
    else await this.#writers.stop(key, 0)
    const still = await this.#sessions.find(key)
    return still.state === 'done' ? still : this.#sessions.progress(still.session)
  }

  /**
   * Publishes a session that has all its bytes. `incomplete` where the declared total is not what is persisted, or not the one
   * that was fixed before: a status query never makes a short object. `segments_missing` where the intent declared more of them.
   */
  async finalize(
    rules: DoorRules,
    token: string,
    declared: LateIntent & { readonly total: number },
  ): Promise<Progress> {
    const key = keyOf(rules.door, token)
    if (rules.resent === 'replace') return this.#assembler.finalize({ rules, key, declared })
    const glance = await this.#sessions.find(key)
    if (glance.state === 'done') return glance
    checkComplete(glance.session, declared.total)

    return this.#writers.write(key, 0, rules.secondWriter, async writer => {
      const segments = [await this.#parts.catalog.lease(key, 0)]
      const found = await this.#sessions.find(key)
      if (found.state === 'done') return found
      const { session } = found
      checkComplete(session, declared.total)
      return this.#finalizer.finalize({ rules, session, segments, late: declared, writer })
    })
  }

  /** Ends an open session, frees its bytes and takes away what was shown of it. One that is done already is answered as such and untouched. */
  async cancel(
    rules: DoorRules,
    token: string,
  ): Promise<{ readonly state: 'cancelled' } | DoneProgress> {
    const { catalog, clock, log, observer, settings, storage } = this.#parts
    const key = keyOf(rules.door, token)
    const found = await this.#sessions.find(key)
    if (found.state === 'done') return found
    const wasOpen = await catalog.end(key, 'cancelled', clock() + settings.tombstoneTtlMs)
    if (!wasOpen) return this.cancel(rules, token)
    this.#writers.stopSession(key, { code: 'session_ended' })
    storage.digests.forget(key)
    log.info({ session: shortKey(key) }, 'cancelled')
    observer.uploadEnded(rules.door, 'cancelled')
    void this.#sweeper.sweep()
    return { state: 'cancelled' }
  }

  /** An upload in one request: whole or not at all. `intent.total`, where given, must be the body's length. */
  async put(rules: DoorRules, intent: Intent, body: Body): Promise<StoredObject> {
    const { length } = body
    await this.#checkIntent(length === undefined ? intent : { ...intent, total: length })
    const object = await this.#writers.write('', 0, 'last_finished_wins', writer =>
      put(this.#parts, this.#blobs, writer, rules, intent, body),
    )
    return object
  }

  // The server's life --------------------------------------------------------------------------

  /** Frees what a crash left, then starts the sweeper. Before the first request. */
  async start(): Promise<void> {
    await this.#sweeper.discardOrphans()
    this.#sweeper.start()
  }

  /** Rejects when the server cannot do its work: shutting down, disk not writable, catalog not answering. */
  async check(): Promise<void> {
    if (this.#writers.isDraining) throw new UploadError({ code: 'shutting_down' })
    await Promise.all([this.#parts.storage.check(), this.#parts.catalog.check()])
  }

  /** How things stand, for metrics. */
  async measure(): Promise<Measurements> {
    const { catalog, storage } = this.#parts
    const [sessions, space] = await Promise.all([catalog.census(), storage.space()])
    return { sessions, space, hasherLagBytes: storage.digests.lagBytes }
  }

  /** What the sweeper's timer does, now. */
  sweep(): Promise<void> {
    return this.#sweeper.sweep()
  }

  /** Stops every writer: each keeps what arrived and answers `shutting_down` (design P11). Resolves when all are gone. */
  drain(): Promise<void> {
    return this.#writers.drain({ code: 'shutting_down' })
  }

  /** After `drain`: stops the sweeper, closes storage and catalog. */
  async close(): Promise<void> {
    await this.#sweeper.close()
    await this.#parts.storage.close()
    await this.#parts.catalog.close()
  }

  // --------------------------------------------------------------------------------------------

  /** What is left of a session that ended under this key must not reach the one that begins. */
  async #vacate(key: string): Promise<void> {
    const { catalog, clock } = this.#parts
    const former = await catalog.find(key)
    // Due, but the sweeper has not come round yet.
    if (former?.state === 'open' && former.dueAt <= clock()) await this.sweep()
    // Whoever still writes to it was asked to stop, and waits for no client any more.
    if (former !== undefined && former.state !== 'open') await this.#writers.left(key)
  }

  async #checkIntent(intent: Intent): Promise<void> {
    const { catalog, settings, storage } = this.#parts
    if (this.#writers.isDraining) throw new UploadError({ code: 'shutting_down' })
    const { name } = intent
    if (name !== undefined) checkObjectName(name)
    await this.buckets.find(intent.bucket)
    const limit = settings.maxObjectSize
    if ((intent.total ?? 0) > limit) throw new UploadError({ code: 'too_large', limit })
    if (name !== undefined && Object.keys(intent.preconditions).length > 0) {
      checkPreconditions(intent.preconditions, await catalog.object(intent.bucket, name))
    }
    if (!(await storage.hasRoom())) throw new UploadError({ code: 'no_space' })
  }

  /** A name that nobody has yet gets an empty object. One that somebody has keeps it until there are bytes. */
  async #showEmpty({ key, intent, createdAt: at, dueAt }: Session): Promise<void> {
    const { catalog, clock, settings, storage } = this.#parts
    try {
      const { number: segment, epoch } = await catalog.lease(key, 0)
      const shown = await showing(storage, { ...intent, preconditions: { generationMatch: 0 } }, [])
      const step = { key, segment, epoch, extents: [], replaces: false, at, dueAt }
      await catalog.advance({ ...step, shown })
    } catch (error) {
      const isTaken = error instanceof UploadError && error.failure.code === 'precondition_failed'
      if (isTaken && intent.preconditions.generationMatch !== 0) return
      await catalog.end(key, 'cancelled', clock() + settings.tombstoneTtlMs)
      throw error
    }
  }
}

function checkComplete(session: Session, total: number): void {
  const { persisted } = session
  if (persisted !== total || (session.total ?? total) !== total) {
    throw new UploadError({ code: 'incomplete', persisted, total })
  }
}
