/**
 * `store_segment` (dxl.md §2, §3): the protocol itself, the same for every way in which a segment comes.
 *
 * A file on its way is a session whose id the client learns, or chooses. What the reference forgets (a restart, the answer to
 * a last segment that was lost) is remembered here; what it makes of ids, names and wrong files is the same.
 */

import { randomUUID } from 'node:crypto'
import type { Access } from '../../engine/access.ts'
import { DXL } from '../../engine/door-rules.ts'
import type { DoneProgress, Progress } from '../../engine/engine.ts'
import { UploadError } from '../../engine/failure.ts'
import type { Body } from '../../engine/ports.ts'
import { Turns } from '../../engine/turns.ts'
import { refused, unexpectedSegment } from './refusal.ts'
import { type Description, type Field, parseSegmentRequest } from './segment-request.ts'

/** The answer, as it is written in JSON. */
export interface SegmentResult {
  readonly file_id: string
  readonly segments_received: number
  readonly result?: 'store' | 'cancel'
}

export interface UploadStatus {
  readonly file_id: string
  readonly segments_received: number
  readonly bytes_received: number
  readonly expires_at: string
}

interface Segment {
  readonly number: number
  readonly store: Description | undefined
  readonly body: Body
}

/** A session's end, as it is remembered. */
type Ending = { readonly segments: string; readonly size: string; readonly sha256: string }

export class SegmentStore {
  readonly #bucket: string
  readonly #turns = new Turns()

  constructor(bucket: string) {
    this.#bucket = bucket
  }

  /** One segment, or a cancel, by its fields. Throws Refusal and UploadError. */
  async storeSegment(engine: Access, field: Field, body: Body): Promise<SegmentResult> {
    const request = parseSegmentRequest(field)
    if (request.kind === 'cancel') return this.cancel(engine, request.fileId)
    if (request.kind === 'nameless') {
      await this.cancel(engine, request.fileId)
      throw refused(400, 'the last segment needs a name; the upload was dropped')
    }
    const { fileId, number, store } = request
    if (fileId === undefined && number !== 1) throw unexpectedSegment(1, number)
    const id = fileId ?? randomUUID()
    // Ids are each principal's own, so nobody waits for a stranger's upload of the same id.
    const turn = `${engine.principal.name}\n${id}`
    return this.#turns.take(turn, () => this.#storeInTurn(engine, id, { number, store, body }))
  }

  /** Waits for nobody: whoever is sending a segment of it is stopped. Fine also where there is nothing to cancel (DXL-18). */
  async cancel(engine: Access, fileId: string | undefined): Promise<SegmentResult> {
    const id = fileId ?? randomUUID()
    const cancelled = { file_id: id, result: 'cancel' } as const
    const standing = await standingOf(engine, id)
    if (standing?.state !== 'open') return { ...cancelled, segments_received: 0 }
    await unlessGone(engine.cancel(DXL, id))
    return { ...cancelled, segments_received: standing.chunks }
  }

  /** Undefined where there is no such upload. */
  async status(engine: Access, fileId: string): Promise<UploadStatus | undefined> {
    const standing = await standingOf(engine, fileId)
    if (standing?.state !== 'open') return undefined
    return {
      file_id: fileId,
      segments_received: standing.chunks,
      bytes_received: standing.persisted,
      expires_at: new Date(standing.session.dueAt).toISOString(),
    }
  }

  async #storeInTurn(engine: Access, id: string, segment: Segment): Promise<SegmentResult> {
    const standing = await standingOf(engine, id)
    if (standing?.state === 'done' && isEndOf(standing, segment)) {
      return this.#append(engine, id, segment)
    }
    const isOpen = standing?.state === 'open'
    if (!isOpen && segment.number !== 1) throw unexpectedSegment(1, segment.number)
    if (segment.store !== undefined) await this.#refuseDirectory(engine, id, segment.store.name)
    return isOpen ? this.#append(engine, id, segment) : this.#begin(engine, id, segment)
  }

  async #begin(engine: Access, id: string, segment: Segment): Promise<SegmentResult> {
    const intent = { bucket: this.#bucket, metadata: {}, preconditions: {}, checksums: {} }
    await engine.create(DXL, { ...intent, doorData: {} }, id)
    try {
      return await this.#append(engine, id, segment)
    } catch (error) {
      // A first segment that failed leaves nothing behind: its client may not even know the id. What cannot be cancelled expires.
      await engine.cancel(DXL, id).catch(() => undefined)
      throw error
    }
  }

  async #append(engine: Access, id: string, segment: Segment): Promise<SegmentResult> {
    const { number, store, body } = segment
    const progress = await engine.append(DXL, id, {
      body,
      offset: 'end',
      ordinal: number,
      last: store !== undefined,
      ...(store !== undefined && {
        name: store.name,
        size: store.size,
        checksums: { sha256: store.sha256 },
        doorData: { ...endingOf(number, store) },
      }),
    })
    if (progress.state === 'open') return { file_id: id, segments_received: progress.chunks }
    // Somebody else may have ended it a moment ago.
    if (!isEndOf(progress, segment)) throw unexpectedSegment(1, number)
    return { file_id: id, segments_received: number, result: 'store' }
  }

  /** Where files were stored below it, the reference has a directory of that name, and drops the upload. */
  async #refuseDirectory(engine: Access, id: string, name: string): Promise<void> {
    if (!(await this.#isDirectory(engine, name))) return
    await unlessGone(engine.cancel(DXL, id))
    throw refused(400, 'invalid file name: there is a directory of that name')
  }

  async #isDirectory(engine: Access, name: string): Promise<boolean> {
    const below = { bucket: this.#bucket, prefix: `${name}/`, includesTrailing: true, limit: 1 }
    try {
      const { objects } = await engine.objects.list(below)
      return objects.length > 0
    } catch (error) {
      // Who may not see what there is does not learn it here.
      if (error instanceof UploadError && error.failure.code === 'access_denied') return false
      throw error
    }
  }
}

/** Undefined for an id that stands for nothing any more, which is as good as one that never did. */
async function standingOf(engine: Access, id: string): Promise<Progress | undefined> {
  try {
    return await engine.status(DXL, id)
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Is this the segment with which the file was stored, sent once more because the answer was lost (DXL-20)? */
function isEndOf({ object, session }: DoneProgress, { number, store }: Segment): boolean {
  if (store === undefined || session.outcome?.kind !== 'published') return false
  const known = session.outcome.doorData
  const { segments, size, sha256 } = endingOf(number, store)
  return (
    object.name === store.name &&
    known?.['segments'] === segments &&
    known['size'] === size &&
    known['sha256'] === sha256
  )
}

function endingOf(number: number, { size, sha256 }: Description): Ending {
  return { segments: String(number), size: String(size), sha256 }
}

async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

function isGone(error: unknown): boolean {
  if (!(error instanceof UploadError)) return false
  const { code } = error.failure
  return (
    code === 'session_not_found' ||
    code === 'session_cancelled' ||
    code === 'session_invalid' ||
    code === 'session_ended'
  )
}
