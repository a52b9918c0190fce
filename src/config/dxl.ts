/**
 * Settings of the OpenDXL door: where it publishes, and how MQTT reaches it.
 */

import { parseBytes } from './values.ts'

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

export interface DxlSettings {
  readonly TIDEMARK_DXL_BUCKET?: string
  readonly TIDEMARK_DXL_TOPICS: string
  readonly TIDEMARK_DXL_SEGMENT_LIMIT: string
  readonly TIDEMARK_DXL_MQTT_PORT?: number
  readonly TIDEMARK_DXL_MQTT_BROKER?: string
  readonly TIDEMARK_DXL_MQTT_KEY?: string
  readonly TIDEMARK_DXL_MQTT_CERT?: string
  readonly TIDEMARK_DXL_MQTT_CA?: string
}

/** What may be in a topic that is a path as well. Reply topics and the fabric's own begin with `/mcafee`. */
const TOPIC = '(?!/mcafee/)(/[A-Za-z0-9._-]+)+'
const PEM_FILE = 'the path of a PEM file'

export const dxlSchema = {
  TIDEMARK_DXL_BUCKET: {
    type: 'string',
    bucketNames: true,
    pattern: '^[^,]+$',
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
}

export function dxlConfigOf(settings: DxlSettings, firstBucket: string): DxlConfig {
  const {
    TIDEMARK_DXL_MQTT_PORT: port,
    TIDEMARK_DXL_MQTT_BROKER: broker,
    TIDEMARK_DXL_MQTT_KEY: key = '',
    TIDEMARK_DXL_MQTT_CERT: cert = '',
    TIDEMARK_DXL_MQTT_CA: ca = '',
  } = settings
  return Object.freeze({
    topics: Object.freeze(settings.TIDEMARK_DXL_TOPICS.split(',')),
    bucket: settings.TIDEMARK_DXL_BUCKET ?? firstBucket,
    segmentLimit: parseBytes(settings.TIDEMARK_DXL_SEGMENT_LIMIT),
    mqtt:
      (port ?? broker) === undefined ? undefined : Object.freeze({ port, broker, key, cert, ca }),
  })
}

/** MQTT is off, or has a port or a broker, and all three files. */
export function halfAListener(env: Readonly<Record<string, string | undefined>>): string[] {
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
