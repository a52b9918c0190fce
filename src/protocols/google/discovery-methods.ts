/**
 * The calls that the discovery document names: every one that is answered here with more than a refusal, and no other.
 */

export interface Method {
  readonly does: string
  /** HTTP method, and the path below `storage/v1/`. What is in braces is a parameter. */
  readonly call: string
  /** Parameters in the query; `userProject` is everywhere. */
  readonly query?: readonly string[]
  /** Schemas. */
  readonly request?: string
  readonly response?: string
  readonly extra?: object
}

export interface Parameter {
  readonly type: string
  readonly [attribute: string]: unknown
}

const BUCKET_CONDITIONS = ['ifMetagenerationMatch', 'ifMetagenerationNotMatch']
const CONDITIONS = ['ifGenerationMatch', 'ifGenerationNotMatch', ...BUCKET_CONDITIONS]
const SOURCE_CONDITIONS = CONDITIONS.map(name => name.replace('if', 'ifSource'))
const COPY = [...CONDITIONS, ...SOURCE_CONDITIONS, 'projection', 'destinationPredefinedAcl']
const PAGE = ['maxResults', 'pageToken', 'prefix', 'projection', 'softDeleted']

const UPLOAD = {
  supportsMediaUpload: true,
  mediaUpload: {
    accept: ['*/*'],
    protocols: {
      simple: { multipart: true, path: '/upload/storage/v1/b/{bucket}/o' },
      resumable: { multipart: true, path: '/resumable/upload/storage/v1/b/{bucket}/o' },
    },
  },
}

