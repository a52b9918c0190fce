/**
 * An engine over the real disk and the real catalog in a test's directory, with a clock that the test sets. Faults are put
 * between: a wrapped catalog, or file calls that fail.
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { SqliteCatalog } from '../../src/catalog/sqlite.ts'
import { Budget } from '../../src/engine/budget.ts'
import { Engine } from '../../src/engine/engine.ts'
import type {
  Catalog,
  EngineSettings,
  Intent,
  Log,
  Observer,
  Storage,
} from '../../src/engine/ports.ts'
import type { Pace } from '../../src/storage/disk/checkpoints.ts'
import type { Files } from '../../src/storage/disk/files.ts'
import { DiskStorage } from '../../src/storage/disk.ts'
import { UNOBSERVED } from './observer.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export const SETTINGS: EngineSettings = {
  sessionTtlMs: 48 * HOUR,
  tombstoneTtlMs: 7 * DAY,
  bodyIdleMs: 60_000,
  md5: true,
  maxObjectSize: 5 * 2 ** 40,
  maxSessions: 1_000_000,
}

export interface TestEngineOptions {
  readonly directory?: string
  readonly settings?: Partial<EngineSettings>
  readonly wrapCatalog?: (catalog: Catalog) => Catalog
  /** The disk: a faulty one, for instance. */
  readonly files?: Files
  /** When running appends make checkpoints. */
  readonly pace?: Pace
  /** Bytes of the disk to leave free. */
  readonly reserveBytes?: number
  /** How much longer each commit takes. */
  readonly commitDelayMs?: number
  readonly observer?: Observer
}

/** One server's life over a directory; `reopen` is the next one. */
export interface TestEngine {
  readonly engine: Engine
  readonly catalog: Catalog
  readonly storage: Storage
  readonly directory: string
  readonly clock: { now: number }
  /** Errors and warnings that were logged. */
  readonly complaints: object[]
  reopen(): Promise<TestEngine>
  close(): Promise<void>
}

export async function openEngine(t: Test, options: TestEngineOptions = {}): Promise<TestEngine> {
  const directory = options.directory ?? t.testdir()
  const clock = { now: Date.UTC(2026, 0, 2, 3, 4, 5) }
  return open(t, { ...options, directory }, clock)
}

async function open(
  t: Test,
  options: TestEngineOptions & { readonly directory: string },
  clock: { now: number },
): Promise<TestEngine> {
  const { directory, observer = UNOBSERVED } = options
  const complaints: object[] = []
  const complain = (fields: object, message: string) => complaints.push({ ...fields, message })
  const log: Log = { debug() {}, info() {}, warn: complain, error: complain }
  const now = () => clock.now
  const realCatalog = await SqliteCatalog.open({
    directory,
    durability: 'chunk',
    log,
    observer,
    reserveBytes: 0,
    onFatal: error => complain({ error }, 'fatal'),
    ...(options.commitDelayMs === undefined
      ? {}
      : { faults: { commitDelayMs: options.commitDelayMs } }),
  })
  const storage = await DiskStorage.open({
    directory,
    budget: new Budget(128 * 2 ** 20),
    durability: 'chunk',
    reserveBytes: options.reserveBytes ?? 0,
    clock: now,
    log,
    observer,
    ...(options.files === undefined ? {} : { files: options.files }),
    ...(options.pace === undefined ? {} : { pace: options.pace }),
  })
  const catalog = options.wrapCatalog?.(realCatalog) ?? realCatalog
  const settings = { ...SETTINGS, ...options.settings }
  const startedAt = clock.now
  const uptime = () => clock.now - startedAt
  const engine = new Engine({ storage, catalog, clock: now, uptime, log, observer, settings })
  await engine.start()
  if ((await catalog.findBucket('bkt')) === undefined) await engine.buckets.create('bkt')

  let isOpen = true
  const close = async () => {
    if (!isOpen) return
    isOpen = false
    await engine.drain()
    await engine.close()
  }
  t.teardown(close)
  const reopen = async () => {
    await close()
    return open(t, options, clock)
  }
  return { engine, catalog, storage, directory, clock, complaints, reopen, close }
}

/** An intent for `bkt/name` that declares nothing else. */
export function intentOf(name: string, more: Partial<Intent> = {}): Intent {
  return {
    bucket: 'bkt',
    name,
    metadata: {},
    preconditions: {},
    checksums: {},
    doorData: {},
    ...more,
  }
}

/** The whole content of an object. */
export async function contentOf(engine: Engine, name: string): Promise<Buffer> {
  const opened = await engine.objects.open({ bucket: 'bkt', name: name })
  const buffers: Buffer[] = []
  for await (const bytes of opened.read(0, opened.object.size)) buffers.push(bytes)
  return Buffer.concat(buffers)
}

/** Bytes that differ from offset to offset, the same on every call: position `from` to `to` of an endless source. */
export function sourceBytes(from: number, to: number, variant = 0): Buffer {
  const bytes = Buffer.alloc(to - from)
  for (let offset = from; offset < to; offset += 1) {
    bytes[offset - from] =
      (offset * 31 + (offset >> 8) * 17 + (offset >> 16) * 7 + variant * 101) & 0xff
  }
  return bytes
}

/** Paths of the blobs' files on the disk. */
export async function blobFiles(directory: string): Promise<string[]> {
  const root = join(directory, 'blobs')
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}
