/**
 * Settings: the environment in, a frozen Config out. The schema's defaults are the documentation; a wrong value stops the
 * start-up, and all mistakes are reported at once, each with what would be accepted.
 */

import { isIPv4 } from 'node:net'
import { join } from 'node:path'
import { Ajv, type ErrorObject, type SchemaObject } from 'ajv'
import { doorsOf, OPTIONAL_DOORS, type OptionalDoor } from './config/doors.ts'
import {
  type DxlConfig,
  type DxlSettings,
  dxlConfigOf,
  dxlSchema,
  halfAListener,
} from './config/dxl.ts'
import { type GwsConfig, type GwsSettings, gwsConfigOf, gwsSchema } from './config/gws.ts'
import { addKeywords } from './config/keywords.ts'
import { type LimitSettings, type Limits, limitSchema, limitsOf } from './config/limits.ts'
import {
  type UcloudConfig,
  type UcloudSettings,
  ucloudConfigOf,
  ucloudSchema,
} from './config/ucloud.ts'
import { listOf, parseMs } from './config/values.ts'
import type { Durability } from './engine/ports.ts'

export interface Config extends Limits {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly buckets: readonly string[]
  /** The doors beside Google's, which is always open. */
  readonly doors: readonly OptionalDoor[]
  /** Without a slash at its end; undefined: what each request says. */
  readonly publicUrl: string | undefined
  /** Whose X-Forwarded-* headers count: everyone's, nobody's, or those of the addresses listed. */
  readonly trustProxy: boolean | string
  readonly durability: Durability
  readonly sessionTtlMs: number
  readonly tombstoneTtlMs: number
  readonly md5: boolean
  /** `keys`: whoever asks needs a key, from `keysFile`. */
  readonly auth: 'none' | 'keys'
  readonly keysFile: string
  readonly drainMs: number
  readonly ucloud: UcloudConfig
  readonly gws: GwsConfig
  readonly dxl: DxlConfig
  readonly logLevel: string
  /** Clients may ask for faults (`/retry_test`). */
  readonly faults: boolean
}

/** What the environment holds once the schema has checked it and filled in its defaults. */
interface Settings extends LimitSettings, UcloudSettings, GwsSettings, DxlSettings {
  readonly TIDEMARK_HOST: string
  readonly TIDEMARK_PORT: number
  readonly TIDEMARK_DATA_DIR: string
  readonly TIDEMARK_BUCKETS: string
  readonly TIDEMARK_DOORS: string
  readonly TIDEMARK_PUBLIC_URL?: string
  readonly TIDEMARK_TRUST_PROXY: string
  readonly TIDEMARK_DURABILITY: Durability
  readonly TIDEMARK_SESSION_TTL: string
  readonly TIDEMARK_TOMBSTONE_TTL: string
  readonly TIDEMARK_MD5: 'on' | 'off'
  readonly TIDEMARK_AUTH?: 'none' | 'keys'
  readonly TIDEMARK_KEYS_FILE?: string
  readonly TIDEMARK_DRAIN: string
  readonly TIDEMARK_LOG_LEVEL: string
  readonly TIDEMARK_FAULTS: 'on' | 'off'
}

/** `description` is what a wrong value is answered with: "… is not …". */
const schema: SchemaObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    TIDEMARK_HOST: {
      type: 'string',
      minLength: 1,
      default: '127.0.0.1',
      description: 'a host name or IP address to listen on',
    },
    TIDEMARK_PORT: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      default: 8080,
      description: 'a port from 0 (any free one) to 65535',
    },
    TIDEMARK_DATA_DIR: {
      type: 'string',
      minLength: 1,
      default: './data',
      description: 'a directory',
    },
    TIDEMARK_BUCKETS: {
      type: 'string',
      bucketNames: true,
      default: 'uploads',
      description:
        'a list of bucket names (3 to 63 of a-z, 0-9, ".", "_", "-"; not reserved), with commas between them',
    },
    TIDEMARK_DOORS: {
      type: 'string',
      doors: true,
      default: OPTIONAL_DOORS.join(','),
      description: `none, or some of ${OPTIONAL_DOORS.join(', ')} with commas between them`,
    },
    TIDEMARK_PUBLIC_URL: {
      type: 'string',
      pattern: '^https?://[^/?#\\s]+(/[^?#\\s]*)?$',
      description: 'a URL like https://uploads.example.org, without a query',
    },
    TIDEMARK_TRUST_PROXY: {
      type: 'string',
      proxies: true,
      default: 'off',
      description: 'on, off, or the addresses of trusted proxies (10.0.0.1,192.168.0.0/16)',
    },
    TIDEMARK_DURABILITY: {
      type: 'string',
      enum: ['chunk', 'object', 'none'],
      default: 'chunk',
      description: 'chunk, object or none',
    },
    TIDEMARK_SESSION_TTL: {
      type: 'string',
      milliseconds: { from: '30m', to: '48h' },
      default: '48h',
      description: 'a duration from 30m to 48h',
    },
    TIDEMARK_TOMBSTONE_TTL: {
      type: 'string',
      milliseconds: { from: '1h', to: '365d' },
      default: '7d',
      description: 'a duration from 1h to 365d',
    },
    TIDEMARK_MD5: { type: 'string', enum: ['on', 'off'], default: 'on', description: 'on or off' },
    TIDEMARK_AUTH: { type: 'string', enum: ['none', 'keys'], description: 'none or keys' },
    TIDEMARK_KEYS_FILE: { type: 'string', minLength: 1, description: 'a file' },
    TIDEMARK_DRAIN: {
      type: 'string',
      milliseconds: { from: '1s', to: '10m' },
      default: '10s',
      description: 'a duration from 1s to 10m',
    },
    TIDEMARK_LOG_LEVEL: {
      type: 'string',
      enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      default: 'info',
      description: 'trace, debug, info, warn, error, fatal or silent',
    },
    TIDEMARK_FAULTS: {
      type: 'string',
      enum: ['on', 'off'],
      default: 'off',
      description: 'on or off',
    },
    ...limitSchema,
    ...ucloudSchema,
    ...gwsSchema,
    ...dxlSchema,
  },
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.mistakes = mistakes
  }
}

