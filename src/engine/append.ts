/**
 * One chunk, from its headers to its promise: refuse cheaply, lease, ask again, store, record (design §4).
 *
 * The order is the durability: storage answers when bytes and directory entry are on the disk, only then the catalog
 * advances, only then the caller answers. Not advancing is the rollback: what a check refuses was never promised.
 */

import { type Admission, admit, refuseSmall, type WritePlan } from './admission.ts'
import type { BlobWriter } from './blob-writer.ts'
import type { Chunk } from './chunk.ts'
import { lengthOf } from './content.ts'
import type { DoorRules } from './door-rules.ts'
import { drainBody } from './drain-body.ts'
import { isRefusal, UploadError } from './failure.ts'
import type { Finalizer } from './finalize.ts'
import { HashingBody } from './hashing-body.ts'
import type { Writer, Writers } from './leases.ts'
import { dueAtOf } from './lifetime.ts'
import { Placement } from './placement.ts'
import type { Body, EngineParts, Extent, Mark, Receipt, Segment, Session, Shown } from './ports.ts'
import { nameOf } from './publish.ts'
import { receive } from './receive.ts'
import { replaceSegment } from './replace.ts'
import type { DoneProgress, Progress, Sessions } from './sessions.ts'
import { showing } from './showing.ts'
import { Turns } from './turns.ts'
import { followedDigests, HASHED_IN_PLACE } from './verification.ts'

/** A chunk on its way into one segment, admitted under its lease. */
interface Passage {
  readonly rules: DoorRules
  readonly session: Session
  readonly segment: Segment
  readonly chunk: Chunk
  readonly plan: WritePlan
  readonly writer: Writer
}

/** What recording needs of it. */
type Recording = Omit<Passage, 'plan' | 'writer'> & { readonly plan: Pick<WritePlan, 'total'> }

export interface AppenderParts extends EngineParts {
  readonly sessions: Sessions
  readonly writers: Writers
  readonly blobs: BlobWriter
  readonly finalizer: Finalizer
}

export class Appender {
  readonly #parts: AppenderParts
  /** Of those who replace the same segment. */
  readonly #turns = new Turns()

  constructor(parts: AppenderParts) {
    this.#parts = parts
  }

  async append(rules: DoorRules, key: string, sent: Chunk): Promise<Progress> {
    const { sessions } = this.#parts
    const hashing = rules.keepsDigests ? new HashingBody(sent.body) : undefined
    const chunk = hashing === undefined ? sent : { ...sent, body: hashing }
    try {
      const found = await sessions.find(key)
      if (found.state === 'done') return await this.#repeat(found, chunk, hashing)
      if (rules.resent === 'replace') return await this.#replace(rules, found, chunk, hashing)
      if (chunk.last) nameOf(found.session.intent, chunk)
      return await this.#take(rules, found.session, chunk)
    } catch (error) {
      if (!(error instanceof UploadError)) throw error
      const { code } = error.failure
      if (code === 'chunk_too_small' || code === 'blob_short') {
        await sessions.invalidate(rules.door, key, error.failure)
      }
      if (code !== 'session_ended') throw error
      // Somebody else ended it while this request waited or wrote: answer as the session does now.
      const found = await sessions.find(key)
      if (found.state === 'done') return this.#repeat(found, chunk, hashing)
      throw error
    }
  }

