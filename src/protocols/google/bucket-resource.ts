/**
 * Buckets as clients read and write them (gcs.md §10.1). What an owner sets is kept as it came; Tidemark itself acts on none
 * of it but `cors`.
 */

import type { Bucket } from '../../engine/ports.ts'
import { bucketAccess } from './access-control.ts'
import { isObject, type JsonObject } from './json-object.ts'
import { mergePatch } from './merge-patch.ts'
import { checkStorageClass, textOf } from './metadata.ts'
import { DEFAULT_STORAGE_CLASS, etag } from './object-resource.ts'
import { invalid } from './refusal.ts'

type Settings = Bucket['settings']

/** Bytes of JSON. A bucket is read with every upload into it. */
const SETTINGS_LIMIT = 64 * 1024

const OBJECT_SETTINGS = [
  'autoclass',
  'billing',
  'customPlacementConfig',
  'encryption',
  'hierarchicalNamespace',
  'iamConfiguration',
  'ipFilter',
  'labels',
  'lifecycle',
  'logging',
  'objectRetention',
  'retentionPolicy',
  'softDeletePolicy',
  'versioning',
  'website',
]
const TEXT_SETTINGS = ['location', 'rpo', 'storageClass']

/** Their names are enough to tell: 64-bit integers, which go out as strings however they came (gcs.md §2). */
const INT64_SETTINGS: ReadonlySet<string> = new Set([
  'retentionPeriod',
  'retentionDurationSeconds',
  'sizeAboveBytes',
  'sizeBelowBytes',
])

const MULTI_REGIONS: ReadonlySet<string> = new Set(['ASIA', 'EU', 'US'])
const DUAL_REGIONS: ReadonlySet<string> = new Set(['ASIA1', 'EUR4', 'EUR5', 'EUR7', 'EUR8', 'NAM4'])
const DEFAULT_LOCATION = 'US'

/** What can be set, of a resource. */
export function settingsOf(resource: JsonObject): Settings {
  const given: Record<string, unknown> = {}
  for (const field of TEXT_SETTINGS) given[field] = textOf(resource, field)?.toUpperCase()
  for (const field of OBJECT_SETTINGS) {
    const value = resource[field] ?? undefined
    if (value !== undefined && !isObject(value)) {
      throw invalid(`Invalid argument: ${field} must be an object.`)
    }
    given[field] = value
  }
  const { cors, defaultEventBasedHold } = resource as Readonly<Record<string, unknown>>
  if (Array.isArray(cors)) given['cors'] = cors
  if (typeof defaultEventBasedHold === 'boolean') {
    given['defaultEventBasedHold'] = defaultEventBasedHold
  }
  const settings = tidied(given)
  if (typeof settings['storageClass'] === 'string') checkStorageClass(settings['storageClass'])
  if (Buffer.byteLength(JSON.stringify(settings)) > SETTINGS_LIMIT) {
    throw invalid(`Invalid argument: a bucket's settings may have at most ${SETTINGS_LIMIT} bytes.`)
  }
  return settings
}

/** A PATCH. Where a bucket lies was decided when it was made. */
export function patchedSettings(settings: Settings, patch: JsonObject): Settings {
  return settingsOf({ ...mergePatch(settings, patch), location: settings['location'] })
}

/** A PUT. */
export function replacedSettings(settings: Settings, resource: JsonObject): Settings {
  return settingsOf({ ...resource, location: settings['location'] })
}

export function bucketResource(bucket: Bucket, base: string, projection?: string): object {
  const { name, settings } = bucket
  return {
    kind: 'storage#bucket',
    id: name,
    selfLink: `${base}/storage/v1/b/${encodeURIComponent(name)}`,
    projectNumber: '0',
    name,
    metageneration: String(bucket.metageneration),
    storageClass: DEFAULT_STORAGE_CLASS,
    ...settings,
    ...locationOf(bucket),
    etag: bucketEtag(bucket),
    timeCreated: new Date(bucket.createdAt).toISOString(),
    updated: new Date(bucket.updatedAt).toISOString(),
    iamConfiguration: accessOf(settings['iamConfiguration']),
    ...(projection === 'full' && bucketAccess(bucket)),
  }
}

export function locationOf({ settings }: Bucket): { location: string; locationType: string } {
  const location = textOf(settings, 'location') ?? DEFAULT_LOCATION
  if (MULTI_REGIONS.has(location)) return { location, locationType: 'multi-region' }
  const isDual = DUAL_REGIONS.has(location) || settings['customPlacementConfig'] !== undefined
  return { location, locationType: isDual ? 'dual-region' : 'region' }
}

export function bucketEtag({ metageneration }: Bucket): string {
  return etag(0, metageneration)
}

/** Both names of the one switch, whichever the client knew. */
function accessOf(given: unknown): object {
  const configuration = isObject(given) ? given : {}
  const uniform = configuration['uniformBucketLevelAccess'] ?? configuration['bucketPolicyOnly']
  const isUniform = isObject(uniform) && uniform['enabled'] === true
  return {
    publicAccessPrevention: 'inherited',
    ...configuration,
    uniformBucketLevelAccess: { enabled: isUniform },
    bucketPolicyOnly: { enabled: isUniform },
  }
}

/** Without what is null or empty, at any depth, and with 64-bit integers as strings. */
function tidied(value: JsonObject): JsonObject {
  const entries: [string, unknown][] = []
  for (const [key, given] of Object.entries(value)) {
    const isInt64 = typeof given === 'number' && INT64_SETTINGS.has(key)
    const kept = isInt64 ? String(given) : tidiedValue(given)
    if (!isEmpty(kept)) entries.push([key, kept])
  }
  return Object.fromEntries(entries)
}

function tidiedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidiedValue)
  return isObject(value) ? tidied(value) : value
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}
