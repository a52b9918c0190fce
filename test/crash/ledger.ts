/**
 * What the clients know: the other side of every promise. It holds what was acknowledged, and beside it the one request
 * that each client may have under way, whose outcome nobody knows when the server dies in the middle of it.
 */

import type { SourceBytes } from '../support/source-bytes.ts'

/** Content for an object. */
export interface Version {
  readonly source: SourceBytes
  readonly total: number
}

/** One object name, used by one client only. */
export class Place {
  readonly name: string
  /** What was last acknowledged to be there. */
  live: Version | undefined
  /** Its generation, once seen. */
  generation = 0n
  /** A one-request upload or a delete without an answer yet. */
  pending:
    | { readonly kind: 'publish'; readonly version: Version }
    | { readonly kind: 'delete' }
    | undefined
  /** After how many restarts the live version's bytes were compared. */
  comparisons = 0

  constructor(name: string) {
    this.name = name
  }

  put(version: Version, generation: bigint): void {
    this.live = version
    this.generation = generation
    this.pending = undefined
    this.comparisons = 0
  }

  clear(): void {
    this.live = undefined
    this.pending = undefined
  }
}

/** A session that is open as far as its client knows. */
export interface OpenSession {
  readonly url: string
  readonly place: Place
  readonly version: Version
  /** By the last answer, or what a query found since. */
  acknowledged: number
  /** The end of what any request has carried. */
  sent: number
  /** A request that may complete it is without an answer. */
  isEnding: boolean
  isCancelling: boolean
}

/** A session that was answered with its object. */
export interface CompletedSession {
  readonly url: string
  readonly body: Buffer
}

export class Ledger {
  readonly places: Place[] = []
  readonly open = new Set<OpenSession>()
  readonly completed: CompletedSession[] = []
  readonly cancelled: string[] = []

  place(name: string): Place {
    const place = new Place(name)
    this.places.push(place)
    return place
  }
}
