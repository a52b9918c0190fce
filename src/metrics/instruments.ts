/**
 * Every series that Tidemark has of its own: its name, what it says, and which labels it may bear. Labels come from closed sets
 * and are all there from the start, at 0: a rate over the first event of a kind is a rate, too. No name, bucket, address or
 * session is ever a label.
 */

import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { FailureCode } from '../engine/failure.ts'
import type { DoorName, UploadEnd } from '../engine/ports.ts'

/** A door, or what is behind none: the operations' own routes, and paths that no route has. */
export type Entrance = DoorName | 'operations' | 'none'

/** `gone`: the client went away before it was answered. */
export const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'gone'] as const
export type StatusClass = (typeof STATUS_CLASSES)[number]

const SECONDS = {
  /** What the disk, or one commit, takes. */
  short: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  /** What a client takes, too. */
  long: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200],
}

export type Instruments = ReturnType<typeof createInstruments>

export function createInstruments(registry: Registry) {
  const registers = [registry]
  const counter = <Label extends string = never>(
    name: string,
    help: string,
    labels: Label[] = [],
  ) => new Counter({ name: `tidemark_${name}`, help, labelNames: labels, registers })
  const gauge = <Label extends string = never>(name: string, help: string, labels: Label[] = []) =>
    new Gauge({ name: `tidemark_${name}`, help, labelNames: labels, registers })
  const histogram = <Label extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labels: Label[] = [],
  ) => new Histogram({ name: `tidemark_${name}`, help, buckets, labelNames: labels, registers })

  return {
    sessionsOpened: counter('sessions_opened_total', 'Sessions that were opened.', ['door']),
    uploads: counter(
      'uploads_total',
      'Uploads that ended: sessions, and uploads in one request (of which alone one can have failed).',
      ['door', 'outcome'],
    ),
    received: counter('received_bytes_total', 'Bytes of bodies that arrived.', ['door']),
    acknowledged: counter(
      'acknowledged_bytes_total',
      'Bytes that were promised to be kept, each once.',
      ['door'],
    ),
    chunkDuration: histogram(
      'chunk_duration_seconds',
      'From the arrival of a request with content to its acknowledgement, however slowly the client sends.',
      SECONDS.long,
      ['door'],
    ),
    finalizeDuration: histogram(
      'finalize_duration_seconds',
      'From all bytes being there to a published object: checksums, sealing, transaction.',
      SECONDS.short,
    ),
    takeOvers: counter('takeovers_total', 'Requests that took the place of one still running.'),
    refusals: counter(
      'refusals_total',
      'Requests that were refused or broke off: uploads and their parts, and whatever a key does not allow or a limit forbids.',
      ['reason'],
    ),

    syncDuration: histogram(
      'sync_duration_seconds',
      'Syncs of the disk: of data (fdatasync of a file), of entries (fsync of a directory).',
      SECONDS.short,
      ['what'],
    ),
    commitDuration: histogram('commit_duration_seconds', 'Commits of the catalog.', SECONDS.short),
    commitSteps: histogram(
      'commit_steps',
      'Changes that share one commit.',
      [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    ),
    hasherLag: gauge('hasher_lag_bytes', 'Bytes that are promised and not in an md5 yet.'),

    openSessions: gauge('open_sessions', 'Sessions that take bytes.', ['door']),
    oldestSession: gauge(
      'oldest_session_age_seconds',
      'Age of the open session that was opened first; 0 where none is open.',
      ['door'],
    ),
    bodies: gauge('bodies', 'Bodies that are being stored.'),
    buffers: gauge('buffer_bytes', 'Memory that holds bodies on their way to the disk.'),
    bufferLimit: gauge('buffer_limit_bytes', 'Memory for all bodies together (TIDEMARK_BUFFERS).'),
    diskCapacity: gauge('disk_capacity_bytes', 'Size of the disk with the data directory.'),
    diskFree: gauge('disk_free_bytes', 'Free bytes on that disk, the reserve included.'),
    diskReserve: gauge('disk_reserve_bytes', 'Free bytes that uploads leave (TIDEMARK_RESERVE).'),

    sweeps: counter('sweeper_sweeps_total', 'Sweeps, by how they ended.', ['outcome']),
    sweepDuration: histogram('sweeper_duration_seconds', 'Length of a sweep.', SECONDS.long),
    lastSweep: gauge(
      'sweeper_last_complete_timestamp_seconds',
      'When a sweep was last complete, as Unix time; before the first one, when the server started.',
    ),
    expired: counter('sweeper_expired_sessions_total', 'Idle sessions that expired.'),
    purged: counter('sweeper_purged_records_total', 'Tombstones and old events that were removed.'),
    freed: counter('sweeper_freed_blobs_total', 'Blobs that nothing referred to any more.'),

    responses: counter(
      'http_responses_total',
      'Answers over HTTP. The class gone: the client went away before it was answered.',
      ['door', 'class'],
    ),
    build: gauge('build_info', 'Which Tidemark this is; always 1.', ['version', 'node']),
  }
}

/** Puts every series there is for these doors at 0. */
export function beginAtZero(instruments: Instruments, doors: readonly DoorName[]): void {
  const { sessionsOpened, uploads, received, acknowledged, chunkDuration } = instruments
  for (const door of doors) {
    for (const each of [sessionsOpened, received, acknowledged]) each.inc({ door }, 0)
    for (const outcome of Object.keys(ENDS)) uploads.inc({ door, outcome }, 0)
    chunkDuration.zero({ door })
  }
  for (const door of [...doors, 'operations', 'none']) {
    for (const each of STATUS_CLASSES) instruments.responses.inc({ door, class: each }, 0)
  }
  for (const reason of Object.keys(REASONS)) instruments.refusals.inc({ reason }, 0)
  for (const what of ['data', 'entries']) instruments.syncDuration.zero({ what })
  for (const outcome of ['complete', 'failed']) instruments.sweeps.inc({ outcome }, 0)
}

const ENDS: Readonly<Record<UploadEnd, true>> = {
  published: true,
  cancelled: true,
  expired: true,
  invalid: true,
  failed: true,
}

/** All of them: one that is missing does not compile. */
const REASONS: Readonly<Record<FailureCode, true>> = {
  session_not_found: true,
  session_exists: true,
  session_cancelled: true,
  session_invalid: true,
  session_ended: true,
  offset_gap: true,
  offset_behind: true,
  total_mismatch: true,
  past_total: true,
  length_mismatch: true,
  chunk_too_small: true,
  chunk_out_of_order: true,
  incomplete: true,
  segments_missing: true,
  segment_differs: true,
  too_large: true,
  segment_busy: true,
  superseded: true,
  body_idle: true,
  body_cut: true,
  checksum_mismatch: true,
  size_mismatch: true,
  precondition_failed: true,
  bucket_not_found: true,
  bucket_exists: true,
  bucket_not_empty: true,
  bucket_name_invalid: true,
  object_not_found: true,
  object_name_invalid: true,
  too_many_requests: true,
  too_many_bodies: true,
  too_many_sessions: true,
  access_denied: true,
  no_space: true,
  blob_short: true,
  storage_failed: true,
  catalog_failed: true,
  shutting_down: true,
}
