/**
 * One data directory, one server. The lock is a transaction that is never finished on a small SQLite file: the kernel frees it
 * when the process is gone, however it went. A pid file would lie in containers, where every server is process 1.
 */

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const LOCK_FILE = 'lock.sqlite'
const SQLITE_BUSY = 5

/** For the operator: the message says what to change. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError'
}

export interface DataDirectory {
  /** Absolute. */
  readonly path: string
  /** Frees it for another server. Idempotent. */
  release(): void
}

/** Makes the directory where it is missing, durably, and takes it for this process. */
export function lockDataDirectory(directory: string): DataDirectory {
  const path = resolve(directory)
  try {
    makeDirectory(path)
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new DataDirectoryError(
      `the data directory ${path} cannot be made or written (${reasonOf(cause)}): set TIDEMARK_DATA_DIR to one that can`,
      { cause },
    )
  }
  const lock = takeLock(path)
  return {
    path,
    release: () => {
      if (lock.isOpen) lock.close()
    },
  }
}

function takeLock(path: string): DatabaseSync {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(join(path, LOCK_FILE))
    // Nothing is ever written to it: no journal, and nothing to recover after a kill.
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock?.close()
    throw new DataDirectoryError(
      isBusy(cause)
        ? `the data directory ${path} is already served by another Tidemark: set TIDEMARK_DATA_DIR to a directory of its own`
        : `the data directory ${path} cannot be locked (${reasonOf(cause)}): it must be on a disk with file locks; see TIDEMARK_DATA_DIR`,
      { cause },
    )
  }
}

/** mkdir -p (Node's own never returns below /proc); the entry of each new directory is synced, or power loss could take it all away. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  makeDirectory(parent)
  try {
    mkdirSync(path)
  } catch (error) {
    // Another server made it at the same moment; the lock decides between the two.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  syncDirectory(parent)
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code !== 'ERR_SQLITE_ERROR') {
    return String(error.code)
  }
  return error instanceof Error ? error.message : String(error)
}
