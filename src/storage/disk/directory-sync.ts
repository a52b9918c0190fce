/**
 * Makes a directory's entries durable, for many callers at once. A sync that is already running may have missed a
 * caller's entry, so the caller waits for the next one; everybody who comes until that starts shares it.
 */

import { type Files, O_RDONLY } from './files.ts'

export class DirectorySync {
  readonly #path: string
  readonly #files: Files
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #hasSynced = false

  constructor(path: string, files: Files) {
    this.#path = path
    this.#files = files
  }

  /** Whether a sync has succeeded, and so whether every entry from before this object's time is durable. */
  get hasSynced(): boolean {
    return this.#hasSynced
  }

  /** Resolves when every entry made before this call is durable. */
  sync(): Promise<void> {
    this.#next ??= this.#start(this.#running)
    return this.#next
  }

  async #start(previous: Promise<void> | undefined): Promise<void> {
    try {
      await previous
    } catch (cause) {
      // This one could succeed although entries it should have covered were lost with the other (design P12).
      this.#next = undefined
      throw cause
    }
    this.#running = this.#next
    this.#next = undefined
    try {
      await syncDirectory(this.#path, this.#files)
    } finally {
      this.#running = undefined
    }
    this.#hasSynced = true
  }
}

export async function syncDirectory(path: string, files: Files): Promise<void> {
  const directory = await files.open(path, O_RDONLY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