export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.entries(env).filter(([name]) => name.startsWith('TIDEMARK_'))
  const settings: Record<string, unknown> = Object.fromEntries(given)
  // Built here, not at module level: `compile` keeps state, and a start-up needs it once.
  const ajv = new Ajv({ coerceTypes: true, useDefaults: true, allErrors: true, verbose: true })
  addKeywords(ajv)
  const validate = ajv.compile<Settings>(schema)
  const isValid = validate(settings)
  const mistakes = (validate.errors ?? []).map(error => describe(error, env))
  mistakes.push(...openToTheWorld(env), ...faultyForTheWorld(env), ...halfAListener(env))
  if (!isValid || mistakes.length > 0) throw new ConfigError([...new Set(mistakes)])
  return Object.freeze(configOf(settings))
}

function configOf(settings: Settings): Config {
  const { TIDEMARK_TRUST_PROXY: trusted } = settings
  const buckets = listOf(settings.TIDEMARK_BUCKETS)
  const [firstBucket = 'uploads'] = buckets
  return {
    host: settings.TIDEMARK_HOST,
    port: settings.TIDEMARK_PORT,
    dataDir: settings.TIDEMARK_DATA_DIR,
    buckets: Object.freeze(buckets),
    doors: Object.freeze(doorsOf(settings.TIDEMARK_DOORS)),
    publicUrl: settings.TIDEMARK_PUBLIC_URL?.replace(/\/+$/, ''),
    trustProxy: trusted === 'on' ? true : trusted === 'off' ? false : trusted,
    durability: settings.TIDEMARK_DURABILITY,
    sessionTtlMs: parseMs(settings.TIDEMARK_SESSION_TTL),
    tombstoneTtlMs: parseMs(settings.TIDEMARK_TOMBSTONE_TTL),
    md5: settings.TIDEMARK_MD5 === 'on',
    auth: settings.TIDEMARK_AUTH ?? 'none',
    keysFile: settings.TIDEMARK_KEYS_FILE ?? join(settings.TIDEMARK_DATA_DIR, 'keys.json'),
    drainMs: parseMs(settings.TIDEMARK_DRAIN),
    logLevel: settings.TIDEMARK_LOG_LEVEL,
    faults: settings.TIDEMARK_FAULTS === 'on',
    ...limitsOf(settings),
    ucloud: ucloudConfigOf(settings),
    gws: gwsConfigOf(settings, firstBucket),
    dxl: dxlConfigOf(settings, firstBucket),
  }
}

function describe(error: ErrorObject, env: Readonly<Record<string, string | undefined>>): string {
  if (error.keyword === 'additionalProperties') {
    return `${error.params['additionalProperty']} is not a setting; these are: ${Object.keys(schema['properties']).join(', ')}`
  }
  const name = error.instancePath.slice(1)
  return `${name}=${JSON.stringify(env[name])} is not ${error.parentSchema?.['description']}`
}

/** Design §7: without authentication, the world is let in only by someone who says so. */
function openToTheWorld(env: Readonly<Record<string, string | undefined>>): string[] {
  const { TIDEMARK_HOST: host, TIDEMARK_AUTH: auth } = env
  if (host === undefined || host === '' || auth !== undefined || isLoopback(host)) return []
  return [
    `TIDEMARK_HOST=${JSON.stringify(host)} is reachable from other machines, and there is no authentication: ` +
      'set TIDEMARK_AUTH=keys, set TIDEMARK_AUTH=none if that is meant, or listen on 127.0.0.1',
  ]
}

/** Faults are for tests: whoever reaches the server could ask for them, so nobody else may reach it. */
function faultyForTheWorld(env: Readonly<Record<string, string | undefined>>): string[] {
  const { TIDEMARK_HOST: host, TIDEMARK_FAULTS: faults } = env
  if (faults !== 'on' || host === undefined || host === '' || isLoopback(host)) return []
  return [
    `TIDEMARK_FAULTS="on" is not for a server that other machines reach (TIDEMARK_HOST=${JSON.stringify(host)}): ` +
      'turn it off, or listen on 127.0.0.1',
  ]
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
