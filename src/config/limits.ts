/**
 * Settings that bound what clients may take of the server: memory, disk, connections, time.
 */

import { parseBytes, parseMs, parseRate, type Rate } from './values.ts'

export interface Limits {
  readonly bodyIdleMs: number
  readonly bufferBytes: number
  readonly maxObjectSize: number
  /** Undefined: 1 GiB or 5 % of the disk, the smaller. */
  readonly reserveBytes: number | undefined
  /** Of one client: requests that bring no content, and requests that do. Undefined: any number. */
  readonly requestRate: Rate | undefined
  readonly chunkRate: Rate | undefined
  /** Request bodies at a time. */
  readonly maxBodies: number
  /** Open sessions at a time, of all doors together. */
  readonly maxSessions: number
  /** Fewest bytes per second of a body; 0: any. */
  readonly minRate: number
}

export interface LimitSettings {
  readonly TIDEMARK_BODY_IDLE: string
  readonly TIDEMARK_BUFFERS: string
  readonly TIDEMARK_MAX_OBJECT_SIZE: string
  readonly TIDEMARK_RESERVE?: string
  readonly TIDEMARK_RATE_LIMIT: string
  readonly TIDEMARK_RATE_LIMIT_CHUNKS: string
  readonly TIDEMARK_MAX_BODIES: number
  readonly TIDEMARK_MAX_SESSIONS: number
  readonly TIDEMARK_MIN_RATE: string
}

export const limitSchema = {
  TIDEMARK_BODY_IDLE: {
    type: 'string',
    milliseconds: { from: '1s', to: '1h' },
    default: '60s',
    description: 'a duration from 1s to 1h',
  },
  TIDEMARK_BUFFERS: {
    type: 'string',
    bytes: { from: '8MiB', to: '64GiB' },
    default: '128MiB',
    description: 'a size from 8MiB to 64GiB',
  },
  TIDEMARK_MAX_OBJECT_SIZE: {
    type: 'string',
    bytes: { from: '1B', to: '5TiB' },
    default: '5TiB',
    description: 'a size from 1B to 5TiB',
  },
  TIDEMARK_RESERVE: {
    type: 'string',
    bytes: { from: '0B', to: '5TiB' },
    description: 'a size from 0B to 5TiB (default: 1GiB or 5 % of the disk, the smaller)',
  },
  TIDEMARK_RATE_LIMIT: {
    type: 'string',
    rate: true,
    default: 'off',
    description: 'off, or a rate like 100/s, 3000/m or 50000/h',
  },
  TIDEMARK_RATE_LIMIT_CHUNKS: {
    type: 'string',
    rate: true,
    default: 'off',
    description: 'off, or a rate like 100/s, 3000/m or 50000/h',
  },
  TIDEMARK_MAX_BODIES: {
    type: 'integer',
    minimum: 1,
    maximum: 1_000_000,
    default: 1000,
    description: 'a number from 1 to 1000000',
  },
  TIDEMARK_MAX_SESSIONS: {
    type: 'integer',
    minimum: 1,
    maximum: 1_000_000_000,
    default: 1_000_000,
    description: 'a number from 1 to 1000000000',
  },
  TIDEMARK_MIN_RATE: {
    type: 'string',
    bytes: { from: '0B', to: '1MiB' },
    default: '128B',
    description: 'a size from 0B (any rate) to 1MiB, for a second',
  },
}

export function limitsOf(settings: LimitSettings): Limits {
  const { TIDEMARK_RESERVE: reserve } = settings
  return {
    bodyIdleMs: parseMs(settings.TIDEMARK_BODY_IDLE),
    bufferBytes: parseBytes(settings.TIDEMARK_BUFFERS),
    maxObjectSize: parseBytes(settings.TIDEMARK_MAX_OBJECT_SIZE),
    reserveBytes: reserve === undefined ? undefined : parseBytes(reserve),
    requestRate: parseRate(settings.TIDEMARK_RATE_LIMIT),
    chunkRate: parseRate(settings.TIDEMARK_RATE_LIMIT_CHUNKS),
    maxBodies: settings.TIDEMARK_MAX_BODIES,
    maxSessions: settings.TIDEMARK_MAX_SESSIONS,
    minRate: parseBytes(settings.TIDEMARK_MIN_RATE),
  }
}
