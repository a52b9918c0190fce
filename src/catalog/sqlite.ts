/**
 * The catalog on SQLite, the default: one file in the data directory, no other process needed.
 *
 * node:sqlite is synchronous, and a real disk takes 2 to 20 ms for a sync. So every change goes to one writer thread, which
 * commits for many callers at once, while reads stay here on a connection of their own. Leases are kept in memory only: the
 * data directory has one owner (see data-directory.ts).
 */

import { randomBytes } from 'node:crypto'
import { UploadError } from '../engine/failure.ts'
import type {
  Advance,
  Bucket,
  Catalog,
  Census,
  Durability,
  Extent,
  Log,
  NewSession,
  ObjectQuery,
  Observer,
  Publication,
  Segment,
  Session,
  StoredObject,
  Tally,
  Touch,
} from '../engine/ports.ts'
import { openReader } from './sqlite/database.ts'
import { Epochs } from './sqlite/epochs.ts'
import type { CatalogFaults } from './sqlite/faults.ts'
import { InFlight } from './sqlite/in-flight.ts'
import type { Operations } from './sqlite/operations.ts'
import { Reader } from './sqlite/reader.ts'
import { verdictOf } from './sqlite/verdict.ts'
import { Writer } from './sqlite/writer.ts'

export interface SqliteCatalogOptions {
  /** The data directory: locked, and there. */
  readonly directory: string
  readonly durability: Durability
  readonly log: Log
  readonly observer: Pick<Observer, 'committed'>
  /** The free-space reserve; the ballast is no larger. */
  readonly reserveBytes: number
  /** Called once, after all callers were rejected, when the catalog cannot be trusted any more: the process should end. */
  readonly onFatal: (error: Error) => void
  readonly faults?: CatalogFaults
}

/** Any session may be ended by it. */
const EXPIRY = 'expiry'

export class SqliteCatalog implements Catalog {
  readonly #writer: Writer
  readonly #reader: Reader
  readonly #epochs = new Epochs()
  readonly #inFlight = new InFlight()

  /** Rejects with a plain Error that says why, for the operator. */
  static async open(options: SqliteCatalogOptions): Promise<SqliteCatalog> {
    const writer = await Writer.open({ faults: {}, ...options })
    try {
      const reader = new Reader(openReader(options.directory))
      return new SqliteCatalog(writer, reader)
    } catch (error) {
      await writer.close()
      throw error
    }
  }

  private constructor(writer: Writer, reader: Reader) {
    this.#writer = writer
    this.#reader = reader
  }

  /** How many commits there were, for those who want to see callers share them. */
  get commits(): number {
    return this.#writer.commits
  }

  // Sessions

  create(session: NewSession): Promise<Session> {
    return this.#writer.run('create', session)
  }

  async find(key: string): Promise<Session | undefined> {
    return this.#read(reader => reader.session(key))
  }

