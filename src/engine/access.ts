/**
 * The engine as one principal may use it: the same calls, each behind its guard. This is all that a door ever gets, so no
 * handler can forget to ask (SECURITY.md); whoever holds the `Engine` itself is the server.
 *
 * What is done to a session is not guarded: its token is the right to it (design P9), and whoever was allowed to open it has
 * been asked then. So it is with a grant, which is the right to read one object. Ids that clients choose are no secrets; they are each principal's own (`DoorRules.ids`).
 */

import type { Buckets } from './buckets.ts'
import type { Chunk } from './chunk.ts'
import type { DoorRules } from './door-rules.ts'
import type { Engine, Opening } from './engine.ts'
import { UploadError } from './failure.ts'
import type { Grants } from './grants.ts'
import { Guard } from './guard.ts'
import type { ListQuery, Page } from './listing.ts'
import type { Destination, ObjectName, Objects, SourceName } from './objects.ts'
import type { Body, Bucket, Intent, Metadata, Preconditions, StoredObject } from './ports.ts'
import { EVERYONE, type Principal } from './principal.ts'
import type { OpenObject } from './readers.ts'

export class Access {
  readonly buckets: BucketAccess
  readonly objects: ObjectAccess
  readonly #engine: Engine
  readonly #guard: Guard

  constructor(engine: Engine, principal: Principal) {
    this.#engine = engine
    this.#guard = new Guard(principal, engine, engine.observer)
    this.buckets = new BucketAccess(engine.buckets, this.#guard)
    this.objects = new ObjectAccess(engine, this.#guard)
  }

  get principal(): Principal {
    return this.#guard.principal
  }

  /** Whether uploads into the bucket may begin at all, asked before their names are known. `bucket_not_found`, `access_denied`. */
  async admit(bucket: string): Promise<void> {
    this.#guard.bucket(bucket, 'create')
    await this.#engine.buckets.find(bucket)
  }

  async create(
    rules: DoorRules,
    intent: Intent,
    token?: string,
    opening?: Opening,
  ): ReturnType<Engine['create']> {
    const own = token === undefined ? undefined : this.#own(rules, token)
    return this.#engine.create(rules, await this.#guard.intent(intent), own, opening)
  }

  append(rules: DoorRules, token: string, chunk: Chunk): ReturnType<Engine['append']> {
    return this.#engine.append(rules, this.#own(rules, token), chunk)
  }

  find(rules: DoorRules, token: string): ReturnType<Engine['find']> {
    return this.#engine.find(rules, this.#own(rules, token))
  }

  segmentNumbers(rules: DoorRules, token: string): ReturnType<Engine['segmentNumbers']> {
    return this.#engine.segmentNumbers(rules, this.#own(rules, token))
  }

  status(rules: DoorRules, token: string): ReturnType<Engine['status']> {
    return this.#engine.status(rules, this.#own(rules, token))
  }

  finalize(
    rules: DoorRules,
    token: string,
    declared: Parameters<Engine['finalize']>[2],
  ): ReturnType<Engine['finalize']> {
    return this.#engine.finalize(rules, this.#own(rules, token), declared)
  }

  cancel(rules: DoorRules, token: string): ReturnType<Engine['cancel']> {
    return this.#engine.cancel(rules, this.#own(rules, token))
  }

  async put(rules: DoorRules, intent: Intent, body: Body): Promise<StoredObject> {
    return this.#engine.put(rules, await this.#guard.intent(intent), body)
  }

  /** Two principals that choose the same id mean two sessions. */
  #own({ ids }: DoorRules, token: string): string {
    const { principal } = this
    // No name has a line feed in it, so no id of one is another's.
    return ids === 'random' || principal === EVERYONE ? token : `${principal.name}\n${token}`
  }
}

export class ObjectAccess {
  readonly #objects: Objects
  readonly #grants: Grants
  readonly #guard: Guard

  constructor({ objects, grants }: Pick<Engine, 'objects' | 'grants'>, guard: Guard) {
    this.#objects = objects
    this.#grants = grants
    this.#guard = guard
  }

  async find(wanted: ObjectName): Promise<StoredObject> {
    await this.#guard.object(wanted, 'read')
    return this.#objects.find(wanted)
  }

  async open(wanted: ObjectName): Promise<OpenObject> {
    await this.#guard.object(wanted, 'read')
    return this.#objects.open(wanted)
  }

