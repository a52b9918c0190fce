/** Buckets: namespaces with settings that only their owner's tools understand. */

import { UploadError } from './failure.ts'
import { checkBucketName } from './names.ts'
import type { Bucket, EngineParts, Preconditions } from './ports.ts'

type Settings = Bucket['settings']

export class Buckets {
  readonly #parts: EngineParts

  constructor(parts: EngineParts) {
    this.#parts = parts
  }

  /** `bucket_name_invalid`, `bucket_exists`. */
  async create(name: string, settings: Settings = {}): Promise<Bucket> {
    checkBucketName(name)
    return this.#parts.catalog.createBucket(name, this.#parts.clock(), settings)
  }

  /** `bucket_not_found`. */
  async find(name: string): Promise<Bucket> {
    const bucket = await this.#parts.catalog.findBucket(name)
    if (bucket === undefined) throw new UploadError({ code: 'bucket_not_found', bucket: name })
    return bucket
  }

  list(query: { prefix: string; after?: string; limit: number }): Promise<readonly Bucket[]> {
    return this.#parts.catalog.buckets(query)
  }

  /** Changes the settings, from what they are now. Nobody's change is lost between the two. */
  async update(
    name: string,
    preconditions: Preconditions,
    change: (settings: Settings) => Settings,
  ): Promise<Bucket> {
    const { catalog, clock } = this.#parts
    for (;;) {
      const basis = await this.find(name)
      const settings = change(basis.settings)
      const updated = await catalog.updateBucket(
        name,
        basis.metageneration,
        settings,
        preconditions,
        clock(),
      )
      if (updated !== undefined) return updated
    }
  }

  /** `bucket_not_found`, `bucket_not_empty`, `precondition_failed`. */
  delete(name: string, preconditions: Preconditions): Promise<void> {
    return this.#parts.catalog.deleteBucket(name, preconditions)
  }
}