  async segment(key: string, number: number): Promise<Segment> {
    return this.#current(
      key,
      this.#read(reader => reader.segment(key, number)),
    )
  }

  async segments(key: string): Promise<readonly Segment[]> {
    const segments = this.#read(reader => reader.segments(key))
    return segments.map(segment => this.#current(key, segment))
  }

  async segmentNumbers(key: string): Promise<readonly number[]> {
    return this.#read(reader => reader.segmentNumbers(key))
  }

  async segmentDigest(key: string, number: number): Promise<string | undefined> {
    return this.#read(reader => reader.segmentDigest(key, number))
  }

  async lease(key: string, number: number): Promise<Segment> {
    const written = this.#readOpen(key, number)
    // From here on nobody else records bytes; what was handed to the writer before is waited for, and is in the answer.
    const epoch = this.#epochs.raise(key, number, written.epoch)
    await this.#inFlight.settled(topicOf(key, number), key, EXPIRY)
    return { ...this.#readOpen(key, number), epoch }
  }

  async leaseAll(key: string): Promise<readonly Segment[]> {
    const leased = new Map<number, number>()
    for (const { number, epoch } of this.#readAllOpen(key)) {
      leased.set(number, this.#epochs.raise(key, number, epoch))
    }
    // A segment whose first bytes are on their way is in the answer as well, under the epoch of whoever wrote it.
    await this.#inFlight.settled(...this.#inFlight.topics(`${key}/`), key, EXPIRY)
    // Not under what is current now: whoever took a segment's lease meanwhile has not written yet, and must win.
    return this.#readAllOpen(key).map(segment => ({
      ...segment,
      epoch: Math.max(segment.epoch, leased.get(segment.number) ?? 0),
    }))
  }

  async advance(step: Advance): Promise<Tally> {
    const { key, segment, epoch } = step
    this.#refuseSuperseded(key, segment, epoch)
    const operation = step.shown === undefined ? 'advance' : 'show'
    const topic = topicOf(key, segment)
    const tally = await this.#inFlight.track(topic, this.#writer.run(operation, step))
    this.#epochs.written(key, segment, epoch)
    return tally
  }

  touch(step: Touch): Promise<void> {
    return this.#inFlight.track(step.key, this.#writer.run('touch', step))
  }

  async publish(publication: Publication): Promise<StoredObject> {
    const { session } = publication
    if (session === undefined) return this.#writer.run('publish', publication)
    for (const { number, epoch } of session.segments) {
      this.#refuseSuperseded(session.key, number, epoch)
    }
    const step = this.#writer.run('publish', publication)
    const object = await this.#inFlight.track(session.key, step)
    this.#epochs.drop(session.key)
    return object
  }

  async end(...args: Parameters<Operations['end']>): Promise<boolean> {
    const [key] = args
    const hasEnded = await this.#inFlight.track(key, this.#writer.run('end', ...args))
    if (hasEnded) this.#epochs.drop(key)
    return hasEnded
  }

  async complete(now: number, limit: number, after = ''): Promise<readonly Session[]> {
    return this.#read(reader => reader.complete(now, limit, after))
  }

  async expire(
    ...args: Parameters<Operations['expire']>
  ): Promise<ReadonlyArray<Pick<Session, 'key' | 'door'>>> {
    const expired = await this.#inFlight.track(EXPIRY, this.#writer.run('expire', ...args))
    for (const { key } of expired) this.#epochs.drop(key)
    return expired
  }

  purge(now: number, eventsBefore: number, limit: number): Promise<number> {
    return this.#writer.run('purge', now, eventsBefore, limit)
  }

  async census(): Promise<readonly Census[]> {
    return this.#read(reader => reader.census())
  }

  // Blobs

  async garbage(limit: number, after = ''): Promise<readonly string[]> {
    return this.#read(reader => reader.garbage(limit, after))
  }

  forget(blobs: readonly string[]): Promise<void> {
    return this.#writer.run('forget', blobs)
  }

  async unknown(blobs: readonly string[]): Promise<readonly string[]> {
    return this.#read(reader => reader.unknown(blobs))
  }

  // Buckets

  createBucket(...args: Parameters<Operations['createBucket']>): Promise<Bucket> {
    return this.#writer.run('createBucket', ...args)
  }

  async findBucket(name: string): Promise<Bucket | undefined> {
    return this.#read(reader => reader.bucket(name))
  }

  async buckets(query: {
    prefix: string
    after?: string
    limit: number
  }): Promise<readonly Bucket[]> {
    return this.#read(reader => reader.buckets(query))
  }

  updateBucket(...args: Parameters<Operations['updateBucket']>): Promise<Bucket | undefined> {
    return this.#writer.run('updateBucket', ...args)
  }

  deleteBucket(...args: Parameters<Operations['deleteBucket']>): Promise<void> {
    return this.#writer.run('deleteBucket', ...args)
  }

  // Objects

  async object(bucket: string, name: string): Promise<StoredObject | undefined> {
    return this.#read(reader => reader.object(bucket, name))
  }

  async content(
    bucket: string,
    name: string,
  ): Promise<{ readonly object: StoredObject; readonly extents: readonly Extent[] } | undefined> {
    return this.#read(reader => reader.content(bucket, name))
  }

  async objects(query: ObjectQuery): Promise<readonly StoredObject[]> {
    return this.#read(reader => reader.objects(query))
  }

  updateObject(...args: Parameters<Operations['updateObject']>): Promise<StoredObject | undefined> {
    return this.#writer.run('updateObject', ...args)
  }

  deleteObject(...args: Parameters<Operations['deleteObject']>): Promise<void> {
    return this.#writer.run('deleteObject', ...args)
  }

  // The catalog itself

  async secret(name: string): Promise<Buffer> {
    const known = this.#read(reader => reader.secret(name))
    return Buffer.from(known ?? (await this.#writer.run('makeSecret', name, randomBytes(32))))
  }

  check(): Promise<void> {
    return this.#writer.run('check')
  }

  async close(): Promise<void> {
    // The reader first: whoever closes the file last folds the log into it, and only the writer can.
    this.#reader.close()
    await this.#writer.close()
  }

  #read<Value>(ask: (reader: Reader) => Value): Value {
    try {
      return ask(this.#reader)
    } catch (cause) {
      if (verdictOf(cause) === 'fatal') this.#writer.fail(cause as Error)
      throw new UploadError({ code: 'catalog_failed' }, { cause })
    }
  }

  /** Of a session that still takes bytes. */
  #readOpen(key: string, number: number): Segment {
    return this.#whileOpen(key, reader => reader.segment(key, number))
  }

  #readAllOpen(key: string): readonly Segment[] {
    return this.#whileOpen(key, reader => reader.segments(key))
  }

  #whileOpen<Value>(key: string, ask: (reader: Reader) => Value): Value {
    const answer = this.#read(reader => (reader.isOpen(key) ? { value: ask(reader) } : undefined))
    if (answer !== undefined) return answer.value
    this.#epochs.drop(key)
    throw new UploadError({ code: 'session_ended' })
  }

  /** The epoch that counts may be higher than the one in the row: whoever holds it has not written yet. */
  #current(key: string, segment: Segment): Segment {
    return { ...segment, epoch: Math.max(segment.epoch, this.#epochs.current(key, segment.number)) }
  }

  #refuseSuperseded(key: string, segment: number, epoch: number): void {
    if (this.#epochs.current(key, segment) > epoch) throw new UploadError({ code: 'superseded' })
  }
}

function topicOf(key: string, segment: number): string {
  return `${key}/${segment}`
}
