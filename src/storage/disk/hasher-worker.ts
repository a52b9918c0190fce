/**
 * The worker's side of the hasher: reads what it is told to from the page cache and hashes it, a few MiB of one run, then
 * of the next. Everything is synchronous, which is the fastest way when there is nothing else to do on this thread.
 */

import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { Digest, DigestAlgorithm } from '../../engine/ports.ts'

/** Bytes to hash: a slice of a blob, by its path. */
export interface Stretch {
  readonly blob: string
  readonly path: string
  readonly start: number
  readonly length: number
}

/** `begin` makes a run; `hash` adds to what it has to do; `finish` asks for its digest when all is done. */
export type Order =
  | { readonly do: 'begin'; readonly run: number; readonly algorithms: readonly DigestAlgorithm[] }
  | { readonly do: 'hash'; readonly run: number; readonly stretches: readonly Stretch[] }
  | { readonly do: 'finish'; readonly run: number }
  | { readonly do: 'forget'; readonly run: number }

/** A run that is `short` or has `failed` is forgotten, as is one whose digest was sent. */
export type Report =
  | { readonly run: number; readonly is: 'hashed'; readonly hashed: number }
  | { readonly run: number; readonly is: 'digest'; readonly digest: Digest }
  | { readonly run: number; readonly is: 'short'; readonly blob: string }
  | { readonly run: number; readonly is: 'failed'; readonly error: unknown }

interface Run {
  readonly hashes: ReadonlyMap<DigestAlgorithm, Hash>
  readonly stretches: Stretch[]
  hashed: number
  isFinishing: boolean
}

/** Read at once, and hashed of one run before the next one's turn. */
const PIECE = 1024 * 1024
const TURN = 8 * PIECE

const ENCODINGS = { md5: 'base64', sha256: 'hex' } as const

const runs = new Map<number, Run>()
const waiting = new Set<number>()
const piece = Buffer.allocUnsafeSlow(PIECE)
let isBusy = false

const report = (message: Report) => parentPort?.postMessage(message)

parentPort?.on('message', (order: Order) => {
  if (order.do === 'forget') {
    runs.delete(order.run)
    waiting.delete(order.run)
    return
  }
  if (order.do === 'begin') {
    const hashes = new Map(order.algorithms.map(name => [name, createHash(name)] as const))
    runs.set(order.run, { hashes, stretches: [], hashed: 0, isFinishing: false })
    return
  }
  // One that failed is told to go on until its owner has heard of it.
  const run = runs.get(order.run)
  if (run === undefined) return
  if (order.do === 'hash') run.stretches.push(...order.stretches)
  else run.isFinishing = true
  waiting.add(order.run)
  if (!isBusy) setImmediate(work)
  isBusy = true
})

/** One turn of the run that has waited longest; orders that came meanwhile are taken between turns. */
function work(): void {
  const [id] = waiting
  const run = id === undefined ? undefined : runs.get(id)
  if (id !== undefined && run !== undefined) {
    waiting.delete(id)
    if (advance(id, run)) waiting.add(id)
  }
  isBusy = waiting.size > 0
  if (isBusy) setImmediate(work)
}

/** True when there is more to do for the run. */
function advance(id: number, run: Run): boolean {
  try {
    for (let left = TURN; left > 0; ) {
      const stretch = run.stretches[0]
      if (stretch === undefined) break
      const length = Math.min(stretch.length, left)
      if (!hashBytes(run.hashes, stretch, length)) {
        runs.delete(id)
        report({ run: id, is: 'short', blob: stretch.blob })
        return false
      }
      left -= length
      run.hashed += length
      if (length === stretch.length) run.stretches.shift()
      else run.stretches[0] = rest(stretch, length)
    }
  } catch (error) {
    runs.delete(id)
    report({ run: id, is: 'failed', error })
    return false
  }
  report({ run: id, is: 'hashed', hashed: run.hashed })
  if (run.stretches.length > 0) return true
  if (run.isFinishing) {
    runs.delete(id)
    report({ run: id, is: 'digest', digest: digestOf(run) })
  }
  return false
}

function digestOf({ hashes }: Run): Digest {
  const digest: { -readonly [name in DigestAlgorithm]?: string } = {}
  for (const [name, hash] of hashes) digest[name] = hash.digest(ENCODINGS[name])
  return digest
}

/** False when the file ends before `length` bytes, or is not there. */
function hashBytes(hashes: Run['hashes'], { path, start }: Stretch, length: number): boolean {
  const fd = openIfThere(path)
  if (fd === undefined) return false
  try {
    for (let done = 0; done < length; ) {
      const bytes = readSync(fd, piece, 0, Math.min(PIECE, length - done), start + done)
      if (bytes === 0) return false
      for (const hash of hashes.values()) hash.update(piece.subarray(0, bytes))
      done += bytes
    }
    return true
  } finally {
    closeSync(fd)
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function rest(stretch: Stretch, done: number): Stretch {
  return { ...stretch, start: stretch.start + done, length: stretch.length - done }
}
