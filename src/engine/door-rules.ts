/**
 * What differs from protocol to protocol is data: one constant per door, read by the engine, which never asks for a
 * door's name. Each field is one column of the table in design §2.
 */

import type { DigestAlgorithm, DoorName } from './ports.ts'

export interface DoorRules {
  readonly door: DoorName
  /**
   * Bytes below `persisted` that arrive again. `skip`: the first version stays. `splice`: the new bytes replace the old.
   * `replace`: every chunk is a segment of its own, written whole. `refuse`: an error.
   */
  readonly resent: 'skip' | 'splice' | 'replace' | 'refuse'
  /**
   * A request for a segment that another one is writing. `take_over`: the older one is stopped. `refuse`: the newer one gets
   * `segment_busy`. `wait`: it waits its turn. `last_finished_wins`: both write, the later to finish stays.
   */
  readonly secondWriter: 'take_over' | 'refuse' | 'wait' | 'last_finished_wins'
  /** What arrived of a body that the network cut, or that fell silent: `keep` (whole granules of it) or `drop`. */
  readonly cutBody: 'keep' | 'drop'
  /** `read` answers the last checkpoint; `stop_writer` asks a running writer to stop first, so that the answer is final. */
  readonly statusQuery: 'read' | 'stop_writer'
  /**
   * While a session is open, `persisted` is a multiple of this many bytes, and a chunk that is not the last and smaller ends the
   * session. 1: no such rule. Does not bind sessions whose whole total is below it.
   */
  readonly granule: number
  /** Who makes a session's id. `random`: we do, and it is a secret that opens the session. `chosen`: the client, so it opens nothing to others. */
  readonly ids: 'random' | 'chosen'
  /** A checksum or precondition that fails at the end: `invalid` ends the session with it, `open` leaves it as it was. */
  readonly failedCheck: 'invalid' | 'open'
  /** Checksums that only the final request declares: they are followed from the first byte on. */
  readonly lateChecksums: readonly DigestAlgorithm[]
  /** An id that its client chose may name a new session once the one that it named has ended. */
  readonly reusesIds: boolean
  /**
   * What is persisted of a session whose total is not known yet. `shown`: every answer leaves it readable under its name, and
   * a new session stands there as an empty object where the name is free. For sequential protocols: segment 0 is the content.
   */
  readonly unfinished: 'hidden' | 'shown'
  /** How old a session may get while its client comes back in time, in ms from its creation (lifetime.ts). */
  readonly maxAgeMs: number
  /**
   * Objects have an md5 even where nobody declares one. Not those that are put together from segments, as composed ones have
   * none: nobody reads their bytes in order, and finalizing must not depend on how many there are.
   */
  readonly hasMd5: boolean
  /** A sha256 of each segment is kept: one sent again after the end is the same, or `segment_differs`. */
  readonly keepsDigests: boolean
}

const ANY_AGE = Number.POSITIVE_INFINITY
const TWO_DAYS = 48 * 3_600_000

/** Google's granule, gcs.md §0: chunks are multiples of 256 KiB. */
export const GOOGLE_GRANULE = 262_144

export const GOOGLE: DoorRules = {
  door: 'google',
  resent: 'skip',
  secondWriter: 'take_over',
  cutBody: 'keep',
  statusQuery: 'read',
  granule: GOOGLE_GRANULE,
  ids: 'random',
  failedCheck: 'invalid',
  lateChecksums: [],
  reusesIds: false,
  unfinished: 'hidden',
  maxAgeMs: ANY_AGE,
  hasMd5: true,
  keepsDigests: false,
}

/** The parts of Google's XML multipart uploads; the same rules as GWS chunks. */
export const GOOGLE_PARTS: DoorRules = {
  door: 'google',
  resent: 'replace',
  secondWriter: 'last_finished_wins',
  cutBody: 'drop',
  statusQuery: 'read',
  granule: 1,
  ids: 'random',
  failedCheck: 'open',
  lateChecksums: [],
  reusesIds: false,
  unfinished: 'hidden',
  maxAgeMs: ANY_AGE,
  hasMd5: false,
  keepsDigests: false,
}

export const UCLOUD: DoorRules = {
  door: 'ucloud',
  resent: 'splice',
  secondWriter: 'refuse',
  cutBody: 'keep',
  statusQuery: 'read',
  granule: 1,
  ids: 'random',
  failedCheck: 'open',
  lateChecksums: [],
  reusesIds: false,
  // §8.3: a file is whatever has been written so far.
  unfinished: 'shown',
  // §5: sessions SHOULD NOT live longer than 48 hours.
  maxAgeMs: TWO_DAYS,
  hasMd5: true,
  keepsDigests: false,
}

export const GWS: DoorRules = {
  door: 'gws',
  resent: 'replace',
  secondWriter: 'last_finished_wins',
  cutBody: 'drop',
  statusQuery: 'read',
  granule: 1,
  ids: 'random',
  failedCheck: 'open',
  lateChecksums: [],
  reusesIds: false,
  unfinished: 'hidden',
  maxAgeMs: ANY_AGE,
  hasMd5: false,
  keepsDigests: true,
}

export const DXL: DoorRules = {
  door: 'dxl',
  resent: 'refuse',
  secondWriter: 'wait',
  cutBody: 'drop',
  statusQuery: 'read',
  granule: 1,
  ids: 'chosen',
  failedCheck: 'invalid',
  lateChecksums: ['sha256'],
  reusesIds: true,
  unfinished: 'hidden',
  maxAgeMs: ANY_AGE,
  hasMd5: true,
  keepsDigests: false,
}

export const TUS: DoorRules = {
  door: 'tus',
  resent: 'refuse',
  secondWriter: 'take_over',
  cutBody: 'keep',
  statusQuery: 'stop_writer',
  granule: 1,
  ids: 'random',
  failedCheck: 'open',
  lateChecksums: [],
  reusesIds: false,
  unfinished: 'hidden',
  maxAgeMs: ANY_AGE,
  hasMd5: true,
  keepsDigests: false,
}

export const IETF: DoorRules = {
  door: 'ietf',
  resent: 'refuse',
  secondWriter: 'take_over',
  cutBody: 'keep',
  statusQuery: 'stop_writer',
  granule: 1,
  ids: 'random',
  failedCheck: 'open',
  lateChecksums: [],
  reusesIds: false,
  unfinished: 'hidden',
  maxAgeMs: ANY_AGE,
  hasMd5: true,
  keepsDigests: false,
}

/** By the name that a session keeps, for what happens to it without a request. */
export const RULES_OF: Readonly<Record<DoorName, DoorRules>> = {
  google: GOOGLE,
  ucloud: UCLOUD,
  gws: GWS,
  dxl: DXL,
  tus: TUS,
  ietf: IETF,
}
