/**
 * Settings: the environment in, a frozen Config out. The schema's defaults are the documentation; a wrong value stops the
 * start-up, and all mistakes are reported at once, each with what would be accepted.
 */

import { isIP, isIPv4 } from 'node:net'
import { join } from 'node:path'
import { Ajv, type ErrorObject, type SchemaObject } from 'ajv'
import { type Drive, parseDrives } from './config-drives.ts'
import { parseBytes, parseMs, parseRate, type Rate } from './config-values.ts'
import { checkBucketName } from './engine/names.ts'
import type { Durability } from './engine/ports.ts'

/** Doors that can be switched off, and are open by default. */
const OPTIONAL_DOORS = ['ucloud', 'gws', 'dxl'] as const
export type OptionalDoor = (typeof OPTIONAL_DOORS)[number]

export interface Config {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly buckets: readonly string[]
  /** The doors beside Google's, which is always open. */
  readonly doors: readonly OptionalDoor[]
  readonly dxl: DxlConfig
  readonly gws: GwsConfig
  /** Without a slash at its end; undefined: what each request says. */
  readonly publicUrl: string | undefined
  /** Whose X-Forwarded-* headers count: everyone's, nobody's, or those of the addresses listed. */
  readonly trustProxy: boolean | string
  readonly durability: Durability
  readonly sessionTtlMs: number
  readonly tombstoneTtlMs: number
  readonly bodyIdleMs: number
  readonly bufferBytes: number
  readonly md5: boolean
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
  /** `keys`: whoever asks needs a key, from `keysFile`. */
  readonly auth: 'none' | 'keys'
  readonly keysFile: string
  readonly drainMs: number
  readonly ucloud: {
    /** As in the door's paths. */
    readonly provider: string
    /** Where each drive's files go, by its number. Undefined: those of drive 1 into the first bucket. */
    readonly drives: Readonly<Record<string, Drive>> | undefined
  }
  readonly logLevel: string
  /** Clients may ask for faults (`/retry_test`). */
  readonly faults: boolean
}

export interface DxlConfig {
  /** Each beginning with a slash. */
  readonly topics: readonly string[]
  /** Where files are published. */
  readonly bucket: string
  readonly segmentLimit: number
  /** The MQTT listener and the bridge, where there is one of them. */
  readonly mqtt: DxlMqttConfig | undefined
}

/** Paths of PEM files. */
export interface DxlMqttConfig {
  /** Where to be a broker. */
  readonly port: number | undefined
  /** The broker to be a service on. */
  readonly broker: string | undefined
  readonly key: string
  readonly cert: string
  readonly ca: string
}

/** The settings that name them. */
export const DXL_MQTT_FILES = {
  key: 'TIDEMARK_DXL_MQTT_KEY',
  cert: 'TIDEMARK_DXL_MQTT_CERT',
  ca: 'TIDEMARK_DXL_MQTT_CA',
} as const

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

