/**
 * What a campaign has checked, how often, and what it found broken.
 */

export const CHECKS = {
  acknowledged: 'a status query answers at least what was acknowledged, on a granule (P1, P2)',
  bytes: 'what is persisted of an open session is what was sent, byte for byte (P2)',
  objects: 'every object that was answered 200 is there, byte for byte (P1, P4)',
  absent: 'what was deleted stays deleted, and what was not published does not show (P4)',
  replays: 'a completed session answers its 200 again, the same bytes (P5)',
  cancelled: 'a cancelled session stays cancelled (P5)',
  checksums: 'size, crc32c and md5Hash of what was published are those of what was sent',
  generations: 'generations of a name only grow',
  catalog: 'blobs hold what the catalog refers to, and its counts of references are right (P2)',
  orphans: 'nothing is left in the blob directory that nothing refers to',
  answers: 'while the server runs, every request is answered as the protocol says',
  exits: 'SIGTERM ends the server with exit code 0 (P11)',
} as const

export type Check = keyof typeof CHECKS

export class Tally {
  readonly #counts = new Map<Check, number>()
  readonly #broken = new Map<Check, string[]>()
  kills = 0
  stops = 0
  restarts = 0
  /** Of acknowledged content, compared with its source after restarts. */
  bytesCompared = 0
  objectsCompared = 0
  published = 0
  chunks = 0
  /** Bytes found persisted beyond the last answer: a checkpoint, or a chunk whose answer the kill swallowed. */
  bytesAhead = 0

  /** Counts a check; `complaint` says what is wrong, undefined that nothing is. */
  note(check: Check, complaint: string | undefined): void {
    this.#counts.set(check, this.count(check) + 1)
    if (complaint === undefined) return
    const complaints = this.#broken.get(check) ?? []
    complaints.push(`after kill ${this.kills}: ${complaint}`)
    this.#broken.set(check, complaints)
  }

  /** Counts a check of a fact. */
  expect(check: Check, holds: boolean, complaint: () => string): void {
    this.note(check, holds ? undefined : complaint())
  }

  count(check: Check): number {
    return this.#counts.get(check) ?? 0
  }

  complaints(check: Check): readonly string[] {
    return this.#broken.get(check) ?? []
  }

  get isClean(): boolean {
    return this.#broken.size === 0
  }
}
