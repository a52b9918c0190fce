/**
 * The few calls of node:fs that this adapter stands on, as an interface so narrow that a test can put a faulty disk
 * behind the real adapter: short counts, failing syncs, a full disk, a slow one. The real one is node:fs/promises itself.
 */

import { constants, type Dirent } from 'node:fs'
import { mkdir, open, opendir, rmdir, statfs, unlink } from 'node:fs/promises'

export interface OpenFile {
  /** May write less than it was given. */
  writev(buffers: readonly Buffer[], position: number): Promise<{ readonly bytesWritten: number }>
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>
  stat(): Promise<{ readonly size: number }>
  truncate(length: number): Promise<void>
  datasync(): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

export interface Files {
  open(path: string, flags: number): Promise<OpenFile>
  /** With `recursive`, an existing directory is fine and the answer is the first one that had to be made. */
  mkdir(path: string, options?: { readonly recursive: boolean }): Promise<string | undefined>
  rmdir(path: string): Promise<void>
  unlink(path: string): Promise<void>
  opendir(path: string): Promise<AsyncIterable<Dirent>>
  statfs(
    path: string,
  ): Promise<{ readonly bsize: number; readonly blocks: number; readonly bavail: number }>
}

/** What clients upload is nobody's business on this machine but ours. */
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700
/** Entries to a readdir round trip; a day's directory may hold a great many. */
const ENTRIES_AT_ONCE = 1024

export const NODE_FILES: Files = {
  open: (path, flags) => open(path, flags, FILE_MODE),
  mkdir: (path, options) => mkdir(path, { ...options, mode: DIRECTORY_MODE }),
  rmdir: path => rmdir(path),
  unlink: path => unlink(path),
  opendir: path => opendir(path, { bufferSize: ENTRIES_AT_ONCE }),
  statfs: path => statfs(path),
}

export const { O_CREAT, O_EXCL, O_RDONLY, O_TRUNC, O_WRONLY } = constants
