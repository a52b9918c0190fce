/** A disk that is easily filled: a tmpfs of a few MiB, which takes root to mount. */

import { execFile } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Down to the last byte: big steps first, then ever smaller ones. */
const STEPS = [1024 * 1024, 4096, 1]

export class SmallDisk {
  readonly path: string
  readonly #scratch: string
  readonly #filler: string

  /** Rejects where this process may not mount, or there is no tmpfs. */
  static async mount(size: string): Promise<SmallDisk> {
    const scratch = await mkdtemp(join(tmpdir(), 'tidemark-disk-'))
    const path = join(scratch, 'disk')
    mkdirSync(path)
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tidemark-test', path])
    } catch (error) {
      await rm(scratch, { recursive: true })
      throw error
    }
    return new SmallDisk(scratch, path)
  }

  private constructor(scratch: string, path: string) {
    this.#scratch = scratch
    this.path = path
    this.#filler = join(path, 'somebody-elses-file')
  }

  /** Somebody else's file grows until not one more byte fits. Synchronous, so that nothing comes between. */
  fill(): void {
    const descriptor = openSync(this.#filler, 'a')
    try {
      for (const step of STEPS) {
        const block = Buffer.alloc(step, 1)
        while (writes(descriptor, block)) {
          // On.
        }
      }
    } finally {
      closeSync(descriptor)
    }
  }

  /** That file goes. */
  makeRoom(): void {
    rmSync(this.#filler, { force: true })
  }

  async makeReadOnly(): Promise<void> {
    await run('mount', ['-o', 'remount,ro', this.path])
  }

  async unmount(): Promise<void> {
    await run('umount', [this.path])
    await rm(this.#scratch, { recursive: true })
  }
}

/** Why no small disk can be had here; undefined where it can. */
export async function whyNoSmallDisk(): Promise<string | undefined> {
  try {
    await (await SmallDisk.mount('1m')).unmount()
    return undefined
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    // Its own words, after Node's "Command failed".
    const reason = text.split('\n').find(line => line.startsWith('mount:')) ?? text
    return `a tmpfs cannot be mounted here, which takes root (${reason})`
  }
}

function writes(descriptor: number, block: Buffer): boolean {
  try {
    return writeSync(descriptor, block) > 0
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false
    throw error
  }
}
