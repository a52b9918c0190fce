/**
 * Who refers to which blob. A segment and an object count once for each blob in their extents; a step that moves content
 * from some of them to others writes only the difference, so publishing ten thousand segments touches no count at all.
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Extent } from '../../engine/ports.ts'
import { Query } from './query.ts'

// A blob that was given up is never taken back: the sweeper may be freeing its bytes at this moment.
const RETAIN = `
  INSERT INTO blobs (name, refs) VALUES (:blob, :count)
  ON CONFLICT (name) DO UPDATE SET refs = refs + excluded.refs WHERE refs > 0`
const RELEASE = 'UPDATE blobs SET refs = refs - :count WHERE name = :blob'
const FORGET = 'DELETE FROM blobs WHERE name = :blob AND refs = 0'

/** Lists of extents, one for each segment or object that refers to them. */
type Referrers = ReadonlyArray<readonly Extent[]>

export class References {
  readonly #retain: Query<never>
  readonly #release: Query<never>
  readonly #forget: Query<never>

  constructor(database: DatabaseSync) {
    this.#retain = new Query(database, RETAIN)
    this.#release = new Query(database, RELEASE)
    this.#forget = new Query(database, FORGET)
  }

  /** What referred `from` does so no more; what is in `to` does from now on. */
  move(change: { readonly from: Referrers; readonly to: Referrers }): void {
    const net = new Map<string, number>()
    count(net, change.from, -1)
    count(net, change.to, 1)
    for (const [blob, difference] of net) {
      if (difference > 0) this.#add(blob, difference)
      if (difference < 0) this.#release.run({ blob, count: -difference })
    }
  }

  forget(blobs: readonly string[]): void {
    for (const blob of blobs) this.#forget.run({ blob })
  }

  #add(blob: string, count: number): void {
    if (this.#retain.run({ blob, count }) === 0) {
      throw new Error(`blob ${blob} was given up and cannot be content again`)
    }
  }
}

function count(net: Map<string, number>, referrers: Referrers, difference: 1 | -1): void {
  for (const extents of referrers) {
    for (const blob of blobsOf(extents)) net.set(blob, (net.get(blob) ?? 0) + difference)
  }
}

function blobsOf(extents: readonly Extent[]): Iterable<string> {
  const [first] = extents
  if (first === undefined) return []
  // Nearly always one extent: no set for that.
  return extents.length === 1 ? [first.blob] : new Set(extents.map(({ blob }) => blob))
}
