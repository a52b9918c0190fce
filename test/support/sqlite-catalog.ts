/**
 * The real catalog in a test's directory, closed when the test ends. What it says and whether it gave up is on record.
 */

import type { Test } from 'tap'
import { SqliteCatalog, type SqliteCatalogOptions } from '../../src/catalog/sqlite.ts'
import { UNOBSERVED } from './observer.ts'

export interface CatalogRecord {
  readonly warnings: string[]
  readonly fatal: Error[]
}

export async function openCatalog(
  t: Test,
  options: Partial<SqliteCatalogOptions> = {},
  record: CatalogRecord = { warnings: [], fatal: [] },
): Promise<SqliteCatalog> {
  const complain = (_fields: object, message: string) => record.warnings.push(message)
  const catalog = await SqliteCatalog.open({
    directory: options.directory ?? t.testdir(),
    durability: 'chunk',
    log: { debug() {}, info() {}, warn: complain, error: complain },
    observer: UNOBSERVED,
    reserveBytes: 0,
    onFatal: error => record.fatal.push(error),
    ...options,
  })
  t.teardown(() => catalog.close())
  return catalog
}
