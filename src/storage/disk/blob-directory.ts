/**
 * Where blobs lie: `<directory>/blobs/<YYYYMMDD>/<random>`, the blob's name being `YYYYMMDD-<random>`. A directory a day
 * (of the clock, in UTC) stays small enough to list, and lets all blobs made at one time share their directory's syncs.
 * Nothing a client says is ever part of a path, and a name that we cannot have given does not become one.
 */

import { randomBytes } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import type { Clock, Log } from '../../engine/ports.ts'
import { blobPath, DAY_NAME, FILE_NAME, PROBE } from './blob-names.ts'
import { DirectorySync, syncDirectory } from './directory-sync.ts'
import { codeOf } from './faults.ts'
import { type Files, O_CREAT, O_EXCL, O_TRUNC, O_WRONLY, type OpenFile } from './files.ts'

const DAY_MS = 86_400_000

/** A day's directory: `made` once it exists and its own entry in `blobs/` is durable. */
interface Day {
  readonly made: Promise<void>
  readonly entries: DirectorySync
}

export interface BlobDirectoryParts {
  readonly directory: string
  readonly files: Files
  readonly clock: Clock
  readonly log: Log
}

export class BlobDirectory {
  readonly #root: string
  readonly #files: Files
  readonly #clock: Clock
  readonly #log: Log
  /** The days whose directories this process has used. */
  readonly #days = new Map<string, Day>()
  readonly #rootEntries: DirectorySync

  /** Makes the directories, durably, and proves that they can be written. */
  static async open(parts: BlobDirectoryParts): Promise<BlobDirectory> {
    const blobs = new BlobDirectory(parts)
    try {
      await blobs.#make(resolve(parts.directory))
      await blobs.probe()
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new Error(
        `cannot store anything in the data directory ${parts.directory} (${reason}): set TIDEMARK_DATA_DIR to one that can be written`,
        { cause },
      )
    }
    return blobs
  }

  private constructor({ directory, files, clock, log }: BlobDirectoryParts) {
    this.#root = resolve(directory, 'blobs')
    this.#files = files
    this.#clock = clock
    this.#log = log
    this.#rootEntries = new DirectorySync(this.#root, files)
  }

  newName(): string {
    return `${this.#dayAt(this.#clock())}-${randomBytes(16).toString('hex')}`
  }

  /** Undefined for what cannot be one of our names. */
  pathOf(blob: string): string | undefined {
    return blobPath(this.#root, blob)
  }

  /** An existing blob; undefined where there is none. */
  async open(blob: string, flags: number): Promise<OpenFile | undefined> {
    const path = this.pathOf(blob)
    if (path === undefined) return undefined
    try {
      return await this.#files.open(path, flags)
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return undefined
      throw cause
    }
  }

  /** A blob for writing from its first byte on. One of that name can only hold what was never promised, and is emptied. */
  async make(blob: string): Promise<OpenFile> {
    const path = this.pathOf(blob)
    if (path === undefined) throw new Error(`not a name of this storage: ${JSON.stringify(blob)}`)
    await this.#day(blob).made
    try {
      return await this.#files.open(path, O_WRONLY | O_CREAT | O_EXCL)
    } catch (cause) {
      if (codeOf(cause) !== 'EEXIST') throw cause
    }
    return await this.#files.open(path, O_WRONLY | O_TRUNC)
  }

  /** Resolves when the directory entries that lead to the blob are durable. `mayBeNew`: it may have been made, unsynced, by this process. */
  async syncEntry(blob: string, mayBeNew: boolean): Promise<void> {
    const { made, entries } = this.#day(blob)
    await made
    // Other processes synced theirs if their durability asked for it: the first sync of the day in this one makes sure.
    if (mayBeNew || !entries.hasSynced) await entries.sync()
  }

  async remove(blob: string): Promise<void> {
    const path = this.pathOf(blob)
    if (path !== undefined) await this.#unlink(path)
  }

  /** Every blob there is. Directories of past days that are empty are removed on the way. */
  async *list(): AsyncGenerator<string> {
    // A blob named just before midnight may yet be made.
    const yesterday = this.#dayAt(this.#clock() - DAY_MS)
    for await (const entry of await this.#files.opendir(this.#root)) {
      const path = join(this.#root, entry.name)
      if (entry.name === PROBE) continue
      if (!entry.isDirectory() || !DAY_NAME.test(entry.name)) {
        this.#log.warn({ path }, 'not a directory of blobs: left alone')
        continue
      }
      let isEmpty = true
      for await (const file of await this.#files.opendir(path)) {
        isEmpty = false
        if (FILE_NAME.test(file.name)) yield `${entry.name}-${file.name}`
        else this.#log.warn({ path: join(path, file.name) }, 'not a blob: left alone')
      }
      if (isEmpty && entry.name < yesterday && !this.#days.has(entry.name)) {
        await this.#files.rmdir(path)
      }
    }
  }

  /** Writes, syncs and removes a few bytes. */
  async probe(): Promise<void> {
    const path = join(this.#root, PROBE)
    const file = await this.#files.open(path, O_WRONLY | O_CREAT)
    try {
      const bytes = Buffer.from('tidemark')
      const { bytesWritten } = await file.writev([bytes], 0)
      if (bytesWritten !== bytes.length) throw new Error(`only ${bytesWritten} bytes were written`)
      await file.datasync()
    } finally {
      await file.close()
    }
    await this.#unlink(path)
  }

  #dayAt(time: number): string {
    return new Date(time).toISOString().slice(0, 10).replaceAll('-', '')
  }

  #day(blob: string): Day {
    const name = blob.slice(0, 8)
    const known = this.#days.get(name)
    if (known !== undefined) return known
    const path = join(this.#root, name)
    const day = { made: this.#makeDay(name, path), entries: new DirectorySync(path, this.#files) }
    this.#days.set(name, day)
    return day
  }

  async #makeDay(name: string, path: string): Promise<void> {
    try {
      await this.#files.mkdir(path).catch(cause => {
        if (codeOf(cause) !== 'EEXIST') throw cause
      })
      // Also where it existed: whoever made it may not have lived to sync it.
      await this.#rootEntries.sync()
    } catch (cause) {
      this.#days.delete(name)
      throw cause
    }
  }

  /** Syncs what is above the blobs, up to the first directory that was there before. */
  async #make(directory: string): Promise<void> {
    const first = (await this.#files.mkdir(this.#root, { recursive: true })) ?? directory
    let path = this.#root
    for (; path !== dirname(first) && path !== dirname(path); path = dirname(path)) {
      await syncDirectory(path, this.#files)
    }
    await syncDirectory(path, this.#files).catch(cause => {
      // A parent which is not ours, and was there before, may be closed to us.
      if (codeOf(cause) !== 'EACCES') throw cause
    })
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#files.unlink(path)
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT') throw cause
    }
  }
}