  async list(query: ListQuery): Promise<Page> {
    this.#guard.bucket(query.bucket, 'list')
    return this.#objects.list({ ...query, within: this.#guard.principal.prefix })
  }

  /** A token for `openGranted`, good for so long, whatever becomes of the key that asked for it. */
  async grant(wanted: ObjectName, lifeMs: number): Promise<string> {
    await this.find(wanted)
    return this.#grants.sign(wanted, lifeMs)
  }

  /** Whoever asks: the token is the right. Undefined for one that is none, or is over. */
  async openGranted(token: string): Promise<OpenObject | undefined> {
    const wanted = await this.#grants.verify(token)
    return wanted && this.#objects.open(wanted)
  }

  async delete(wanted: ObjectName, preconditions: Preconditions): Promise<void> {
    await this.mayDelete(wanted)
    return this.#objects.delete(wanted, preconditions)
  }

  /** Asked where the deletion is the last of several steps. */
  mayDelete(wanted: ObjectName): Promise<void> {
    return this.#guard.object(wanted, 'delete')
  }

  /** It takes away what was said before, and answers all that is said: three scopes. */
  async update(
    wanted: ObjectName,
    preconditions: Preconditions,
    change: (metadata: Metadata) => Metadata,
  ): Promise<StoredObject> {
    await this.#guard.object(wanted, 'create', 'delete', 'read')
    return this.#objects.update(wanted, preconditions, change)
  }

  async compose(
    sources: readonly SourceName[],
    destination: Destination,
    metadata: Metadata,
  ): Promise<StoredObject> {
    const guarded = await this.#guard.destination(destination)
    for (const source of sources) await this.#guard.object(source, 'read')
    return this.#objects.compose(sources, guarded, metadata)
  }

  async copy(
    source: SourceName,
    destination: Destination,
    metadata: Metadata | undefined,
  ): Promise<StoredObject> {
    const guarded = await this.#guard.destination(destination)
    await this.#guard.object(source, 'read')
    return this.#objects.copy(source, guarded, metadata)
  }

  async move(source: SourceName, destination: Destination): Promise<StoredObject> {
    const guarded = await this.#guard.destination(destination)
    await this.#guard.object(source, 'read', 'delete')
    return this.#objects.move(source, guarded)
  }
}

export class BucketAccess {
  readonly #buckets: Buckets
  readonly #guard: Guard

  constructor(buckets: Buckets, guard: Guard) {
    this.#buckets = buckets
    this.#guard = guard
  }

  /** The limits say which names there are to take: outside of them no answer depends on whether one is taken. */
  async create(name: string, settings?: Bucket['settings']): Promise<Bucket> {
    this.#guard.newBucket(name)
    return this.#buckets.create(name, settings)
  }

  async find(name: string): Promise<Bucket> {
    this.#guard.bucket(name, 'list')
    return this.#buckets.find(name)
  }

  /** Those within the limits. */
  async list(query: Parameters<Buckets['list']>[0]): Promise<readonly Bucket[]> {
    const { principal } = this.#guard
    this.#guard.demand('list')
    if (principal.buckets === undefined) return this.#buckets.list(query)
    const { prefix, after = '', limit } = query
    const names = [...principal.buckets].filter(name => name.startsWith(prefix) && name > after)
    const found: Bucket[] = []
    // One by one: a walk over everybody's would take the longer, the more of them there are.
    for (const name of names.sort()) {
      if (found.length === limit) break
      const bucket = await this.#existing(name)
      if (bucket !== undefined) found.push(bucket)
    }
    return found
  }

  async update(
    name: string,
    preconditions: Preconditions,
    change: (settings: Bucket['settings']) => Bucket['settings'],
  ): Promise<Bucket> {
    this.#guard.wholeBucket(name)
    return this.#buckets.update(name, preconditions, change)
  }

  async delete(name: string, preconditions: Preconditions): Promise<void> {
    this.#guard.wholeBucket(name)
    return this.#buckets.delete(name, preconditions)
  }

  async #existing(name: string): Promise<Bucket | undefined> {
    try {
      return await this.#buckets.find(name)
    } catch (error) {
      if (error instanceof UploadError && error.failure.code === 'bucket_not_found') return
      throw error
    }
  }
}
