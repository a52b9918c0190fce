/**
 * The file of keys (TIDEMARK_KEYS_FILE): text in, keys out, or all that is wrong with it. It holds no secret: tokens are in it
 * as their SHA-256 only. Whoever can write to it, though, can give themselves every right.
 */

import { Ajv, type ErrorObject, type SchemaObject } from 'ajv'
import { UploadError } from '../engine/failure.ts'
import { checkBucketName } from '../engine/names.ts'
import { SCOPES, type Scope } from '../engine/principal.ts'

/** One key as it is written. */
export interface KeyEntry {
  readonly name: string
  /** Of the token, in lower-case hex. Absent where there is none. */
  readonly sha256?: string
  /** The common name of client certificates that stand for it, where a protocol has these instead of tokens. */
  readonly certificate?: string
  readonly scopes: readonly Scope[]
  /** The only buckets that there are for it; absent for all, empty for none. */
  readonly buckets?: readonly string[]
  /** The beginning of every object name that there is for it. */
  readonly prefix?: string
  /** RFC 3339, in UTC. From then on it is no key any more. */
  readonly expiresAt?: string
}

interface KeyFile {
  readonly keys: readonly KeyEntry[]
}

/** `description` is what a wrong value is answered with: "… must be …". */
const schema: SchemaObject = {
  type: 'object',
  additionalProperties: false,
  required: ['keys'],
  description: 'an object with "keys"',
  properties: {
    keys: {
      type: 'array',
      description: 'a list of keys',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'scopes'],
        anyOf: [{ required: ['sha256'] }, { required: ['certificate'] }],
        description:
          'an object with name, scopes, sha256 or certificate, and perhaps buckets, prefix, expiresAt',
        properties: {
          name: {
            type: 'string',
            pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$',
            description: '1 to 64 of A-Z, a-z, 0-9, ".", "_", "@" and "-"',
          },
          sha256: { type: 'string', pattern: '^[0-9a-f]{64}$', description: '64 of 0-9 and a-f' },
          certificate: {
            type: 'string',
            minLength: 1,
            maxLength: 64,
            description: 'the common name of a certificate',
          },
          scopes: {
            type: 'array',
            minItems: 1,
            uniqueItems: true,
            items: { enum: SCOPES, description: `one of ${SCOPES.join(', ')}` },
            description: `some of ${SCOPES.join(', ')}`,
          },
          buckets: {
            type: 'array',
            uniqueItems: true,
            items: { type: 'string', bucketName: true, description: 'the name of a bucket' },
            description: 'a list of buckets',
          },
          prefix: {
            type: 'string',
            minLength: 1,
            maxLength: 1024,
            wellFormed: true,
            description: 'the beginning of object names',
          },
          expiresAt: {
            type: 'string',
            instant: true,
            description: 'a time such as 2027-01-31T12:00:00Z',
          },
        },
      },
    },
  },
}

/** For the operator: each mistake names the key. No mistake repeats a hash. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'
}

/** Throws KeyFileError. */
export function parseKeyFile(text: string): readonly KeyEntry[] {
  const ajv = new Ajv({ allErrors: true, verbose: true })
  ajv.addKeyword({ keyword: 'bucketName', type: 'string', validate: isBucketName })
  ajv.addKeyword({ keyword: 'instant', type: 'string', validate: isInstant })
  ajv.addKeyword({ keyword: 'wellFormed', type: 'string', validate: isWellFormed })
  const validate = ajv.compile<KeyFile>(schema)
  const file = parseJson(text)
  if (!validate(file)) throw new KeyFileError(describe(validate.errors ?? []))
  const { keys } = file
  for (const field of ['name', 'sha256', 'certificate'] as const) {
    const seen = new Set<string>()
    for (const { name, [field]: value } of keys) {
      if (value === undefined) continue
      if (seen.has(value)) throw new KeyFileError(`two keys have the ${field} of ${name}`)
      seen.add(value)
    }
  }
  return keys
}

/** One key a line, so that a change of one is a change of one line. */
export function formatKeyFile(keys: readonly KeyEntry[]): string {
  const lines = keys.map(key => `    ${JSON.stringify(key)}`)
  return `{\n  "keys": [\n${lines.join(',\n')}\n  ]\n}\n`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new KeyFileError('it is not JSON', { cause })
  }
}

/** What ajv says of each alternative of a choice has no description: the choice itself has. */
function describe(errors: readonly ErrorObject[]): string {
  const said = errors.filter(
    ({ keyword, parentSchema }) =>
      keyword === 'additionalProperties' || parentSchema?.['description'] !== undefined,
  )
  return [...new Set(said.map(mistakeOf))].join('; ')
}

function mistakeOf({ instancePath, keyword, params, parentSchema }: ErrorObject): string {
  const where = instancePath === '' ? 'the file' : instancePath.slice(1)
  if (keyword === 'additionalProperties') {
    return `${where} has an unknown ${JSON.stringify(params['additionalProperty'])}`
  }
  return `${where} must be ${parentSchema?.['description']}`
}

function isBucketName(_schema: unknown, name: string): boolean {
  try {
    checkBucketName(name)
    return true
  } catch (error) {
    if (error instanceof UploadError) return false
    throw error
  }
}

/** The calendar is checked as well: Date makes March of the 30th of February. */
function isInstant(_schema: unknown, text: string): boolean {
  const ms = Date.parse(text)
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/.test(text) || Number.isNaN(ms))
    return false
  return new Date(ms).toISOString().startsWith(text.slice(0, 19))
}

function isWellFormed(_schema: unknown, text: string): boolean {
  return text.isWellFormed()
}