/** What the environment holds once the schema has checked it and filled in its defaults. */
interface Settings {
  readonly TIDEMARK_HOST: string
  readonly TIDEMARK_PORT: number
  readonly TIDEMARK_DATA_DIR: string
  readonly TIDEMARK_BUCKETS: string
  readonly TIDEMARK_DOORS: string
  readonly TIDEMARK_DXL_BUCKET: string
  readonly TIDEMARK_DXL_TOPICS: string
  readonly TIDEMARK_DXL_SEGMENT_LIMIT: string
  readonly TIDEMARK_DXL_MQTT_PORT?: number
  readonly TIDEMARK_DXL_MQTT_BROKER?: string
  readonly TIDEMARK_DXL_MQTT_KEY?: string
  readonly TIDEMARK_DXL_MQTT_CERT?: string
  readonly TIDEMARK_DXL_MQTT_CA?: string
  readonly TIDEMARK_GWS_BUCKET: string
  readonly TIDEMARK_GWS_FOLDER: string
  readonly TIDEMARK_GWS_PREFIXES: string
  readonly TIDEMARK_GWS_CHUNK_COMMANDS: string
  readonly TIDEMARK_GWS_BODY_LIMIT: string
  readonly TIDEMARK_PUBLIC_URL?: string
  readonly TIDEMARK_TRUST_PROXY: string
  readonly TIDEMARK_DURABILITY: Durability
  readonly TIDEMARK_SESSION_TTL: string
  readonly TIDEMARK_TOMBSTONE_TTL: string
  readonly TIDEMARK_BODY_IDLE: string
  readonly TIDEMARK_BUFFERS: string
  readonly TIDEMARK_MD5: 'on' | 'off'
  readonly TIDEMARK_MAX_OBJECT_SIZE: string
  readonly TIDEMARK_RESERVE?: string
  readonly TIDEMARK_RATE_LIMIT: string
  readonly TIDEMARK_RATE_LIMIT_CHUNKS: string
  readonly TIDEMARK_MAX_BODIES: number
  readonly TIDEMARK_MAX_SESSIONS: number
  readonly TIDEMARK_MIN_RATE: string
  readonly TIDEMARK_AUTH?: 'none' | 'keys'
  readonly TIDEMARK_KEYS_FILE?: string
  readonly TIDEMARK_DRAIN: string
  readonly TIDEMARK_UCLOUD_PROVIDER: string
  readonly TIDEMARK_UCLOUD_DRIVES?: string
  readonly TIDEMARK_LOG_LEVEL: string
  readonly TIDEMARK_FAULTS: 'on' | 'off'
}

