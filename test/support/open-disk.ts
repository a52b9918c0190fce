/** A DiskStorage in a test's directory. */

import type { Test } from 'tap'
import { Budget } from '../../src/engine/budget.ts'
import type { Log } from '../../src/engine/ports.ts'
import { type DiskSettings, DiskStorage } from '../../src/storage/disk.ts'
import { UNOBSERVED } from './observer.ts'

export const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** 2026-01-02, in the middle of the day. */
export const NOON = Date.UTC(2026, 0, 2, 12)

export async function openDisk(
  t: Test,
  settings: Partial<DiskSettings> = {},
): Promise<DiskStorage> {
  const storage = await DiskStorage.open({
    directory: settings.directory ?? t.testdir(),
    budget: new Budget(8 * 1024 * 1024),
    durability: 'chunk',
    reserveBytes: 0,
    clock: () => NOON,
    log: QUIET,
    observer: UNOBSERVED,
    ...settings,
  })
  t.teardown(() => storage.close())
  return storage
}
