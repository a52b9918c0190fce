/**
 * A disk with faults, over the real one: calls that fail, wait or write short, a disk that fills up. It also keeps account of
 * what a loss of power at this moment would leave: data only as far as a sync that began after its write has succeeded, and
 * a file only where the directories on its way were synced after it was made.
 */

import { dirname } from 'node:path'
import type { Files, OpenFile } from '../../src/storage/disk/files.ts'
import { NODE_FILES, O_CREAT, O_TRUNC } from '../../src/storage/disk/files.ts'

export type Call =
  | 'open'
  | 'writev'
  | 'read'
  | 'stat'
  | 'truncate'
  | 'datasync'
  | 'sync'
  | 'mkdir'
  | 'rmdir'
  | 'opendir'
  | 'unlink'
  | 'statfs'

/** An error as the operating system gives it. */
export function diskError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code })
}

export class FaultyFiles implements Files {
  /** Comes before every call, with its number among those of its kind from 1 on; may wait, and may throw. */
  before: (call: Call, nth: number, path: string) => unknown = () => {}
  /** Most bytes that the nth write takes. */
  most: (nth: number) => number = () => Number.POSITIVE_INFINITY
  /** Bytes that statfs reports as available. */
  available: (() => number) | undefined
  readonly #calls = new Map<Call, number>()
  readonly #data = new Map<string, FileData>()
  /** Made by us; everything older is taken to be durable. */
  readonly #made = new Set<string>()
  readonly #durable = new Set<string>()

  /** How often it was called. */
  count(call: Call): number {
    return this.#calls.get(call) ?? 0
  }

  /** How much of this file would be there after a loss of power. */
  survivingBytes(path: string): number {
    for (let entry = path; entry !== dirname(entry); entry = dirname(entry)) {
      if (this.#made.has(entry) && !this.#durable.has(entry)) return 0
    }
    return this.#data.get(path)?.durable ?? 0
  }

  async enter(call: Call, path: string): Promise<number> {
    const nth = this.count(call) + 1
    this.#calls.set(call, nth)
    await this.before(call, nth, path)
    return nth
  }

  async open(path: string, flags: number): Promise<OpenFile> {
    await this.enter('open', path)
    const file = await NODE_FILES.open(path, flags)
    if ((flags & O_CREAT) !== 0) this.#made.add(path)
    const data = this.#data.get(path) ?? new FileData()
    this.#data.set(path, data)
    if ((flags & O_TRUNC) !== 0) data.truncated(0)
    return new FaultyFile(this, path, file, data)
  }

  async syncEntries(directory: string, sync: () => Promise<void>): Promise<void> {
    const entries = [...this.#made].filter(entry => dirname(entry) === directory)
    await sync()
    for (const entry of entries) this.#durable.add(entry)
  }

  async mkdir(path: string, options?: { readonly recursive: boolean }) {
    await this.enter('mkdir', path)
    const first = await NODE_FILES.mkdir(path, options)
    if (options === undefined) this.#made.add(path)
    if (first !== undefined) {
      for (let made = path; made !== dirname(first); made = dirname(made)) this.#made.add(made)
    }
    return first
  }

  async rmdir(path: string): Promise<void> {
    await this.enter('rmdir', path)
    await NODE_FILES.rmdir(path)
  }

  async unlink(path: string): Promise<void> {
    await this.enter('unlink', path)
    await NODE_FILES.unlink(path)
  }

  async opendir(path: string) {
    await this.enter('opendir', path)
    return await NODE_FILES.opendir(path)
  }

  async statfs(path: string) {
    await this.enter('statfs', path)
    const real = await NODE_FILES.statfs(path)
    return this.available === undefined ? real : { ...real, bsize: 1, bavail: this.available() }
  }
}

/** What was written to a file, and how much of it from the first byte on is durable. */
class FileData {
  durable = 0
  #written: Array<readonly [from: number, to: number]> = []

  wrote(from: number, to: number): void {
    this.#written.push([from, to])
  }

  truncated(length: number): void {
    this.#written = this.#written.map(([from, to]) => [from, Math.min(to, length)])
    this.durable = Math.min(this.durable, length)
  }

  /** How far it is written without a gap. */
  get end(): number {
    let end = 0
    for (const [from, to] of this.#written.toSorted(([a], [b]) => a - b)) {
      if (from <= end) end = Math.max(end, to)
    }
    return end
  }
}

class FaultyFile implements OpenFile {
  readonly #files: FaultyFiles
  readonly #path: string
  readonly #file: OpenFile
  readonly #data: FileData

  constructor(files: FaultyFiles, path: string, file: OpenFile, data: FileData) {
    this.#files = files
    this.#path = path
    this.#file = file
    this.#data = data
  }

  async writev(buffers: readonly Buffer[], position: number) {
    const nth = await this.#files.enter('writev', this.#path)
    const bytes = Buffer.concat(buffers)
    const taken = bytes.subarray(0, Math.min(bytes.length, this.#files.most(nth)))
    if (taken.length === 0) return { bytesWritten: 0 }
    const { bytesWritten } = await this.#file.writev([taken], position)
    this.#data.wrote(position, position + bytesWritten)
    return { bytesWritten }
  }

  async read(buffer: Buffer, offset: number, length: number, position: number) {
    await this.#files.enter('read', this.#path)
    return await this.#file.read(buffer, offset, length, position)
  }

  async stat() {
    await this.#files.enter('stat', this.#path)
    return await this.#file.stat()
  }

  async truncate(length: number): Promise<void> {
    await this.#files.enter('truncate', this.#path)
    await this.#file.truncate(length)
    this.#data.truncated(length)
  }

  async datasync(): Promise<void> {
    const { end } = this.#data
    await this.#files.enter('datasync', this.#path)
    await this.#file.datasync()
    this.#data.durable = end
  }

  async sync(): Promise<void> {
    await this.#files.syncEntries(this.#path, async () => {
      await this.#files.enter('sync', this.#path)
      await this.#file.sync()
    })
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}
