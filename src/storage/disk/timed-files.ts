/**
 * The file calls with a clock on their syncs: how long the disk takes to keep a promise is the first thing to look at when
 * uploads are slow. Whoever waits for several syncs at once has each of them counted.
 */

import type { Observer } from '../../engine/ports.ts'
import type { Files, OpenFile } from './files.ts'

type SyncObserver = Pick<Observer, 'synced'>

export function timedFiles(files: Files, observer: SyncObserver): Files {
  return {
    open: async (path, flags) => new TimedFile(await files.open(path, flags), observer),
    mkdir: (path, options) => files.mkdir(path, options),
    rmdir: path => files.rmdir(path),
    unlink: path => files.unlink(path),
    opendir: path => files.opendir(path),
    statfs: path => files.statfs(path),
  }
}

class TimedFile implements OpenFile {
  readonly #file: OpenFile
  readonly #observer: SyncObserver

  constructor(file: OpenFile, observer: SyncObserver) {
    this.#file = file
    this.#observer = observer
  }

  async datasync(): Promise<void> {
    const begin = performance.now()
    await this.#file.datasync()
    this.#observer.synced('data', performance.now() - begin)
  }

  async sync(): Promise<void> {
    const begin = performance.now()
    await this.#file.sync()
    this.#observer.synced('entries', performance.now() - begin)
  }

  writev(...args: Parameters<OpenFile['writev']>): ReturnType<OpenFile['writev']> {
    return this.#file.writev(...args)
  }

  read(...args: Parameters<OpenFile['read']>): ReturnType<OpenFile['read']> {
    return this.#file.read(...args)
  }

  stat(): ReturnType<OpenFile['stat']> {
    return this.#file.stat()
  }

  truncate(length: number): Promise<void> {
    return this.#file.truncate(length)
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
