/**
 * Records as the contract's tests need them: a bucket `bkt`, sessions and publications with everything filled in.
 */

import fc from 'fast-check'
import type { Test } from 'tap'
import { lengthOf } from '../../../src/engine/content.ts'
import type {
  Advance,
  Catalog,
  Extent,
  Intent,
  NewSession,
  Publication,
  Segment,
  Source,
  StoredObject,
  Tally,
} from '../../../src/engine/ports.ts'

export interface CatalogUnderTest {
  readonly catalog: Catalog
  /** Ends it and opens the same records again, as after a restart. */
  reopen(): Promise<Catalog>
}

/** An empty catalog that is closed when the test ends. */
export type MakeCatalog = (t: Test) => Promise<CatalogUnderTest>

export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)
export const DUE = NOW + 48 * 3_600_000
export const TOMBSTONE_DUE = NOW + 7 * 86_400_000

/** The ends of each length in UTF-8, and both sides of the surrogates: UTF-16 sorts some of them otherwise. */
export const EDGES = [
  'a',
  '\x7f',
  '\u07ff',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '\u{10000}',
  '\u{10ffff}',
]

/** Few characters, so that prefixes match. */
export const edgeText = fc.string({ unit: fc.constantFrom(...EDGES), maxLength: 4 })

/** The order of names. */
export function inBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

/** An empty catalog with the bucket `bkt`. */
export async function withBucket(t: Test, make: MakeCatalog): Promise<CatalogUnderTest> {
  const made = await make(t)
  await made.catalog.createBucket('bkt', NOW)
  return made
}

export function extent(blob: string, length = 10, start = 0): Extent {
  return { blob, start, length, crc32c: 0xffff_ffff - length }
}

export function intentOf(name: string, more: Partial<Intent> = {}): Intent {
  return {
    bucket: 'bkt',
    name,
    metadata: { contentType: 'text/plain', custom: { colour: 'grün' } },
    preconditions: { generationMatch: 0 },
    checksums: { md5: 'CY9rzUYh03PK3k6DJie09g==' },
    doorData: { origin: 'https://example.com' },
    ...more,
  }
}

export function newSession(key: string, more: Partial<NewSession> = {}): NewSession {
  return { key, door: 'google', intent: intentOf(key), at: NOW, dueAt: DUE, ...more }
}

export function publicationOf(
  name: string,
  extents: readonly Extent[],
  more: Partial<Publication> = {},
): Publication {
  return {
    bucket: 'bkt',
    name,
    metadata: { contentType: 'text/plain' },
    preconditions: {},
    extents,
    size: lengthOf(extents),
    crc32c: 0xdead_beef,
    at: NOW,
    ...more,
  }
}

/** An object as it is now, for another one to take its bytes over. */
export function sourceOf(
  { bucket, name, generation }: StoredObject,
  more: Partial<Source> = {},
): Source {
  return { bucket, name, generation, preconditions: {}, isRemoved: false, ...more }
}

/** Leases a segment and moves it to this content. */
export async function write(
  catalog: Catalog,
  key: string,
  number: number,
  extents: readonly Extent[],
  replaces = false,
): Promise<Segment> {
  const { epoch } = await catalog.lease(key, number)
  await advance(catalog, { key, number, epoch, extents, replaces })
  return { number, epoch, extents }
}

export function advance(
  catalog: Catalog,
  step: Segment & { key: string } & Partial<Advance>,
): Promise<Tally> {
  const { number: segment, replaces = false, ...rest } = step
  return catalog.advance({ segment, replaces, at: NOW + 1, dueAt: DUE + 1, ...rest })
}

/** Publishes what these segments hold, as the end of their session. */
export function finish(
  catalog: Catalog,
  key: string,
  segments: readonly Segment[],
  more: Partial<Publication> = {},
): Promise<StoredObject> {
  const extents = segments.flatMap(segment => segment.extents)
  const session = {
    key,
    segments: segments.map(({ number, epoch }) => ({ number, epoch })),
    dueAt: TOMBSTONE_DUE,
  }
  return catalog.publish(publicationOf(key, extents, { session, ...more }))
}

export async function garbage(catalog: Catalog): Promise<string[]> {
  return [...(await catalog.garbage(1000))].sort()
}
