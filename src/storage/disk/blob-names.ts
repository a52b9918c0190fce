/**
 * Names of blobs, and the files that they are: `<directory>/blobs/<YYYYMMDD>/<random>` for `YYYYMMDD-<random>`. Nothing a client
 * says is ever part of a path, and a name that we cannot have given does not become one.
 */

import { opendir } from 'node:fs/promises'
import { join } from 'node:path'

const BLOB_NAME = /^(\d{8})-([0-9a-f]{32})$/
export const DAY_NAME = /^\d{8}$/
export const FILE_NAME = /^[0-9a-f]{32}$/
/** The one file beside the days: written and removed again to see whether the disk takes anything. */
export const PROBE = '.probe'

/** `root` is `<directory>/blobs`. Undefined for what cannot be one of our names. */
export function blobPath(root: string, blob: string): string | undefined {
  const [, day, name] = BLOB_NAME.exec(blob) ?? []
  return day === undefined || name === undefined ? undefined : join(root, day, name)
}

/** A file below `root`; `blob` is undefined where it is none of ours. */
export interface Found {
  readonly path: string
  readonly blob: string | undefined
}

/** Everything that lies there, one after the other, and nothing is touched. */
export async function* blobFiles(root: string): AsyncGenerator<Found> {
  for await (const day of await opendir(root)) {
    const path = join(root, day.name)
    if (day.name === PROBE) continue
    if (!day.isDirectory() || !DAY_NAME.test(day.name)) {
      yield { path, blob: undefined }
      continue
    }
    for await (const file of await opendir(path, { bufferSize: 1024 })) {
      const blob = FILE_NAME.test(file.name) ? `${day.name}-${file.name}` : undefined
      yield { path: join(path, file.name), blob }
    }
  }
}
