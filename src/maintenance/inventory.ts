/**
 * What a catalog says is stored: every extent of every object and session, once, by blob. It is worked out into temporary tables of
 * SQLite's, which go to the disk where there is much, so that a catalog of any size needs no more memory than a small one.
 */

import type { DatabaseSync } from 'node:sqlite'
import { Query } from '../catalog/sqlite/query.ts'
import type { Extent } from '../engine/ports.ts'
import { parseExtents } from './extent-list.ts'

const TABLES = `
  -- One row for each slice that somebody refers to; the md5 of an object that is just this slice.
  CREATE TEMP TABLE extents (
    blob TEXT, start INTEGER, length INTEGER, crc32c INTEGER, md5 TEXT,
    PRIMARY KEY (blob, start, length, crc32c)
  ) WITHOUT ROWID;
  CREATE TEMP TABLE referrers (blob TEXT, referrer TEXT, PRIMARY KEY (blob, referrer)) WITHOUT ROWID`
const CONTENTS = `
  SELECT 'object ' || bucket || '/' || name AS referrer, size, crc32c, md5, extents FROM objects
  UNION ALL
  SELECT 'session ' || substr(session, 1, 10) || ', segment ' || number, persisted, NULL, NULL, extents
  FROM segments`
const KEEP_EXTENT = `
  INSERT INTO extents VALUES (:blob, :start, :length, :crc32c, :md5)
  ON CONFLICT DO UPDATE SET md5 = coalesce(md5, excluded.md5)`
const KEEP_REFERRER = 'INSERT INTO referrers VALUES (:blob, :referrer) ON CONFLICT DO NOTHING'
const BY_BLOB = 'SELECT blob, start, length, crc32c, md5 FROM extents ORDER BY blob, start'
const HAS = `
  SELECT 1 FROM extents
  WHERE blob = :blob AND start = :start AND length = :length AND crc32c = :crc32c`
const REFERRERS = 'SELECT referrer FROM referrers WHERE blob = :blob LIMIT :limit'
const TOTAL = `
  SELECT count(*) AS blobs, coalesce(sum(bytes), 0) AS bytes
  FROM (SELECT max(start + length) AS bytes FROM extents GROUP BY blob)`

/** The content of an object or of a session's segment, as its row has it. */
export interface Content {
  /** Says whose it is, for people. */
  readonly referrer: string
  readonly size: number
  /** Null for a segment: its checksum is that of its extents. */
  readonly crc32c: number | null
  readonly md5: string | null
  /** Undefined where the row's list cannot be read. */
  readonly list: readonly Extent[] | undefined
}

export type StoredExtent = Extent & { readonly md5: string | null }

/** A blob, with what is referred to of it. */
export interface BlobUse {
  readonly blob: string
  /** It must have as many bytes at least. */
  readonly end: number
  readonly extents: readonly StoredExtent[]
}

export class Inventory {
  readonly #byBlob: Query<StoredExtent>
  readonly #has: Query<unknown>
  readonly #referrers: Query<{ referrer: string }>
  readonly #total: Query<{ blobs: number; bytes: number }>

  /** Reads the whole catalog; `each` sees every content on the way. */
  constructor(database: DatabaseSync, each: (content: Content) => void = () => {}) {
    // One transaction: all of it as of one moment, and not a commit for each row.
    database.exec(`BEGIN; ${TABLES}`)
    const keepExtent = new Query<never>(database, KEEP_EXTENT)
    const keepReferrer = new Query<never>(database, KEEP_REFERRER)
    const contents = new Query<Omit<Content, 'list'> & { extents: string }>(database, CONTENTS)
    for (const { extents, ...row } of contents.each()) {
      const list = parseExtents(extents)
      each({ ...row, list })
      const { referrer, md5 } = row
      for (const { blob, start, length, crc32c } of list ?? []) {
        const isWhole = list?.length === 1 && start === 0
        keepExtent.run({ blob, start, length, crc32c, md5: isWhole ? md5 : null })
        keepReferrer.run({ blob, referrer })
      }
    }
    database.exec('COMMIT')
    this.#byBlob = new Query(database, BY_BLOB)
    this.#has = new Query(database, HAS)
    this.#referrers = new Query(database, REFERRERS)
    this.#total = new Query(database, TOTAL)
  }

  /** How many blobs are referred to, and how many bytes they must have together. */
  get total(): { readonly blobs: number; readonly bytes: number } {
    return this.#total.first() ?? { blobs: 0, bytes: 0 }
  }

  /** By name. */
  *blobs(): Generator<BlobUse> {
    let extents: StoredExtent[] = []
    for (const extent of this.#byBlob.each()) {
      if (extents[0] !== undefined && extents[0].blob !== extent.blob) {
        yield useOf(extents)
        extents = []
      }
      extents.push(extent)
    }
    if (extents.length > 0) yield useOf(extents)
  }

  has({ blob, start, length, crc32c }: Extent): boolean {
    return this.#has.first({ blob, start, length, crc32c }) !== undefined
  }

  refersTo(blob: string): boolean {
    return this.#referrers.first({ blob, limit: 1 }) !== undefined
  }

  /** Some of those who refer to the blob, for people. */
  referrersOf(blob: string): string {
    const some = this.#referrers.all({ blob, limit: 4 }).map(({ referrer }) => referrer)
    return some.length === 4 ? `${some.slice(0, 3).join('; ')}; and others` : some.join('; ')
  }
}

function useOf(extents: readonly StoredExtent[]): BlobUse {
  const [{ blob } = { blob: '' }] = extents
  // One by one: there may be more than a call takes arguments.
  let end = 0
  for (const { start, length } of extents) end = Math.max(end, start + length)
  return { blob, end, extents }
}
