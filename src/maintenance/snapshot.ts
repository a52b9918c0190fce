/**
 * A catalog as of one moment, in a file of its own.
 */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Inventory } from './inventory.ts'

const CATALOG = 'catalog.sqlite'

/** The data directory's catalog, into `path`. One read transaction: the server goes on writing, and none of that is in it. */
export async function takeSnapshot(directory: string, path: string): Promise<void> {
  await rm(path, { force: true })
  const database = new DatabaseSync(join(directory, CATALOG), { readOnly: true, timeout: 60_000 })
  try {
    database.prepare('VACUUM INTO ?').run(path)
  } finally {
    database.close()
  }
}

/** What a catalog that nobody writes refers to. */
export function openInventory(path: string): { inventory: Inventory; close: () => void } {
  const database = new DatabaseSync(path, { readOnly: true })
  const close = () => {
    if (database.isOpen) database.close()
  }
  try {
    return { inventory: new Inventory(database), close }
  } catch (error) {
    close()
    throw error
  }
}
