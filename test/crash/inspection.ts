/**
 * A look behind the door: what the catalog's tables refer to, against the files that are there. Read-only, beside the
 * running server; it is exact only while no client is at work.
 */

import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { keyOf } from '../../src/engine/session-key.ts'

interface Reference {
  readonly blob: string
  readonly start: number
  readonly length: number
}

export interface Snapshot {
  /** The content of each open session, by key. */
  readonly sessions: ReadonlyMap<string, readonly Reference[]>
  /** The content of each object, by name. */
  readonly objects: ReadonlyMap<
    string,
    { readonly size: number; readonly content: readonly Reference[] }
  >
  /** How many of these each blob is referred to by, as the catalog counts it. */
  readonly counts: ReadonlyMap<string, number>
  /** The size of each file in the blob directory, by blob name. */
  readonly files: ReadonlyMap<string, number>
}

export async function inspect(dataDir: string): Promise<Snapshot> {
  const database = new DatabaseSync(join(dataDir, 'catalog.sqlite'), {
    readOnly: true,
    timeout: 5000,
  })
  try {
    // One transaction: the tables as of one moment.
    database.exec('BEGIN')
    const rows = (sql: string) => database.prepare(sql).all()
    const sessions = new Map<string, Reference[]>()
    const open = `SELECT session, extents FROM segments JOIN sessions ON key = session
      WHERE state = 'open' ORDER BY session, number`
    for (const { session, extents } of rows(open)) {
      const content = sessions.get(String(session)) ?? []
      sessions.set(String(session), [...content, ...referencesIn(extents)])
    }
    const objects = new Map(
      rows('SELECT name, size, extents FROM objects').map(({ name, size, extents }) => [
        String(name),
        { size: Number(size), content: referencesIn(extents) },
      ]),
    )
    const counts = new Map(
      rows('SELECT name, refs FROM blobs').map(({ name, refs }) => [String(name), Number(refs)]),
    )
    return { sessions, objects, counts, files: await blobFiles(dataDir) }
  } finally {
    database.close()
  }
}

/** What is wrong between references, counts and files. */
export function contradictions(snapshot: Snapshot): string[] {
  const { sessions, objects, counts, files } = snapshot
  const found: string[] = []
  const referrers = new Map<string, number>()
  const look = (what: string, content: readonly Reference[]) => {
    for (const blob of new Set(content.map(reference => reference.blob))) {
      referrers.set(blob, (referrers.get(blob) ?? 0) + 1)
    }
    for (const { blob, start, length } of content) {
      const size = files.get(blob)
      if (size === undefined) found.push(`${what} refers to blob ${blob}, which is not there`)
      else if (size < start + length) {
        found.push(`${what} refers to bytes ${start}+${length} of blob ${blob}, which has ${size}`)
      }
    }
  }
  for (const [key, content] of sessions) look(`session ${key}`, content)
  for (const [name, { size, content }] of objects) {
    look(`object ${name}`, content)
    const length = content.reduce((sum, reference) => sum + reference.length, 0)
    if (length !== size)
      found.push(`object ${name} has size ${size} and ${length} bytes of content`)
  }
  for (const blob of new Set([...referrers.keys(), ...counts.keys()])) {
    const [counted, there] = [counts.get(blob) ?? 0, referrers.get(blob) ?? 0]
    if (counted !== there)
      found.push(`blob ${blob} has ${there} referrers and a count of ${counted}`)
  }
  return found
}

/** Files that nothing refers to, garbage that still awaits the sweeper among them. */
export function unreferenced({ counts, files }: Snapshot): string[] {
  return [...files.keys()].filter(blob => (counts.get(blob) ?? 0) === 0)
}

/** The stored bytes of an open session, slice by slice with the content offset of each. */
export async function* storedBytes(
  dataDir: string,
  snapshot: Snapshot,
  sessionUrl: string,
): AsyncGenerator<{ readonly offset: number; readonly bytes: Buffer }> {
  const token = new URL(sessionUrl).searchParams.get('upload_id') ?? ''
  let offset = 0
  for (const { blob, start, length } of snapshot.sessions.get(keyOf('google', token)) ?? []) {
    // A blob that is not there is found by `contradictions`.
    const whole = await readFile(pathOf(dataDir, blob)).catch(() => Buffer.alloc(0))
    yield { offset, bytes: whole.subarray(start, start + length) }
    offset += length
  }
}

function referencesIn(extents: unknown): Reference[] {
  const tuples = JSON.parse(String(extents)) as Array<[string, number, number, number]>
  return tuples.map(([blob, start, length]) => ({ blob, start, length }))
}

async function blobFiles(dataDir: string): Promise<Map<string, number>> {
  const root = join(dataDir, 'blobs')
  const files = new Map<string, number>()
  for (const day of await readdir(root, { withFileTypes: true })) {
    if (!day.isDirectory()) continue
    for (const name of await readdir(join(root, day.name))) {
      const stats = await stat(join(root, day.name, name)).catch(() => undefined)
      // Gone between the listing and the look: the sweeper is at work.
      if (stats !== undefined) files.set(`${day.name}-${name}`, stats.size)
    }
  }
  return files
}

function pathOf(dataDir: string, blob: string): string {
  return join(dataDir, 'blobs', blob.slice(0, 8), blob.slice(9))
}
