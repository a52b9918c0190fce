/**
 * The two questions that come before everything a principal asks of the engine: is it within the limits, and is it among the
 * scopes. Outside of the limits the answer is the one for what is not there; inside, a missing scope is named.
 */

import { UploadError } from './failure.ts'
import { checkObjectName } from './names.ts'
import type { Destination, ObjectName, Objects } from './objects.ts'
import type { Intent, Observer } from './ports.ts'
import {
  coversBucket,
  coversObject,
  coversWholeBucket,
  type Principal,
  type Scope,
} from './principal.ts'

/** As much of the engine as it takes to answer as if something were not there. */
export interface Standing {
  readonly objects: Pick<Objects, 'find'>
  readonly buckets: { find(bucket: string): Promise<unknown> }
}

export class Guard {
  readonly principal: Principal
  readonly #standing: Standing
  readonly #observer: Pick<Observer, 'refused'>

  constructor(principal: Principal, standing: Standing, observer: Pick<Observer, 'refused'>) {
    this.principal = principal
    this.#standing = standing
    this.#observer = observer
  }

  /** `access_denied`. */
  demand(...scopes: readonly Scope[]): void {
    const missing = scopes.find(scope => !this.principal.scopes.has(scope))
    if (missing !== undefined) throw this.#denied(missing)
  }

  /** `bucket_not_found` outside of the limits. */
  bucket(bucket: string, ...scopes: readonly Scope[]): void {
    if (!coversBucket(this.principal, bucket)) {
      throw new UploadError({ code: 'bucket_not_found', bucket })
    }
    this.demand(...scopes)
  }

  /** As `bucket`, for what concerns everybody whose objects are in it: a prefix of it is not enough. */
  wholeBucket(bucket: string): void {
    this.bucket(bucket, 'admin')
    if (!coversWholeBucket(this.principal, bucket)) throw this.#denied('admin')
  }

  /** `access_denied`, outside of the limits too: nothing is said of what is there. */
  newBucket(bucket: string): void {
    this.demand('admin')
    if (!coversWholeBucket(this.principal, bucket)) throw this.#denied('admin')
  }

  /** An object that should be there already. Outside of the limits it is not: `bucket_not_found` or `object_not_found`. */
  async object({ bucket, name }: ObjectName, ...scopes: readonly Scope[]): Promise<void> {
    this.bucket(bucket)
    if (!coversObject(this.principal, { bucket, name })) {
      await this.#standing.buckets.find(bucket)
      throw new UploadError({ code: 'object_not_found', bucket, name })
    }
    this.demand(...scopes)
  }

  /**
   * Where a new object goes. Outside of the limits is no bucket to put it in. Who may not delete may not overwrite either: what
   * comes back has the precondition that nothing is there, which the publishing transaction holds against everyone else.
   */
  async destination<T extends Pick<Destination, 'bucket' | 'name' | 'preconditions'>>(
    destination: T,
  ): Promise<T> {
    const { bucket, name, preconditions } = destination
    checkObjectName(name)
    if (!coversObject(this.principal, { bucket, name })) {
      throw new UploadError({ code: 'bucket_not_found', bucket })
    }
    this.demand('create')
    // Who says that nothing may be there is told whether it is so.
    if (this.#mayOverwrite || preconditions.generationMatch === 0) return destination
    const isMeantToReplace = preconditions.generationMatch !== undefined
    if (isMeantToReplace || (await this.#exists({ bucket, name }))) this.demand('delete')
    return { ...destination, preconditions: { ...preconditions, generationMatch: 0 } }
  }

  /**
   * A session's destination, which its token is the right to from then on. What is said of the name only at the end is
   * confined now, for whoever ends it need not be who began it.
   */
  async intent(intent: Intent): Promise<Intent> {
    const { bucket, name, preconditions } = intent
    if (name !== undefined) return this.destination({ ...intent, name })
    this.bucket(bucket, 'create')
    const { prefix } = this.principal
    return {
      ...intent,
      ...(prefix !== '' && { within: prefix }),
      ...(!this.#mayOverwrite && { preconditions: { ...preconditions, generationMatch: 0 } }),
    }
  }

  get #mayOverwrite(): boolean {
    return this.principal.scopes.has('delete')
  }

  #denied(scope: Scope): UploadError {
    this.#observer.refused('access_denied')
    return new UploadError({ code: 'access_denied', scope, principal: this.principal.name })
  }

  async #exists(wanted: ObjectName): Promise<boolean> {
    try {
      await this.#standing.objects.find(wanted)
      return true
    } catch (error) {
      if (error instanceof UploadError && error.failure.code === 'object_not_found') return false
      throw error
    }
  }
}
