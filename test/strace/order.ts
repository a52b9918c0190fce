/**
 * The order of design P1, read from system calls: bytes written → synced, with the directory entries that lead to them →
 * record written to the catalog's log → synced → status line on the socket. For each answer, what it promises must have
 * returned from its sync before the first byte of the answer was handed to the kernel.
 */

import { dirname } from 'node:path'
import { type Call, pathOf, peerPortOf } from './trace.ts'

/** What one answer promised. */
export interface Claim {
  /** For people. */
  readonly what: string
  /** The client's end of the connection, and how many answers it had had on it before. */
  readonly port: number
  readonly nth: number
  readonly status: number
  /** Bytes that it says are kept, less those from before the trace. */
  readonly bytes: number
  /** What the blobs of this content are known by: each of its chunks begins with one of these words. */
  readonly marks: readonly string[]
  /** It says that something was recorded. False for a status query. */
  readonly records: boolean
  /** Nothing else was under way: everything in the catalog's log before the answer is about this claim or an earlier one. */
  readonly alone: boolean
}

export type Missing = 'answer' | 'data' | 'entry' | 'record' | 'record-sync' | 'rewritten'

export interface Violation {
  readonly claim: Claim
  readonly missing: Missing
  readonly detail: string
}

interface Write {
  readonly path: string
  readonly offset: number
  readonly length: number
  readonly text: string
  readonly began: number
  readonly returned: number
}

interface Sync {
  readonly path: string
  readonly began: number
  readonly returned: number
}

interface Creation {
  readonly path: string
  readonly returned: number
}

const CATALOG = 'catalog.sqlite'
const WRITES: ReadonlySet<string> = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'])
const ANSWERS: ReadonlySet<string> = new Set(['write', 'writev', 'sendto', 'sendmsg'])

/** Checks claims, in the order in which they were answered, against one trace of one server over `dataDir`. */
export function violationsIn(
  calls: readonly Call[],
  dataDir: string,
  claims: readonly Claim[],
): Violation[] {
  const order = new Order(calls, dataDir)
  let before = -1
  return claims.flatMap(claim => {
    const { line, violations } = order.check(claim, before)
    before = line ?? before
    return violations
  })
}

class Order {
  readonly #dataDir: string
  readonly #writes: Write[] = []
  readonly #syncs: Sync[] = []
  readonly #creations: Creation[] = []
  /** By client port, the places and statuses of its answers. */
  readonly #answers = new Map<number, Array<{ readonly line: number; readonly status: number }>>()

  constructor(calls: readonly Call[], dataDir: string) {
    this.#dataDir = dataDir
    for (const call of calls) this.#take(call)
  }

  /** `before` is the place of the answer before this one. */
  check(
    claim: Claim,
    before: number,
  ): { readonly line?: number; readonly violations: Violation[] } {
    const violations: Violation[] = []
    const miss = (missing: Missing, detail: string) => violations.push({ claim, missing, detail })
    const answer = this.#answers.get(claim.port)?.[claim.nth]
    if (answer === undefined || answer.status !== claim.status) {
      miss(
        'answer',
        `no status line ${claim.status} on port ${claim.port}, found ${answer?.status}`,
      )
      return { violations }
    }
    const { line } = answer
    const blobs = claim.bytes === 0 ? new Set<string>() : this.#blobsOf(claim, line)
    const { syncedAt, synced } = this.#synced(blobs, claim.bytes, line)
    if (synced < claim.bytes) {
      miss('data', `${synced} of ${claim.bytes} bytes synced before the status line`)
    }
    const rewritten = this.#rewritten(blobs, claim.bytes, line)
    if (rewritten !== undefined) miss('rewritten', rewritten)
    const entriesAt = this.#entriesAt(blobs, line)
    if (typeof entriesAt === 'string') miss('entry', `${entriesAt} not synced since it was made`)
    const durableAt = Math.max(syncedAt, typeof entriesAt === 'string' ? -1 : entriesAt)
    const from = claim.alone && claim.records ? Math.max(before, durableAt) : durableAt
    this.#checkRecord(claim, from, line, miss)
    return { line, violations }
  }