export const METHODS: Readonly<Record<string, Method>> = {
  'bucketAccessControls.list': {
    does: 'Lists who may use a bucket.',
    call: 'GET b/{bucket}/acl',
    response: 'BucketAccessControls',
  },
  'buckets.delete': {
    does: 'Deletes an empty bucket.',
    call: 'DELETE b/{bucket}',
    query: BUCKET_CONDITIONS,
  },
  'buckets.get': {
    does: 'Answers a bucket.',
    call: 'GET b/{bucket}',
    query: [...BUCKET_CONDITIONS, 'projection'],
    response: 'Bucket',
  },
  'buckets.getIamPolicy': {
    does: "Answers a bucket's policy.",
    call: 'GET b/{bucket}/iam',
    query: ['optionsRequestedPolicyVersion'],
    response: 'Policy',
  },
  'buckets.getStorageLayout': {
    does: "Answers a bucket's storage layout.",
    call: 'GET b/{bucket}/storageLayout',
    query: ['prefix'],
    response: 'BucketStorageLayout',
  },
  'buckets.insert': {
    does: 'Makes a bucket.',
    call: 'POST b',
    query: ['project', 'predefinedAcl', 'predefinedDefaultObjectAcl', 'projection'],
    request: 'Bucket',
    response: 'Bucket',
  },
  'buckets.list': {
    does: 'Lists buckets.',
    call: 'GET b',
    query: ['project', ...PAGE],
    response: 'Buckets',
  },
  'buckets.patch': {
    does: 'Changes some settings of a bucket.',
    call: 'PATCH b/{bucket}',
    query: [...BUCKET_CONDITIONS, 'predefinedAcl', 'predefinedDefaultObjectAcl', 'projection'],
    request: 'Bucket',
    response: 'Bucket',
  },
  'buckets.testIamPermissions': {
    does: 'Answers which of these permissions the caller has for a bucket.',
    call: 'GET b/{bucket}/iam/testPermissions',
    query: ['permissions'],
    response: 'TestIamPermissionsResponse',
  },
  'buckets.update': {
    does: 'Replaces the settings of a bucket.',
    call: 'PUT b/{bucket}',
    query: [...BUCKET_CONDITIONS, 'predefinedAcl', 'predefinedDefaultObjectAcl', 'projection'],
    request: 'Bucket',
    response: 'Bucket',
  },
  'defaultObjectAccessControls.list': {
    does: 'Lists who may use new objects of a bucket.',
    call: 'GET b/{bucket}/defaultObjectAcl',
    response: 'ObjectAccessControls',
  },
  'notifications.list': {
    does: 'Lists notifications, of which there are none.',
    call: 'GET b/{bucket}/notificationConfigs',
    response: 'Notifications',
  },
  'objectAccessControls.list': {
    does: 'Lists who may use an object.',
    call: 'GET b/{bucket}/o/{object}/acl',
    query: ['generation'],
    response: 'ObjectAccessControls',
  },
  'objects.compose': {
    does: 'Makes an object of up to 32 objects of the same bucket, one after the other.',
    call: 'POST b/{destinationBucket}/o/{destinationObject}/compose',
    query: ['ifGenerationMatch', 'ifMetagenerationMatch', 'destinationPredefinedAcl', 'kmsKeyName'],
    request: 'ComposeRequest',
    response: 'Object',
  },
  'objects.copy': {
    does: 'Copies an object.',
    call: 'POST b/{sourceBucket}/o/{sourceObject}/copyTo/b/{destinationBucket}/o/{destinationObject}',
    query: ['sourceGeneration', ...COPY, 'destinationKmsKeyName'],
    request: 'Object',
    response: 'Object',
  },
  'objects.delete': {
    does: 'Deletes an object.',
    call: 'DELETE b/{bucket}/o/{object}',
    query: ['generation', ...CONDITIONS],
  },
  'objects.get': {
    does: 'Answers an object, or with alt=media its bytes.',
    call: 'GET b/{bucket}/o/{object}',
    query: ['generation', ...CONDITIONS, 'projection'],
    response: 'Object',
    extra: { supportsMediaDownload: true, useMediaDownloadService: true },
  },
  'objects.getIamPolicy': {
    does: "Answers an object's policy.",
    call: 'GET b/{bucket}/o/{object}/iam',
    query: ['generation'],
    response: 'Policy',
  },
  'objects.insert': {
    does: 'Stores an object.',
    call: 'POST b/{bucket}/o',
    query: ['name', 'contentEncoding', ...CONDITIONS, 'kmsKeyName', 'predefinedAcl', 'projection'],
    request: 'Object',
    response: 'Object',
    extra: UPLOAD,
  },
  'objects.list': {
    does: 'Lists objects.',
    call: 'GET b/{bucket}/o',
    query: [
      'delimiter',
      'endOffset',
      'includeFoldersAsPrefixes',
      'includeTrailingDelimiter',
      'matchGlob',
      ...PAGE,
      'startOffset',
      'versions',
    ],
    response: 'Objects',
  },
  'objects.move': {
    does: 'Renames an object within its bucket, in one step.',
    call: 'POST b/{bucket}/o/{sourceObject}/moveTo/o/{destinationObject}',
    query: [...CONDITIONS, ...SOURCE_CONDITIONS, 'projection'],
    response: 'Object',
  },
  'objects.patch': {
    does: "Changes some of an object's metadata.",
    call: 'PATCH b/{bucket}/o/{object}',
    query: ['generation', ...CONDITIONS, 'predefinedAcl', 'projection'],
    request: 'Object',
    response: 'Object',
  },
  'objects.rewrite': {
    does: 'Copies an object; done with the first call.',
    call: 'POST b/{sourceBucket}/o/{sourceObject}/rewriteTo/b/{destinationBucket}/o/{destinationObject}',
    query: [
      'sourceGeneration',
      ...COPY,
      'destinationKmsKeyName',
      'maxBytesRewrittenPerCall',
      'rewriteToken',
    ],
    request: 'Object',
    response: 'RewriteResponse',
  },
  'objects.testIamPermissions': {
    does: 'Answers which of these permissions the caller has for an object.',
    call: 'GET b/{bucket}/o/{object}/iam/testPermissions',
    query: ['permissions', 'generation'],
    response: 'TestIamPermissionsResponse',
  },
  'objects.update': {
    does: "Replaces an object's metadata.",
    call: 'PUT b/{bucket}/o/{object}',
    query: ['generation', ...CONDITIONS, 'predefinedAcl', 'projection'],
    request: 'Object',
    response: 'Object',
  },
  'projects.serviceAccount.get': {
    does: "Answers the project's service account.",
    call: 'GET projects/{projectId}/serviceAccount',
    response: 'ServiceAccount',
  },
}

const INT64: Parameter = { type: 'string', format: 'int64' }
const BOOLEAN: Parameter = { type: 'boolean' }
const ACL: Parameter = {
  type: 'string',
  enum: [
    'authenticatedRead',
    'bucketOwnerFullControl',
    'bucketOwnerRead',
    'private',
    'projectPrivate',
    'publicRead',
  ],
}

/** Parameters that are not simply text. */
export const PARAMETERS: Readonly<Record<string, Parameter>> = {
  ...Object.fromEntries([...CONDITIONS, ...SOURCE_CONDITIONS].map(name => [name, INT64])),
  destinationPredefinedAcl: ACL,
  generation: INT64,
  includeFoldersAsPrefixes: BOOLEAN,
  includeTrailingDelimiter: BOOLEAN,
  maxBytesRewrittenPerCall: INT64,
  maxResults: { type: 'integer', format: 'uint32', default: '1000', minimum: '0' },
  optionsRequestedPolicyVersion: { type: 'integer', format: 'int32', minimum: '1' },
  permissions: { type: 'string', repeated: true, required: true },
  predefinedAcl: ACL,
  predefinedDefaultObjectAcl: ACL,
  project: { type: 'string', required: true },
  projection: { type: 'string', enum: ['full', 'noAcl'] },
  softDeleted: BOOLEAN,
  sourceGeneration: INT64,
  versions: BOOLEAN,
}
