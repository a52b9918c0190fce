/** @google-cloud/storage as its users set it up for a server of their own, and what its suites share. */

import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  type Bucket,
  type CreateWriteStreamOptions,
  type File,
  Storage,
} from '@google-cloud/storage'
import type { SourceBytes } from '../support/source-bytes.ts'

export const MIB = 1024 * 1024

/** The first of the two ways to point it somewhere; the other is STORAGE_EMULATOR_HOST. */
export function uploadsAt(url: string): Bucket {
  return new Storage({ apiEndpoint: url, projectId: 'tidemark' }).bucket('uploads')
}

/** What lets this client try again by itself: it never does without a precondition. */
export const onlyIfAbsent = { preconditionOpts: { ifGenerationMatch: 0 } } as const

/** Uploads from a stream, which does not know how long it will be. */
export async function send(
  file: File,
  content: Iterable<Buffer> | AsyncIterable<Buffer>,
  options: CreateWriteStreamOptions = {},
): Promise<void> {
  await pipeline(Readable.from(content, { objectMode: false }), file.createWriteStream(options))
}

export async function bytesOf(file: File): Promise<Buffer> {
  const [bytes] = await file.download()
  return bytes
}

export async function sha256Of(content: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of content) hash.update(bytes)
  return hash.digest('hex')
}

/** Writes the first `length` bytes of a source to a file; answers their SHA-256. */
export async function writeSource(
  path: string,
  source: SourceBytes,
  length: number,
): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'w')
  for (const bytes of source.slices(0, length)) {
    hash.update(bytes)
    await file.write(bytes)
  }
  await file.close()
  return hash.digest('hex')
}
