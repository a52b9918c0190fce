/**
 * Published objects: reading, listing, changing what is said about them, and making new ones from them. Content is extents,
 * so composing, copying and moving write records only, whatever the size (design §2).
 */

import { contentCrc32c } from './checksum.ts'
import { lengthOf } from './content.ts'
import { UploadError } from './failure.ts'
import { type ListQuery, list, type Page } from './listing.ts'
import { checkObjectName } from './names.ts'
import type {
  Checksums,
  EngineParts,
  Extent,
  Metadata,
  Preconditions,
  Publication,
  StoredObject,
} from './ports.ts'
import type { OpenObject, Readers } from './readers.ts'
import { newToken } from './session-key.ts'
import { verifyChecksums } from './verification.ts'

/** An object and, where the caller knows which, the generation that must be the live one. */
export interface ObjectName {
  readonly bucket: string
  readonly name: string
  readonly generation?: number | undefined
}

/** One that another is made from. */
export interface SourceName extends ObjectName {
  readonly preconditions: Preconditions
}

/** Where the new object goes. */
export interface Destination {
  readonly bucket: string
  readonly name: string
  readonly preconditions: Preconditions
  /** What the caller says of the content; `checksum_mismatch` where it is wrong. */
  readonly checksums?: Checksums
}

interface Content {
  readonly object: StoredObject
  readonly extents: readonly Extent[]
}

/** What is said of a new object. */
type Description = Pick<Publication, 'metadata' | 'md5' | 'componentCount'>

export class Objects {
  readonly #parts: EngineParts
  readonly #readers: Readers
  readonly #sweep: () => void

  /** `sweep` is called when something may have become garbage. */
  constructor(parts: EngineParts, readers: Readers, sweep: () => void) {
    this.#parts = parts
    this.#readers = readers
    this.#sweep = sweep
  }

  /** `bucket_not_found` or `object_not_found`. */
  async find(wanted: ObjectName): Promise<StoredObject> {
    const object = await this.#parts.catalog.object(wanted.bucket, wanted.name)
    return this.#live(wanted, object)
  }

  /** As `find`, with its bytes: `read` or `close` what this answers. */
  async open(wanted: ObjectName): Promise<OpenObject> {
    const { object, extents } = await this.#content(wanted)
    return this.#readers.open(object, extents)
  }

  /** `bucket_not_found`. */
  async list(query: ListQuery): Promise<Page> {
    await this.#demandBucket(query.bucket)
    return list(this.#parts.catalog, query)
  }

  /** `object_not_found`, `precondition_failed`. */
  async delete(wanted: ObjectName, preconditions: Preconditions): Promise<void> {
    const { bucket, name, generation } = wanted
    const { catalog, clock } = this.#parts
    await catalog.deleteObject(bucket, name, preconditions, generation, clock())
    this.#sweep()
  }

  /** Changes what is said about it, from what is said now. Nobody's change is lost between the two. */
  async update(
    wanted: ObjectName,
    preconditions: Preconditions,
    change: (metadata: Metadata) => Metadata,
  ): Promise<StoredObject> {
    const { catalog, clock } = this.#parts
    for (;;) {
      const basis = await this.find(wanted)
      const metadata = change(basis.metadata)
      const updated = await catalog.updateObject(basis, metadata, preconditions, clock())
      if (updated !== undefined) return updated
    }
  }

  /** All sources, one after the other. It has no md5: nobody read its bytes. */
  async compose(
    sources: readonly SourceName[],
    destination: Destination,
    metadata: Metadata,
  ): Promise<StoredObject> {
    return this.#publishFrom(sources, false, destination, contents => ({
      metadata,
      componentCount: contents.reduce((sum, { object }) => sum + componentsOf(object), 0),
    }))
  }

  /** The same content under another name, with its own metadata or, where none is given, the source's. */
  async copy(
    source: SourceName,
    destination: Destination,
    metadata: Metadata | undefined,
  ): Promise<StoredObject> {
    return this.#publishFrom([source], false, destination, contents => ({
      ...sameContent(contents),
      ...(metadata !== undefined && { metadata }),
    }))
  }

  /** The same object under another name, in one step. */
  async move(source: SourceName, destination: Destination): Promise<StoredObject> {
    const moved = await this.#publishFrom([source], true, destination, sameContent)
    this.#sweep()
    return moved
  }

  /** Publishes what the sources hold now. One that is overwritten in between is read again, if any generation of it will do. */
  async #publishFrom(
    sources: readonly SourceName[],
    isRemoved: boolean,
    destination: Destination,
    describe: (contents: readonly Content[]) => Description,
  ): Promise<StoredObject> {
    checkObjectName(destination.name)
    for (;;) {
      const contents = await Promise.all(sources.map(source => this.#content(source)))
      try {
        return await this.#publish(destination, {
          ...describe(contents),
          extents: contents.flatMap(({ extents }) => extents),
          sources: contents.map(({ object }, index) => ({
            ...versionOf(object),
            preconditions: sources[index]?.preconditions ?? {},
            isRemoved,
          })),
        })
      } catch (error) {
        const isGone = error instanceof UploadError && error.failure.code === 'object_not_found'
        // What is really gone, the next reading finds out.
        if (!isGone || sources.every(({ generation }) => generation !== undefined)) throw error
      }
    }
  }

  async #publish(
    destination: Destination,
    content: Omit<Publication, keyof Destination | 'size' | 'crc32c' | 'at'>,
  ): Promise<StoredObject> {
    const { catalog, clock, settings, storage } = this.#parts
    const { bucket, name, preconditions, checksums = {} } = destination
    const { extents, md5 } = content
    const size = lengthOf(extents)
    const limit = settings.maxObjectSize
    if (size > limit) throw new UploadError({ code: 'too_large', limit })
    const crc32c = contentCrc32c(extents)
    const declared = [checksums]
    const run = newToken()
    await verifyChecksums(storage, { run, extents, crc32c, md5, declared, wantsMd5: false })
    const at = clock()
    return catalog.publish({ bucket, name, preconditions, ...content, size, crc32c, at })
  }

  async #content(wanted: ObjectName): Promise<Content> {
    const content = await this.#parts.catalog.content(wanted.bucket, wanted.name)
    const object = await this.#live(wanted, content?.object)
    return { object, extents: content?.extents ?? [] }
  }

  async #live(wanted: ObjectName, object: StoredObject | undefined): Promise<StoredObject> {
    const { bucket, name, generation } = wanted
    if (object !== undefined && (generation ?? object.generation) === object.generation) {
      return object
    }
    await this.#demandBucket(bucket)
    throw new UploadError({ code: 'object_not_found', bucket, name })
  }

  async #demandBucket(bucket: string): Promise<void> {
    if ((await this.#parts.catalog.findBucket(bucket)) === undefined) {
      throw new UploadError({ code: 'bucket_not_found', bucket })
    }
  }
}

/** A copy is described as its one source is. */
function sameContent(contents: readonly Content[]): Description {
  const { metadata, md5, componentCount } = (contents[0] as Content).object
  return {
    metadata,
    ...(md5 !== undefined && { md5 }),
    ...(componentCount !== undefined && { componentCount }),
  }
}

function versionOf({ bucket, name, generation }: StoredObject) {
  return { bucket, name, generation }
}

function componentsOf({ componentCount }: StoredObject): number {
  return componentCount ?? 1
}