  async #replace(
    rules: DoorRules,
    { session }: { readonly session: Session },
    chunk: Chunk,
    hashing: HashingBody | undefined,
  ): Promise<Progress> {
    const { writers } = this.#parts
    const parts = { ...this.#parts, turns: this.#turns }
    const sha256 = () => hashing?.digest()
    const tally = await writers.write(session.key, chunk.segment ?? 0, rules.secondWriter, writer =>
      replaceSegment(parts, { writer, rules, session, chunk, sha256 }),
    )
    const { persisted } = tally
    return { state: 'open', persisted, chunks: 0, session: { ...session, ...tally } }
  }

  async #take(rules: DoorRules, session: Session, chunk: Chunk): Promise<Progress> {
    const { catalog, sessions, writers } = this.#parts
    const number = chunk.segment ?? 0
    // Cheap refusals first: a wrong retry evicts nobody.
    await writers.refuseSecond(session.key, number, rules.secondWriter)
    const glance = this.#admit(rules, session, await catalog.segment(session.key, number), chunk)
    // One that is counted counts, even without a byte.
    if (glance.kind === 'known' && !glance.isFinal && chunk.ordinal === undefined) {
      return this.#pass(rules, session, chunk, glance)
    }

    return writers.write(session.key, number, rules.secondWriter, async writer => {
      const segment = await catalog.lease(session.key, number)
      const found = await sessions.find(session.key)
      if (found.state === 'done') return this.#repeat(found, chunk)
      // What was true at the glance may have changed while this request waited for its turn.
      const admission = this.#admit(rules, found.session, segment, chunk)
      if (admission.kind === 'known') {
        const { session } = found
        const { total } = session
        if (!admission.isFinal && chunk.ordinal !== undefined) {
          await this.#record({ rules, session, segment, chunk, plan: { total } }, segment.extents)
        }
        if (!admission.isFinal) return this.#pass(rules, session, chunk, admission)
        await drainBody(chunk.body, this.#parts.settings.bodyIdleMs)
        return this.#parts.finalizer.finalize({
          rules,
          session,
          segments: [segment],
          late: chunk,
          writer,
        })
      }
      const passage = { rules, session: found.session, segment, chunk, plan: admission, writer }
      return this.#store(passage)
    })
  }

  #admit(rules: DoorRules, session: Session, segment: Segment, chunk: Chunk): Admission {
    const { chunks } = segment
    const standing = { persisted: lengthOf(segment.extents), total: session.total, chunks }
    return admit(rules, standing, chunk, this.#parts.settings.maxObjectSize)
  }

  /** Bytes that are known already go by, and the session stands where it stood: but its client is there. */
  async #pass(
    rules: DoorRules,
    session: Session,
    chunk: Chunk,
    { total }: Extract<Admission, { kind: 'known' }>,
  ): Promise<Progress> {
    await drainBody(chunk.body, this.#parts.settings.bodyIdleMs)
    await this.#touch(rules, session, total)
    return this.#parts.sessions.progress({ ...session, ...totalOf({ total }) })
  }

  async #touch(rules: DoorRules, session: Session, total: number | undefined): Promise<void> {
    const { catalog, clock, settings } = this.#parts
    const at = clock()
    await catalog.touch({
      key: session.key,
      ...totalOf({ total }),
      withdraws: session.shown !== undefined && total !== undefined,
      at,
      dueAt: dueAtOf(rules, settings, { createdAt: session.createdAt, activeAt: at }),
    })
  }

  /** A completed session takes the body and answers the same again (design P5), unless the door wants to know of other bytes. */
  async #repeat(done: DoneProgress, chunk: Chunk, hashing?: HashingBody): Promise<DoneProgress> {
    await drainBody(chunk.body, this.#parts.settings.bodyIdleMs)
    if (hashing === undefined) return done
    const { segment = 0 } = chunk
    const digest = await this.#parts.catalog.segmentDigest(done.session.key, segment)
    if (digest === hashing.digest()) return done
    throw new UploadError({ code: 'segment_differs', segment })
  }

  /** Stores the body, then records what is kept of it, or publishes. */
  async #store(passage: Passage): Promise<Progress> {
    const { rules, session, segment, plan } = passage
    const { blobs, observer, storage } = this.#parts
    const isTrusted = (blob: string) => blobs.isTrusted(blob)
    const placement = new Placement(storage, segment.extents, plan.position, isTrusted)
    let isReferenced = !placement.isNew
    let isUnclear = false
    let { extents: recorded } = segment
    let promised = 0
    const acknowledge = ({ length }: Mark) => {
      observer.acknowledged(rules.door, length - promised)
      promised = length
    }
    const record = async (mark: Mark): Promise<void> => {
      if (mark.length === 0 && passage.chunk.ordinal === undefined) return
      const extents = await placement.content(mark)
      await this.#record(passage, extents)
      recorded = extents
      isReferenced ||= mark.length > 0
      acknowledge(mark)
    }
    const recordAndShow = async (mark: Mark): Promise<void> => {
      if (mark.length === 0 || !this.#shows(passage)) return record(mark)
      const extents = await placement.content(mark)
      await this.#record(passage, extents, await showing(storage, session.intent, extents))
      recorded = extents
      isReferenced = true
      acknowledge(mark)
    }
    try {
      const receipt = await this.#receive(passage, placement, { record, recordAndShow })
      if (!this.#completes(passage, receipt)) {
        refuseSmall(plan.granule, receipt.received)
        await recordAndShow(receipt.granules)
        const { chunk } = passage
        return {
          state: 'open',
          persisted: lengthOf(recorded),
          chunks: chunk.ordinal ?? segment.chunks ?? 0,
          session: { ...session, ...totalOf(plan) },
        }
      }
      const { stopped } = passage.writer
      if (stopped !== undefined) {
        // Whoever took over does the rest.
        await recordAndShow(receipt.granules)
        throw new UploadError(stopped)
      }
      const extents = await placement.content(receipt.stored)
      const done = await this.#parts.finalizer.finalize({
        rules,
        session,
        segments: [{ ...segment, extents }],
        late: passage.chunk,
        writer: passage.writer,
        md5: receipt.md5,
        record: () => record(receipt.stored),
      })
      isReferenced = true
      acknowledge(receipt.stored)
      return done
    } catch (error) {
      isUnclear = !isRefusal(error)
      throw error
    } finally {
      if (!isReferenced && !isUnclear) await blobs.discard(placement.blob)
    }
  }

  /** The whole body, stored; of a body that did not come whole, what the door's rule keeps is recorded before the refusal. */
  async #receive(
    passage: Passage,
    placement: Placement,
    { record, recordAndShow }: Record<'record' | 'recordAndShow', (mark: Mark) => Promise<void>>,
  ): Promise<Receipt> {
    const { rules, session, chunk, plan, writer } = passage
    const { blob, start, seed } = placement
    const { receipt, failure } = await receive(this.#parts, {
      rules,
      writer,
      plan,
      blob,
      start,
      seed,
      body: announcing(chunk.body, () => writer.end()),
      expected: chunk.length ?? chunk.body.length,
      checkpoint: plan.revocable ? undefined : record,
      md5: this.#hashesInPlace(passage),
      maxObjectSize: this.#parts.settings.maxObjectSize,
    })
    if (failure === undefined) return receipt
    const isBroken = receipt.ended !== 'end' && receipt.ended !== 'over'
    if (isBroken && rules.cutBody === 'keep' && chunk.whole !== true) {
      await recordAndShow(receipt.granules)
    } else if (receipt.received > 0) {
      // Nothing is kept of it, but somebody is there.
      await this.#touch(rules, session, undefined)
    }
    throw new UploadError(failure)
  }

  /** True while the session's content is readable under its name as far as it has come. */
  #shows({ rules, session, segment, plan }: Passage): boolean {
    if (rules.unfinished === 'hidden') return false
    return plan.total === undefined || (session.shown !== undefined && segment.extents.length > 0)
  }

  #completes({ segment, chunk, plan }: Passage, receipt: Receipt): boolean {
    const end = Math.max(plan.position + receipt.stored.length, lengthOf(segment.extents))
    if (chunk.last && plan.total !== undefined && end !== plan.total) {
      throw new UploadError({ code: 'total_mismatch', declared: end, total: plan.total })
    }
    return chunk.last || end === plan.total
  }

  /** Moves the promise, then lets the hasher follow it; a hasher far behind holds the writer back. */
  async #record(passage: Recording, extents: readonly Extent[], shown?: Shown): Promise<void> {
    const { rules, session, segment, chunk, plan } = passage
    const { catalog, clock, settings, storage } = this.#parts
    const at = clock()
    await catalog.advance({
      key: session.key,
      segment: segment.number,
      epoch: segment.epoch,
      extents,
      replaces: false,
      at,
      dueAt: dueAtOf(rules, settings, { createdAt: session.createdAt, activeAt: at }),
      ...totalOf(plan),
      ...(chunk.ordinal !== undefined && { chunks: chunk.ordinal }),
      ...(shown !== undefined && { shown }),
      withdraws: session.shown !== undefined && plan.total !== undefined,
    })
    const followed = followedDigests(settings, session.intent, rules)
    if (followed.length > 0) await storage.digests.follow(session.key, extents, followed)
  }

  #hashesInPlace({ chunk, plan, segment }: Passage): boolean {
    const { length = Number.POSITIVE_INFINITY } = chunk.body
    const isWhole = plan.position === 0 && plan.skip === 0 && (chunk.last || length === plan.total)
    // New bytes at the beginning may leave a tail of old ones.
    const isAll = isWhole && lengthOf(segment.extents) <= length
    return this.#parts.settings.md5 && isAll && length <= HASHED_IN_PLACE
  }
}

/** The same body; `onEnd` is called when there is no more of it, for whatever reason. */
function announcing(body: Body, onEnd: () => void): Body {
  return {
    length: body.length,
    async read(idleMs, signal) {
      const arrival = await body.read(idleMs, signal)
      if (typeof arrival === 'string') onEnd()
      return arrival
    },
  }
}

function totalOf({ total }: Pick<WritePlan, 'total'>): { readonly total?: number } {
  return total === undefined ? {} : { total }
}
