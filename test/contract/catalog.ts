/**
 * What every catalog must do, whatever it stands on: ports.ts as tests. An adapter's test file calls this with a way to make an
 * empty catalog; each test gets one of its own.
 */

import type { Test } from 'tap'
import { blobContract } from './catalog/blobs.ts'
import { bucketContract } from './catalog/buckets.ts'
import type { MakeCatalog } from './catalog/fixtures.ts'
import { leaseContract } from './catalog/leases.ts'
import { listContract } from './catalog/lists.ts'
import { objectContract } from './catalog/objects.ts'
import { publishContract } from './catalog/publishing.ts'
import { segmentContract } from './catalog/segments.ts'
import { sessionContract } from './catalog/sessions.ts'
import { showingContract } from './catalog/showing.ts'
import { sourceContract } from './catalog/sources.ts'
import { timeContract } from './catalog/time.ts'
import { updateContract } from './catalog/updates.ts'

export type { CatalogUnderTest, MakeCatalog } from './catalog/fixtures.ts'

export function catalogContract(t: Test, make: MakeCatalog): void {
  sessionContract(t, make)
  leaseContract(t, make)
  segmentContract(t, make)
  publishContract(t, make)
  showingContract(t, make)
  sourceContract(t, make)
  objectContract(t, make)
  updateContract(t, make)
  blobContract(t, make)
  timeContract(t, make)
  bucketContract(t, make)
  listContract(t, make)
}
