/**
 * Bytes on a local disk: a blob is a file, written by src/storage/disk/append-loop.ts, found by blob-directory.ts.
 *
 * In a usual upload a blob is opened once per append and not at all for sealing: an append that left exactly the bytes it
 * promised, durably, leaves nothing to seal, and that is remembered for as many blobs as may reasonably be open.
 */

import type { Budget } from '../engine/budget.ts'
import { UploadError } from '../engine/failure.ts'
import type {
  AppendRequest,
  Clock,
  Digests,
  Durability,
  Extent,
  Log,
  Observer,
  Receipt,
  Space,
  Storage,
} from '../engine/ports.ts'
import { append } from './disk/append-loop.ts'
import { BlobDirectory } from './disk/blob-directory.ts'
import { BlobFile } from './disk/blob-file.ts'
import { PACE, type Pace } from './disk/checkpoints.ts'
import { checksum, readContent } from './disk/content-reader.ts'
import { fail, fault } from './disk/faults.ts'
import { type Files, NODE_FILES } from './disk/files.ts'
import { FreeSpace } from './disk/free-space.ts'
import { Hasher } from './disk/hasher.ts'
import { timedFiles } from './disk/timed-files.ts'

export interface DiskSettings {
  readonly directory: string
  readonly budget: Budget
  readonly durability: Durability
  /** Bytes of the disk that uploads leave free. Undefined: 1 GiB or 5 % of the disk, the smaller. */
  readonly reserveBytes: number | undefined
  readonly clock: Clock
  readonly log: Log
  readonly observer: Pick<Observer, 'synced'>
  /** For tests: another disk, and checkpoints that come sooner. */
  readonly files?: Files
  readonly pace?: Pace
}

const ENDS_REMEMBERED = 50_000

export class DiskStorage implements Storage {
  readonly digests: Digests
  readonly #settings: DiskSettings
  readonly #directory: BlobDirectory
  readonly #space: FreeSpace
  readonly #hasher: Hasher
  /** Blobs whose file is known to end exactly there, as durably as a sealed one has to. */
  readonly #ends = new Map<string, number>()
  /** Blobs whose only sync, that of sealing, has failed. */
  readonly #lost = new Set<string>()

  /** Makes the directories. Rejects with an ordinary Error where they cannot be written. */
  static async open(settings: DiskSettings): Promise<DiskStorage> {
    const files = timedFiles(settings.files ?? NODE_FILES, settings.observer)
    return new DiskStorage(settings, await BlobDirectory.open({ ...settings, files }), files)
  }

  private constructor(settings: DiskSettings, directory: BlobDirectory, files: Files) {
    this.#settings = settings
    this.#directory = directory
    this.#space = new FreeSpace(settings.directory, settings.reserveBytes, files)
    this.#hasher = new Hasher(blob => directory.pathOf(blob), settings.log)
    this.digests = this.#hasher
  }

  create(): string {
    return this.#directory.newName()
  }

  async append(request: AppendRequest): Promise<Receipt> {
    const { budget, durability, log, pace = PACE } = this.#settings
    this.#ends.delete(request.blob)
    const receipt = await append(request, {
      directory: this.#directory,
      space: this.#space,
      budget,
      isDurable: durability === 'chunk',
      pace,
      log,
    })
    if (durability !== 'object') this.#remember(request.blob, request.start + receipt.stored.length)
    return receipt
  }

  async seal(blob: string, length: number): Promise<void> {
    if (this.#ends.get(blob) === length) return
    if (this.#lost.has(blob)) throw new UploadError({ code: 'storage_failed' })
    const { durability } = this.#settings
    const file = await this.#openForSealing(blob, length)
    if (file === undefined) return
    try {
      // Also in `chunk`: what another process wrote may not be synced, however its durability was set.
      if (durability !== 'none') await file.sync()
    } catch (cause) {
      // Nothing was synced before, and a second try could succeed on bytes that are not there (design P12).
      if (durability === 'object') this.#lost.add(blob)
      throw cause
    } finally {
      await file.close()
    }
    this.#remember(blob, length)
  }

  async sync(blob: string, length: number): Promise<void> {
    if ((this.#ends.get(blob) ?? -1) >= length) return
    if (this.#lost.has(blob)) throw new UploadError({ code: 'storage_failed' })
    const { durability } = this.#settings
    const file = await BlobFile.openWhole({ blob, length, mayBeNew: true }, this.#directory)
    try {
      if (durability !== 'none') await file.sync()
    } catch (cause) {
      if (durability === 'object') this.#lost.add(blob)
      throw cause
    } finally {
      await file.close()
    }
  }

  read(content: readonly Extent[]): AsyncIterable<Buffer> {
    return readContent(content, this.#directory)
  }

  async checksum(slice: Omit<Extent, 'crc32c'>): Promise<number> {
    return await checksum(slice, this.#directory)
  }

  async discard(blob: string): Promise<void> {
    this.#ends.delete(blob)
    this.#lost.delete(blob)
    await this.#directory.remove(blob).catch(fail)
  }

  async *blobs(): AsyncGenerator<string> {
    try {
      yield* this.#directory.list()
    } catch (cause) {
      throw fault(cause)
    }
  }

  async hasRoom(): Promise<boolean> {
    return await this.#space.hasRoom().catch(fail)
  }

  async space(): Promise<Space> {
    return await this.#space.space().catch(fail)
  }

  async check(): Promise<void> {
    await this.#directory.probe().catch(fail)
  }

  async close(): Promise<void> {
    await this.#hasher.close()
  }

  /** Cut to its length; undefined for an empty blob that does not even exist. */
  async #openForSealing(blob: string, length: number): Promise<BlobFile | undefined> {
    try {
      return await BlobFile.open({ blob, length, mayBeNew: true }, this.#directory)
    } catch (cause) {
      const isMissing = cause instanceof UploadError && cause.failure.code === 'blob_short'
      if (isMissing && length === 0) return undefined
      throw cause
    }
  }

  #remember(blob: string, end: number): void {
    this.#ends.set(blob, end)
    if (this.#ends.size > ENDS_REMEMBERED) {
      const [oldest] = this.#ends.keys()
      if (oldest !== undefined) this.#ends.delete(oldest)
    }
  }
}