/** What may be in a topic that is a path as well. Reply topics and the fabric's own begin with `/mcafee`. */
const TOPIC = '(?!/mcafee/)(/[A-Za-z0-9._-]+)+'
const PEM_FILE = 'the path of a PEM file'
/** No bucket begins with an underscore, and none is called like a door: such a path is nobody else's. */
const GWS_PREFIX = '(/gws(/[A-Za-z0-9-]+)*)?/_'
const GWS_COMMAND = '(?!upload(Get|Status|Content)(,|$))[A-Za-z0-9]+'

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
    TIDEMARK_DXL_BUCKET: {
      type: 'string',
      bucketNames: true,
      pattern: '^[^,]+$',
      default: 'uploads',
      description: 'the name of a bucket',
    },
    TIDEMARK_DXL_TOPICS: {
      type: 'string',
      pattern: `^${TOPIC}(,${TOPIC})*$`,
      default: '/opendxl-file-transfer/service/file-transfer/file/store',
      description: 'a list of topics like /service/file/store, with commas between them',
    },
    TIDEMARK_DXL_SEGMENT_LIMIT: {
      type: 'string',
      bytes: { from: '64KiB', to: '16MiB' },
      default: '1MiB',
      description: 'a size from 64KiB to 16MiB',
    },
    TIDEMARK_DXL_MQTT_PORT: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      description: 'a port from 0 (any free one) to 65535',
    },
    TIDEMARK_DXL_MQTT_BROKER: {
      type: 'string',
      pattern: '^mqtts://[^/?#@\\s]+$',
      description: 'a URL like mqtts://broker.example.org:8883',
    },
    TIDEMARK_DXL_MQTT_KEY: { type: 'string', minLength: 1, description: PEM_FILE },
    TIDEMARK_DXL_MQTT_CERT: { type: 'string', minLength: 1, description: PEM_FILE },
    TIDEMARK_DXL_MQTT_CA: { type: 'string', minLength: 1, description: PEM_FILE },
    TIDEMARK_GWS_BUCKET: {
      type: 'string',
      bucketNames: true,
      pattern: '^[^,]+$',
      default: 'uploads',
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
    TIDEMARK_MD5: { type: 'string', enum: ['on', 'off'], default: 'on', description: 'on or off' },
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
    TIDEMARK_AUTH: { type: 'string', enum: ['none', 'keys'], description: 'none or keys' },
    TIDEMARK_KEYS_FILE: { type: 'string', minLength: 1, description: 'a file' },
    TIDEMARK_DRAIN: {
      type: 'string',
      milliseconds: { from: '1s', to: '10m' },
      default: '10s',
      description: 'a duration from 1s to 10m',
    },
    TIDEMARK_UCLOUD_PROVIDER: {
      type: 'string',
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$',
      default: 'ucloud',
      description: 'a provider\'s id: 1 to 63 of A-Z, a-z, 0-9, ".", "_", "-"',
    },
    TIDEMARK_UCLOUD_DRIVES: {
      type: 'string',
      drives: true,
      description:
        'a list like 1=uploads,2=media/incoming: each a number, a bucket and perhaps a prefix, no number twice',
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
  ajv.addKeyword({ keyword: 'milliseconds', type: 'string', compile: within(parseMs) })
  ajv.addKeyword({ keyword: 'bucketNames', type: 'string', validate: areBucketNames })
  ajv.addKeyword({ keyword: 'drives', type: 'string', validate: areDrives })
  ajv.addKeyword({ keyword: 'doors', type: 'string', validate: areDoors })
  ajv.addKeyword({ keyword: 'proxies', type: 'string', validate: areProxies })
  ajv.addKeyword({ keyword: 'rate', type: 'string', validate: isRate })
  ajv.addKeyword({ keyword: 'bytes', type: 'string', compile: within(parseBytes) })
  const validate = ajv.compile<Settings>(schema)
  const isValid = validate(settings)
  const mistakes = (validate.errors ?? []).map(error => describe(error, env))
  mistakes.push(...openToTheWorld(env), ...faultyForTheWorld(env), ...halfAListener(env))
  if (!isValid || mistakes.length > 0) throw new ConfigError([...new Set(mistakes)])
  return Object.freeze(configOf(settings))
}

function configOf(settings: Settings): Config {
  const { TIDEMARK_TRUST_PROXY: trusted, TIDEMARK_RESERVE: reserve } = settings
  const { TIDEMARK_UCLOUD_DRIVES: drives } = settings
  return {
    host: settings.TIDEMARK_HOST,
    port: settings.TIDEMARK_PORT,
    dataDir: settings.TIDEMARK_DATA_DIR,
    buckets: Object.freeze(listOf(settings.TIDEMARK_BUCKETS)),
    doors: Object.freeze(doorsOf(settings.TIDEMARK_DOORS)),
    dxl: dxlConfigOf(settings),
    gws: Object.freeze({
      bucket: settings.TIDEMARK_GWS_BUCKET,
      folder: settings.TIDEMARK_GWS_FOLDER,
      prefixes: listOf(settings.TIDEMARK_GWS_PREFIXES),
      chunkCommands: listOf(settings.TIDEMARK_GWS_CHUNK_COMMANDS),
      bodyLimit: parseBytes(settings.TIDEMARK_GWS_BODY_LIMIT),
    }),
    publicUrl: settings.TIDEMARK_PUBLIC_URL?.replace(/\/+$/, ''),
    trustProxy: trusted === 'on' ? true : trusted === 'off' ? false : trusted,
    durability: settings.TIDEMARK_DURABILITY,
    sessionTtlMs: parseMs(settings.TIDEMARK_SESSION_TTL),
    tombstoneTtlMs: parseMs(settings.TIDEMARK_TOMBSTONE_TTL),
    bodyIdleMs: parseMs(settings.TIDEMARK_BODY_IDLE),
    bufferBytes: parseBytes(settings.TIDEMARK_BUFFERS),
    md5: settings.TIDEMARK_MD5 === 'on',
    maxObjectSize: parseBytes(settings.TIDEMARK_MAX_OBJECT_SIZE),
    reserveBytes: reserve === undefined ? undefined : parseBytes(reserve),
    requestRate: parseRate(settings.TIDEMARK_RATE_LIMIT),
    chunkRate: parseRate(settings.TIDEMARK_RATE_LIMIT_CHUNKS),
    maxBodies: settings.TIDEMARK_MAX_BODIES,
    maxSessions: settings.TIDEMARK_MAX_SESSIONS,
    minRate: parseBytes(settings.TIDEMARK_MIN_RATE),
    auth: settings.TIDEMARK_AUTH ?? 'none',
    keysFile: settings.TIDEMARK_KEYS_FILE ?? join(settings.TIDEMARK_DATA_DIR, 'keys.json'),
    drainMs: parseMs(settings.TIDEMARK_DRAIN),
    ucloud: Object.freeze({
      provider: settings.TIDEMARK_UCLOUD_PROVIDER,
      drives: drives === undefined ? undefined : Object.freeze(parseDrives(drives)),
    }),
    logLevel: settings.TIDEMARK_LOG_LEVEL,
    faults: settings.TIDEMARK_FAULTS === 'on',
  }
}

function dxlConfigOf(settings: Settings): DxlConfig {
  const {
    TIDEMARK_DXL_MQTT_PORT: port,
    TIDEMARK_DXL_MQTT_BROKER: broker,
    TIDEMARK_DXL_MQTT_KEY: key = '',
    TIDEMARK_DXL_MQTT_CERT: cert = '',
    TIDEMARK_DXL_MQTT_CA: ca = '',
  } = settings
  return Object.freeze({
    topics: Object.freeze(settings.TIDEMARK_DXL_TOPICS.split(',')),
    bucket: settings.TIDEMARK_DXL_BUCKET,
    segmentLimit: parseBytes(settings.TIDEMARK_DXL_SEGMENT_LIMIT),
    mqtt:
      (port ?? broker) === undefined ? undefined : Object.freeze({ port, broker, key, cert, ca }),
  })
}

/** MQTT is off, or has a port or a broker, and all three files. */
function halfAListener(env: Readonly<Record<string, string | undefined>>): string[] {
  const names = Object.values(DXL_MQTT_FILES)
  const { TIDEMARK_DXL_MQTT_PORT: port, TIDEMARK_DXL_MQTT_BROKER: broker } = env
  if (port === undefined && broker === undefined) {
    const given = names.filter(name => env[name])
    return given.map(name => `${name} is for MQTT: set TIDEMARK_DXL_MQTT_PORT, too`)
  }
  // A port or a broker that is none has its own line.
  const isPort = port !== undefined && /^\d{1,5}$/.test(port) && Number(port) <= 65_535
  if (!isPort && broker?.startsWith('mqtts://') !== true) return []
  const missing = names.filter(name => env[name] === undefined)
  return missing.map(name => `${name} is not set: MQTT needs ${PEM_FILE}`)
}

/** A keyword that holds a written quantity between two others. NaN, what cannot be read, is between none. */
function within(parse: (text: string) => number) {
  return ({ from, to }: { readonly from: string; readonly to: string }) =>
    (text: string): boolean =>
      parse(text) >= parse(from) && parse(text) <= parse(to)
}

function isRate(_schema: unknown, rate: string): boolean {
  return rate === 'off' || parseRate(rate) !== undefined
}

function areBucketNames(_schema: unknown, names: string): boolean {
  try {
    listOf(names).forEach(checkBucketName)
    return true
  } catch {
    return false
  }
}

function areDrives(_schema: unknown, drives: string): boolean {
  return parseDrives(drives) !== undefined
}

function areDoors(_schema: unknown, doors: string): boolean {
  return doors === 'none' || doorsOf(doors).length === doors.split(',').length
}

/** What is no door is left out. */
function doorsOf(doors: string): OptionalDoor[] {
  return doors.split(',').flatMap(name => OPTIONAL_DOORS.filter(door => door === name))
}

function areProxies(_schema: unknown, proxies: string): boolean {
  if (proxies === 'on' || proxies === 'off') return true
  return proxies.split(',').every(proxy => {
    const [address = '', prefix = '0', ...rest] = proxy.split('/')
    const bits = isIP(address) === 4 ? 32 : 128
    return isIP(address) > 0 && /^\d+$/.test(prefix) && Number(prefix) <= bits && rest.length === 0
  })
}

function listOf(names: string): string[] {
  return names.split(',').filter(name => name !== '')
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