  /** A record written after everything it refers to was durable, and synced before the answer. */
  #checkRecord(
    { bytes, records, alone }: Claim,
    from: number,
    line: number,
    miss: (missing: Missing, detail: string) => void,
  ): void {
    // A status query that promises nothing has nothing to record.
    if (bytes === 0 && !records) return
    const log = this.#writes.filter(({ path }) => path.endsWith('-wal'))
    const record = log.find(({ began, returned }) => began > from && returned < line)
    if (record === undefined) {
      miss('record', `nothing written to the catalog between line ${from} and ${line}`)
      return
    }
    // Alone, all that was written must be synced; among others, at least one whole commit.
    const last = alone ? log.findLast(({ began }) => began < line) : record
    const { path, returned } = last ?? record
    const isSynced = this.#syncs.some(
      sync => sync.path === path && sync.began > returned && sync.returned < line,
    )
    if (!isSynced) miss('record-sync', `the catalog's log, written at line ${returned}, not synced`)
  }

  #blobsOf({ marks }: Claim, line: number): Set<string> {
    const blobs = new Set<string>()
    for (const { path, text, began } of this.#writes) {
      const isBlob = path.startsWith(`${this.#dataDir}/blobs/`)
      if (isBlob && began < line && marks.some(mark => text.includes(mark))) blobs.add(path)
    }
    return blobs
  }

  /** How many bytes were synced before `line`, and by which line the first `enough` of them were. */
  #synced(
    blobs: ReadonlySet<string>,
    enough: number,
    line: number,
  ): { readonly syncedAt: number; readonly synced: number } {
    const pieces = this.#writes
      .filter(({ path, began }) => blobs.has(path) && began < line)
      .map(write => ({ ...write, at: this.#syncOf(write.path, write.returned) }))
      .filter(({ at }) => at < line)
      .sort((a, b) => a.at - b.at)
    let synced = 0
    let syncedAt = -1
    const covered = new Map<string, Array<readonly [from: number, to: number]>>()
    for (const { path, offset, length, at } of pieces) {
      if (synced >= enough) break
      const ranges = covered.get(path) ?? []
      covered.set(path, [...ranges, [offset, offset + length]])
      synced = [...covered.values()].reduce((sum, all) => sum + union(all), 0)
      syncedAt = at
    }
    return { syncedAt, synced }
  }

  /** Promised bytes that are written once more after the answer (design P2). */
  #rewritten(blobs: ReadonlySet<string>, bytes: number, line: number): string | undefined {
    // With more than one blob, or bytes from before the trace, an offset does not say which byte it is.
    if (blobs.size !== 1) return undefined
    const again = this.#writes.find(
      ({ path, offset, began }) => blobs.has(path) && began > line && offset < bytes,
    )
    return again && `byte ${again.offset} is written again at line ${again.began}`
  }

  /** By which line every directory entry on the way to the blobs and to the catalog was durable, or the path whose entry was not. */
  #entriesAt(blobs: ReadonlySet<string>, line: number): number | string {
    let latest = -1
    for (const blob of [
      ...blobs,
      `${this.#dataDir}/${CATALOG}`,
      `${this.#dataDir}/${CATALOG}-wal`,
    ]) {
      for (let path = blob; path.startsWith(this.#dataDir); path = dirname(path)) {
        const made = this.#creations.find(creation => creation.path === path)
        if (made === undefined || made.returned > line) continue
        const at = this.#syncOf(dirname(path), made.returned)
        if (at >= line) return path
        latest = Math.max(latest, at)
      }
    }
    return latest
  }

  /** When the first sync that began after `line` had returned. */
  #syncOf(path: string, line: number): number {
    const sync = this.#syncs.find(({ path: synced, began }) => synced === path && began > line)
    return sync?.returned ?? Number.POSITIVE_INFINITY
  }

  #take(call: Call): void {
    const { name, args, result, began, returned } = call
    const port = ANSWERS.has(name) ? peerPortOf(call) : undefined
    if (port !== undefined) {
      // Also one that never returned: the client may have it.
      this.#takeAnswer(port, call)
    } else if (result < 0) {
      // Nothing happened.
    } else if (WRITES.has(name)) {
      const offset = offsetOf(call)
      this.#writes.push({ path: pathOf(call), offset, length: result, text: args, began, returned })
    } else if (name === 'fdatasync' || name === 'fsync') {
      this.#syncs.push({ path: pathOf(call), began, returned })
    } else if (name.startsWith('mkdir') || args.includes('O_CREAT')) {
      const [, path = ''] = /"([^"]*)"/.exec(args) ?? []
      // Whether a file was there before O_CREAT the trace does not say: the first time counts.
      if (!this.#creations.some(made => made.path === path))
        this.#creations.push({ path, returned })
    }
  }

  #takeAnswer(port: number, { args, began }: Call): void {
    const [, status] = /"HTTP\/1\.1 (\d{3})/.exec(args) ?? []
    if (status === undefined || status === '100') return
    const answers = this.#answers.get(port) ?? []
    this.#answers.set(port, [...answers, { line: began, status: Number(status) }])
  }
}

/** The last argument of the positioned writes; 0 for the others, of which a blob gets at most one. */
function offsetOf({ name, args }: Call): number {
  const numbers = args.split(', ')
  if (name === 'pwrite64' || name === 'pwritev') return Number(numbers.at(-1))
  if (name === 'pwritev2') return Number(numbers.at(-2))
  return 0
}

/** How many bytes the ranges cover together. */
function union(ranges: ReadonlyArray<readonly [from: number, to: number]>): number {
  let covered = 0
  let end = Number.NEGATIVE_INFINITY
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    covered += Math.max(0, to - Math.max(from, end))
    end = Math.max(end, to)
  }
  return covered
}
