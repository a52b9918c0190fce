/**
 * What a server stored, seen from outside: read back to be checked, and given up between rounds. Most servers leave
 * plain files; Tidemark is asked over HTTP, because where its bytes lie is its own affair.
 */

import { createHash } from 'node:crypto'
import { createReadStream, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { payloadDigest } from './load/payload.ts'

export interface Store {
  /** The content that `ids` make up in this order. */
  read(ids: readonly string[]): AsyncIterable<Uint8Array>
  /** Give back the space of what one run stored. */
  empty(ids: readonly string[]): Promise<void>
}

const DELETES_AT_ONCE = 16
/** More objects than this stay until the bench ends, see fileStore. */
const DELETES_AT_MOST = 200
/** Uploads of one round that are read back and compared. */
const SAMPLE = 20

/** Throws unless what is stored for a sample of uploads has the length and the sha256 of what was sent. */
export async function verify(
  store: Store,
  stored: readonly (readonly string[])[],
  length: number,
): Promise<void> {
  const step = Math.max(1, Math.floor(stored.length / SAMPLE))
  for (let index = 0; index < stored.length; index += step) {
    const hash = createHash('sha256')
    let found = 0
    for await (const bytes of store.read(stored[index] ?? [])) {
      hash.update(bytes)
      found += bytes.length
    }
    if (found !== length) throw new Error(`upload ${index}: ${found} bytes stored of ${length}`)
    if (hash.digest('hex') !== payloadDigest(index, length)) {
      throw new Error(`upload ${index}: the bytes stored are not those that were sent`)
    }
  }
}

/**
 * Files in `directory`, by name. They are emptied, not deleted: ext4 gives out no inode that was deleted in the last
 * minutes, and looks at all of them for each new file. After thousands of deletions a server seems to need twice the CPU.
 */
export function fileStore(directory: string): Store {
  return {
    async *read(ids) {
      for (const id of ids) yield* createReadStream(join(directory, id), { highWaterMark: 1 << 20 })
    },
    async empty(ids) {
      for (const id of ids) truncateSync(join(directory, id))
    },
  }
}

/** Objects behind Google's JSON API at `base`, such as `http://127.0.0.1:80/storage/v1/b/uploads/o`. */
export function objectStore(base: string): Store {
  return {
    async *read(ids) {
      for (const id of ids) {
        const response = await fetch(`${base}/${id}?alt=media`)
        if (!response.ok || !response.body) throw new Error(`get ${id}: ${response.status}`)
        yield* response.body
      }
    },
    async empty(ids) {
      if (ids.length > DELETES_AT_MOST) return
      const left = [...ids]
      const work = async (): Promise<void> => {
        for (let id = left.pop(); id !== undefined; id = left.pop()) {
          const response = await fetch(`${base}/${id}`, { method: 'DELETE' })
          if (!response.ok) throw new Error(`delete ${id}: ${response.status}`)
        }
      }
      await Promise.all(Array.from({ length: DELETES_AT_ONCE }, work))
    },
  }
}
