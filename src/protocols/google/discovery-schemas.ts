/**
 * The resources that the discovery document describes, field by field. A 64-bit integer is a string (gcs.md §2).
 */

type Schema = Readonly<Record<string, unknown>>

const TEXT: Schema = { type: 'string' }
const INT64: Schema = { type: 'string', format: 'int64' }
const UINT64: Schema = { type: 'string', format: 'uint64' }
const INT32: Schema = { type: 'integer', format: 'int32' }
const TIME: Schema = { type: 'string', format: 'date-time' }
const BOOLEAN: Schema = { type: 'boolean' }
/** Kept as it comes. */
const ANY_OBJECT: Schema = { type: 'object', additionalProperties: { type: 'any' } }

const SWITCH = object({ enabled: BOOLEAN })

export const SCHEMAS: Readonly<Record<string, Schema>> = named({
  Bucket: {
    kind: kind('bucket'),
    id: TEXT,
    selfLink: TEXT,
    name: TEXT,
    projectNumber: UINT64,
    metageneration: INT64,
    etag: TEXT,
    location: TEXT,
    locationType: TEXT,
    storageClass: TEXT,
    timeCreated: TIME,
    updated: TIME,
    acl: listOf(ref('BucketAccessControl')),
    defaultObjectAcl: listOf(ref('ObjectAccessControl')),
    owner: object({ entity: TEXT, entityId: TEXT }),
    autoclass: ANY_OBJECT,
    billing: object({ requesterPays: BOOLEAN }),
    cors: listOf(
      object({
        maxAgeSeconds: INT32,
        method: listOf(TEXT),
        origin: listOf(TEXT),
        responseHeader: listOf(TEXT),
      }),
    ),
    customPlacementConfig: object({ dataLocations: listOf(TEXT) }),
    defaultEventBasedHold: BOOLEAN,
    encryption: ANY_OBJECT,
    hierarchicalNamespace: SWITCH,
    iamConfiguration: object({
      bucketPolicyOnly: SWITCH,
      uniformBucketLevelAccess: SWITCH,
      publicAccessPrevention: TEXT,
    }),
    ipFilter: ANY_OBJECT,
    labels: mapOf(TEXT),
    lifecycle: object({ rule: listOf(object({ action: ANY_OBJECT, condition: ANY_OBJECT })) }),
    logging: object({ logBucket: TEXT, logObjectPrefix: TEXT }),
    objectRetention: object({ mode: TEXT }),
    retentionPolicy: object({ effectiveTime: TIME, isLocked: BOOLEAN, retentionPeriod: INT64 }),
    rpo: TEXT,
    softDeletePolicy: object({ effectiveTime: TIME, retentionDurationSeconds: INT64 }),
    versioning: SWITCH,
    website: object({ mainPageSuffix: TEXT, notFoundPage: TEXT }),
  },
  BucketAccessControl: { kind: kind('bucketAccessControl'), id: TEXT, ...accessControl() },
  BucketAccessControls: list('bucketAccessControls', 'BucketAccessControl'),
  BucketStorageLayout: {
    kind: kind('storageLayout'),
    bucket: TEXT,
    location: TEXT,
    locationType: TEXT,
    hierarchicalNamespace: SWITCH,
  },
  Buckets: { ...list('buckets', 'Bucket'), nextPageToken: TEXT },
  ComposeRequest: {
    kind: kind('composeRequest'),
    destination: ref('Object'),
    sourceObjects: listOf(
      object({
        name: TEXT,
        generation: INT64,
        objectPreconditions: object({ ifGenerationMatch: INT64 }),
      }),
    ),
    deleteSourceObjects: BOOLEAN,
  },
  Notification: { kind: kind('notification'), id: TEXT, topic: TEXT },
  Notifications: list('notifications', 'Notification'),
  Object: {
    kind: kind('object'),
    id: TEXT,
    selfLink: TEXT,
    mediaLink: TEXT,
    name: TEXT,
    bucket: TEXT,
    generation: INT64,
    metageneration: INT64,
    etag: TEXT,
    size: UINT64,
    crc32c: TEXT,
    md5Hash: TEXT,
    componentCount: INT32,
    timeCreated: TIME,
    timeFinalized: TIME,
    timeStorageClassUpdated: TIME,
    updated: TIME,
    acl: listOf(ref('ObjectAccessControl')),
    owner: object({ entity: TEXT, entityId: TEXT }),
    cacheControl: TEXT,
    contentDisposition: TEXT,
    contentEncoding: TEXT,
    contentLanguage: TEXT,
    contentType: TEXT,
    contexts: object({ custom: mapOf(object({ value: TEXT })) }),
    customTime: TIME,
    eventBasedHold: BOOLEAN,
    metadata: mapOf(TEXT),
    retention: object({ mode: TEXT, retainUntilTime: TIME }),
    retentionExpirationTime: TIME,
    storageClass: TEXT,
    temporaryHold: BOOLEAN,
  },
  ObjectAccessControl: {
    kind: kind('objectAccessControl'),
    id: TEXT,
    object: TEXT,
    generation: INT64,
    ...accessControl(),
  },
  ObjectAccessControls: list('objectAccessControls', 'ObjectAccessControl'),
  Objects: { ...list('objects', 'Object'), nextPageToken: TEXT, prefixes: listOf(TEXT) },
  Policy: {
    kind: kind('policy'),
    resourceId: TEXT,
    version: INT32,
    etag: { type: 'string', format: 'byte' },
    bindings: listOf(object({ role: TEXT, members: listOf(TEXT) })),
  },
  RewriteResponse: {
    kind: kind('rewriteResponse'),
    totalBytesRewritten: INT64,
    objectSize: INT64,
    done: BOOLEAN,
    rewriteToken: TEXT,
    resource: ref('Object'),
  },
  ServiceAccount: { kind: kind('serviceAccount'), email_address: TEXT },
  TestIamPermissionsResponse: {
    kind: kind('testIamPermissionsResponse'),
    permissions: listOf(TEXT),
  },
})

function named(schemas: Readonly<Record<string, Schema>>): Readonly<Record<string, Schema>> {
  const entries = Object.entries(schemas).map(([id, properties]) => {
    return [id, { id, type: 'object', properties }] as const
  })
  return Object.fromEntries(entries)
}

function object(properties: Schema): Schema {
  return { type: 'object', properties }
}

function listOf(items: Schema): Schema {
  return { type: 'array', items }
}

function mapOf(additionalProperties: Schema): Schema {
  return { type: 'object', additionalProperties }
}

function ref($ref: string): Schema {
  return { $ref }
}

function kind(of: string): Schema {
  return { type: 'string', default: `storage#${of}` }
}

/** The fields of a list's page. */
function list(of: string, item: string): Schema {
  return { kind: kind(of), items: listOf(ref(item)) }
}

function accessControl(): Schema {
  return {
    bucket: TEXT,
    entity: TEXT,
    role: TEXT,
    etag: TEXT,
    projectTeam: object({ projectNumber: TEXT, team: TEXT }),
  }
}
