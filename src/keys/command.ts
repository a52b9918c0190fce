/**
 * What `npm run keys` does with the file of keys: text and arguments in, text out. Reading and writing is main.ts's.
 */

import { parseArgs } from 'node:util'
import { parseMs } from '../config/values.ts'
import { SCOPES } from '../engine/principal.ts'
import { formatKeyFile, type KeyEntry, parseKeyFile } from './key-file.ts'
import { hashOfKeyToken, newKeyToken } from './token.ts'

export const USAGE = `npm run keys -- add --name NAME --scopes SCOPE,… [limits]
npm run keys -- add --name NAME --scopes SCOPE,… --certificate COMMON-NAME [limits]
npm run keys -- list
npm run keys -- remove --name NAME

scopes:  ${SCOPES.join(', ')}
limits:  --bucket BUCKET   only this one; may be repeated
         --no-bucket       none at all: with admin, a key for operations
         --prefix PREFIX   only object names that begin with it
         --expires 90d     for how long (s, m, h, d)

The file is TIDEMARK_KEYS_FILE, or keys.json in TIDEMARK_DATA_DIR.`

/** For the one who typed it. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

export interface Outcome {
  /** For standard output. */
  readonly answer: string
  /** The file's new text; undefined where it stays as it is. */
  readonly text?: string
}

/** `text` is the file's, undefined where there is none. Throws CommandError and KeyFileError. */
export function runCommand(
  args: readonly string[],
  text: string | undefined,
  now: number,
): Outcome {
  const { values, positionals } = parse(args)
  const keys = text === undefined ? [] : parseKeyFile(text)
  const [verb, ...rest] = positionals
  if (rest.length > 0) throw new CommandError(USAGE)
  switch (verb) {
    case 'add':
      return add(keys, values, now)
    case 'remove':
      return remove(keys, values.name)
    case 'list':
      return { answer: keys.map(key => describe(key, now)).join('\n') }
    default:
      throw new CommandError(USAGE)
  }
}

type Values = ReturnType<typeof parse>['values']

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        scopes: { type: 'string' },
        bucket: { type: 'string', multiple: true },
        'no-bucket': { type: 'boolean' },
        prefix: { type: 'string' },
        expires: { type: 'string' },
        certificate: { type: 'string' },
      },
    })
  } catch (cause) {
    throw new CommandError(`${cause instanceof Error ? cause.message : cause}\n\n${USAGE}`)
  }
}

function add(keys: readonly KeyEntry[], values: Values, now: number): Outcome {
  const { name, scopes, bucket, prefix, expires, certificate } = values
  if (name === undefined || scopes === undefined) throw new CommandError(USAGE)
  const buckets = values['no-bucket'] ? [] : bucket
  if (values['no-bucket'] && bucket) throw new CommandError('--bucket or --no-bucket, not both')
  const token = newKeyToken()
  const entry = {
    name,
    ...(certificate === undefined ? { sha256: hashOfKeyToken(token) } : { certificate }),
    scopes: scopes.split(','),
    ...(buckets && { buckets }),
    ...(prefix !== undefined && { prefix }),
    ...(expires !== undefined && { expiresAt: inTime(expires, now) }),
  }
  const text = formatKeyFile([...keys, entry as KeyEntry])
  // What is wrong with the arguments is what is wrong with the file that they would make.
  parseKeyFile(text)
  const isCertified = certificate !== undefined
  return { answer: isCertified ? `${name} is whoever is certified as ${certificate}` : token, text }
}

function remove(keys: readonly KeyEntry[], name: string | undefined): Outcome {
  if (name === undefined) throw new CommandError(USAGE)
  const others = keys.filter(key => key.name !== name)
  if (others.length === keys.length) throw new CommandError(`there is no key called ${name}`)
  return { answer: `${name} is removed`, text: formatKeyFile(others) }
}

function inTime(duration: string, now: number): string {
  const ms = parseMs(duration)
  if (Number.isNaN(ms)) throw new CommandError(`--expires ${duration} is no duration such as 90d`)
  return new Date(now + ms).toISOString()
}

function describe(key: KeyEntry, now: number): string {
  const { name, certificate, scopes, buckets, prefix, expiresAt } = key
  const isOver = expiresAt !== undefined && Date.parse(expiresAt) <= now
  return [
    certificate === undefined ? name : `${name} (certified as ${certificate})`,
    scopes.join(','),
    buckets === undefined ? 'all buckets' : buckets.join(',') || 'no bucket',
    ...(prefix === undefined ? [] : [`below ${prefix}`]),
    ...(expiresAt === undefined ? [] : [`${isOver ? 'expired' : 'until'} ${expiresAt}`]),
  ].join('  ')
}
