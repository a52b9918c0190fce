/**
 * One blob open for writing: whole writes at given places, and syncs that make the data and the way to it durable.
 */

import { UploadError } from '../../engine/failure.ts'
import type { BlobDirectory } from './blob-directory.ts'
import { fail, failSync, fault } from './faults.ts'
import { O_WRONLY, type OpenFile } from './files.ts'

/** The most buffers that one system call takes. */
export const BUFFERS_PER_WRITE = 1024

/** Written bytes after which the disk is set to work, though nobody waits for it yet. */
const SYNC_AHEAD_BYTES = 4 * 1024 * 1024

interface Known {
  readonly blob: string
  readonly length: number
  readonly mayBeNew: boolean
}

export class BlobFile {
  readonly #blob: string
  readonly #file: OpenFile
  readonly #directory: BlobDirectory
  readonly #mayBeNew: boolean
  #isClean: boolean
  /** Bytes written since the last time the disk was set to work. */
  #waiting = 0
  /** A sync ahead that is running; never rejects. */
  #ahead: Promise<void> | undefined
  #aheadFailure: unknown

  /** A new blob. Rejects with the disk's own error. */
  static async make(blob: string, directory: BlobDirectory): Promise<BlobFile> {
    return new BlobFile(blob, await directory.make(blob), directory, true)
  }

  /**
   * An existing one, cut to `length`; `blob_short` where it holds less, as does one that is not there. `mayBeNew` where it is
   * not known that its directory entry was synced by whoever made it.
   */
  static async open(known: Known, directory: BlobDirectory): Promise<BlobFile> {
    return await BlobFile.#open(known, directory, async (opened, size) => {
      if (size > known.length) await opened.truncate(known.length)
    })
  }

  /** As `open`, with what lies past `length` left in place. */
  static async openWhole(known: Known, directory: BlobDirectory): Promise<BlobFile> {
    return await BlobFile.#open(known, directory, async () => {})
  }

  static async #open(
    { blob, length, mayBeNew }: Known,
    directory: BlobDirectory,
    prepare: (opened: BlobFile, size: number) => Promise<void>,
  ): Promise<BlobFile> {
    const file = await directory.open(blob, O_WRONLY).catch(fail)
    if (file === undefined) throw new UploadError({ code: 'blob_short', blob })
    try {
      const { size } = await file.stat()
      if (size < length) throw new UploadError({ code: 'blob_short', blob })
      const opened = new BlobFile(blob, file, directory, mayBeNew)
      await prepare(opened, size)
      return opened
    } catch (cause) {
      await file.close()
      throw fault(cause)
    }
  }

  private constructor(blob: string, file: OpenFile, directory: BlobDirectory, mayBeNew: boolean) {
    this.#blob = blob
    this.#file = file
    this.#directory = directory
    this.#mayBeNew = mayBeNew
    this.#isClean = !mayBeNew
  }

  /** Whether everything done to the file before the last `sync` began is all there is. */
  get isClean(): boolean {
    return this.#isClean
  }

  /** Writes all of `buffers`. A full disk gives short counts first and its error for the rest (design P12). */
  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    let rest = buffers
    let at = position
    while (rest.length > 0) {
      const { bytesWritten } = await this.#file.writev(rest.slice(0, BUFFERS_PER_WRITE), at)
      this.#isClean = false
      if (bytesWritten <= 0) throw new Error(`a write took ${bytesWritten} bytes`)
      at += bytesWritten
      rest = without(rest, bytesWritten)
    }
    this.#waiting += at - position
  }

  /**
   * Has the disk begin with what is written, so that the sync at the end finds little left to do. It promises nothing; but the
   * kernel tells a failure only once, so one that is met here is the next sync's (design P12).
   */
  syncAhead(): void {
    if (this.#waiting < SYNC_AHEAD_BYTES || this.#ahead !== undefined) return
    this.#waiting = 0
    this.#ahead = this.#file
      .datasync()
      .catch(cause => {
        this.#aheadFailure ??= cause
      })
      .then(() => {
        this.#ahead = undefined
      })
  }

  async truncate(length: number): Promise<void> {
    await this.#file.truncate(length).catch(fail)
    this.#isClean = false
  }

  /** What was written before this call is durable, and so is the way to it. Not to be tried again when it fails. */
  async sync(): Promise<void> {
    this.#isClean = true
    const data = this.#file.datasync()
    const entry = this.#directory.syncEntry(this.#blob, this.#mayBeNew)
    // All have ended before anybody closes the file.
    await Promise.allSettled([data, entry, this.#ahead])
    await Promise.all([data, entry]).catch(failSync)
    if (this.#aheadFailure !== undefined) failSync(this.#aheadFailure)
  }

  async close(): Promise<void> {
    await this.#ahead
    await this.#file.close()
  }
}

/** `buffers` without their first `bytes`. */
function without(buffers: readonly Buffer[], bytes: number): readonly Buffer[] {
  let left = bytes
  for (const [index, buffer] of buffers.entries()) {
    if (left < buffer.length) return [buffer.subarray(left), ...buffers.slice(index + 1)]
    left -= buffer.length
  }
  return []
}
