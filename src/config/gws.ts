/**
 * Settings of the GBD WebSuite door: its paths and commands, and where it publishes.
 */

import { listOf, parseBytes } from './values.ts'

export interface GwsConfig {
  /** Where finished uploads are published. */
  readonly bucket: string
  /** What their names begin with. */
  readonly folder: string
  /** Where the door's paths begin. */
  readonly prefixes: readonly string[]
  /** The commands under which chunks are taken. */
  readonly chunkCommands: readonly string[]
  /** Of one message, in bytes. */
  readonly bodyLimit: number
}

export interface GwsSettings {
  readonly TIDEMARK_GWS_BUCKET?: string
  readonly TIDEMARK_GWS_FOLDER: string
  readonly TIDEMARK_GWS_PREFIXES: string
  readonly TIDEMARK_GWS_CHUNK_COMMANDS: string
  readonly TIDEMARK_GWS_BODY_LIMIT: string
}

/** No bucket begins with an underscore, and none is called like a door: such a path is nobody else's. */
const GWS_PREFIX = '(/gws(/[A-Za-z0-9-]+)*)?/_'
const GWS_COMMAND = '(?!upload(Get|Status|Content)(,|$))[A-Za-z0-9]+'

export const gwsSchema = {
  TIDEMARK_GWS_BUCKET: {
    type: 'string',
    bucketNames: true,
    pattern: '^[^,]+$',
    description: 'the name of a bucket',
  },
  TIDEMARK_GWS_FOLDER: {
    type: 'string',
    pattern: '^([A-Za-z0-9_-]+/)*$',
    maxLength: 200,
    default: 'gws/',
    description: 'the beginning of names, like gws/, ending with a slash, or nothing',
  },
  TIDEMARK_GWS_PREFIXES: {
    type: 'string',
    pattern: `^${GWS_PREFIX}(,${GWS_PREFIX})*$`,
    default: '/_,/gws/_',
    description:
      'a list of paths that end with /_, such as /_ and /gws/_, with commas between them',
  },
  TIDEMARK_GWS_CHUNK_COMMANDS: {
    type: 'string',
    pattern: `^${GWS_COMMAND}(,${GWS_COMMAND})*$`,
    default: 'uploadChunk',
    description:
      'a list of names (letters and digits; not uploadGet, uploadStatus or uploadContent), with commas between them',
  },
  TIDEMARK_GWS_BODY_LIMIT: {
    type: 'string',
    bytes: { from: '64KiB', to: '64MiB' },
    default: '16MiB',
    description: 'a size from 64KiB to 64MiB',
  },
}

export function gwsConfigOf(settings: GwsSettings, firstBucket: string): GwsConfig {
  return Object.freeze({
    bucket: settings.TIDEMARK_GWS_BUCKET ?? firstBucket,
    folder: settings.TIDEMARK_GWS_FOLDER,
    prefixes: listOf(settings.TIDEMARK_GWS_PREFIXES),
    chunkCommands: listOf(settings.TIDEMARK_GWS_CHUNK_COMMANDS),
    bodyLimit: parseBytes(settings.TIDEMARK_GWS_BODY_LIMIT),
  })
}
