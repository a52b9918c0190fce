/**
 * Who writes what, in this process: one writer per segment, and how a newer request gets in (design P3).
 *
 * The hand-over is polite first: the running writer is asked to stop, syncs, records under its own epoch and is gone. One
 * that is not gone within a second is left behind: its blob is never written by anyone else, and the catalog's epoch
 * shuts its records out. Only one that is publishing is neither stopped nor left behind.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { DoorRules } from './door-rules.ts'
import { type Failure, UploadError } from './failure.ts'
import type { Observer } from './ports.ts'

const HAND_OVER_MS = 1000

/** In the place of a segment's number: whoever publishes a session whose segments have many writers. */
export const PUBLISHING = -1

/** One request that writes, or waits to. */
export class Writer {
  readonly sessionKey: string
  /** Resolves when this writer, and every one before it on the segment, is gone. */
  readonly gone: Promise<void>
  readonly #before: Writer | undefined
  readonly #leave: () => void
  readonly #controller = new AbortController()
  #stopped: Failure | undefined
  #isEnding = false
  #isPublishing = false

  constructor(sessionKey: string, before: Writer | undefined) {
    this.sessionKey = sessionKey
    this.#before = before
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#leave = resolve
    this.gone = before === undefined ? promise : promise.then(() => before.gone)
  }

  /** Aborted when the writer should stop. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** True once its body is over: what is left to do takes no longer than a sync and a commit. */
  get isEnding(): boolean {
    return this.#isEnding
  }

  end(): void {
    this.#isEnding = true
  }

  /** Why it was asked to stop. */
  get stopped(): Failure | undefined {
    return this.#stopped
  }

  stop(why: Failure): void {
    this.#stopped ??= why
    this.#controller.abort()
  }

  /** It has all it needs and is about to publish: from here on nobody overtakes it. Throws why it was asked to stop before. */
  beginPublishing(): void {
    if (this.#stopped !== undefined) throw new UploadError(this.#stopped)
    this.#isPublishing = true
  }

  /** This writer or one before it, if it is publishing. */
  get publishing(): Writer | undefined {
    return this.#isPublishing ? this : this.#before?.publishing
  }

  leave(): void {
    this.#isPublishing = false
    this.#leave()
  }
}

export class Writers {
  readonly #all = new Set<Writer>()
  /** The newest writer of each segment. */
  readonly #newest = new Map<string, Writer>()
  readonly #observer: Pick<Observer, 'tookOver'>
  #refusal: Failure | undefined

  constructor(observer: Pick<Observer, 'tookOver'>) {
    this.#observer = observer
  }

  /** Runs `work` as a writer of the segment, by the door's rule for second writers. */
  async write<Result>(
    sessionKey: string,
    segment: number,
    rule: DoorRules['secondWriter'],
    work: (writer: Writer) => Promise<Result>,
  ): Promise<Result> {
    if (this.#refusal !== undefined) throw new UploadError(this.#refusal)
    const place = `${sessionKey}/${segment}`
    const before = rule === 'last_finished_wins' ? undefined : this.#newest.get(place)
    if (before !== undefined && rule === 'refuse') throw new UploadError({ code: 'segment_busy' })

    const writer = new Writer(sessionKey, before)
    this.#all.add(writer)
    this.#newest.set(place, writer)
    try {
      if (before !== undefined) {
        if (rule === 'take_over') this.#observer.tookOver()
        await succeed(before, writer, rule)
      }
      return await work(writer)
    } finally {
      this.#all.delete(writer)
      if (this.#newest.get(place) === writer) this.#newest.delete(place)
      writer.leave()
    }
  }

  /**
   * A protocol that refuses second writers says so first. One that has its whole body and is only syncing is waited for, a
   * second at most: a client that was cut off comes back at once, and is no second one.
   */
  async refuseSecond(
    sessionKey: string,
    segment: number,
    rule: DoorRules['secondWriter'],
  ): Promise<void> {
    if (rule !== 'refuse') return
    await this.settled(sessionKey, segment)
    if (this.#newest.has(`${sessionKey}/${segment}`)) {
      throw new UploadError({ code: 'segment_busy' })
    }
  }

  /** Asks the segment's writer to stop and waits for it, a second at most. */
  async stop(sessionKey: string, segment: number): Promise<void> {
    const writer = this.#newest.get(`${sessionKey}/${segment}`)
    if (writer === undefined) return
    writer.stop({ code: 'superseded' })
    await goneSoon(writer)
  }

  /** Waits, a second at most, for a writer of the segment that has its whole body and is only syncing. Others go on. */
  async settled(sessionKey: string, segment: number): Promise<void> {
    const writer = this.#newest.get(`${sessionKey}/${segment}`)
    if (writer?.isEnding === true) await goneSoon(writer)
  }

  /** Waits until nobody writes to the session, or waits to. */
  async left(sessionKey: string): Promise<void> {
    const writers = [...this.#all].filter(writer => writer.sessionKey === sessionKey)
    await Promise.all(writers.map(writer => writer.gone))
  }

  /** Waits until the newest writer of the segment is gone. */
  async idle(sessionKey: string, segment: number): Promise<void> {
    await this.#newest.get(`${sessionKey}/${segment}`)?.gone
  }

  /** Asks every writer of the session to stop; waits for none. */
  stopSession(sessionKey: string, why: Failure): void {
    for (const writer of this.#all) if (writer.sessionKey === sessionKey) writer.stop(why)
  }

  /** From now on nobody may write; resolves when nobody does. */
  async drain(why: Failure): Promise<void> {
    this.#refusal = why
    for (const writer of this.#all) writer.stop(why)
    await Promise.all([...this.#all].map(writer => writer.gone))
  }

  get isDraining(): boolean {
    return this.#refusal !== undefined
  }

  /** Keys of the sessions that are being written. */
  busy(): Set<string> {
    return new Set([...this.#all].map(writer => writer.sessionKey))
  }
}

async function succeed(
  before: Writer,
  writer: Writer,
  rule: DoorRules['secondWriter'],
): Promise<void> {
  const stopped = once(writer.signal)
  if (rule === 'take_over') {
    before.stop({ code: 'superseded' })
    await Promise.race([goneSoon(before), stopped])
    // A publication waits for no client, only for the hasher. Whoever asks again meanwhile waits with it, for the same answer.
    await Promise.race([before.publishing?.gone, stopped])
  } else {
    await Promise.race([before.gone, stopped])
  }
  // A still newer one came while this one waited.
  if (writer.stopped !== undefined) throw new UploadError(writer.stopped)
}

async function goneSoon(writer: Writer): Promise<void> {
  const timer = new AbortController()
  const timeout = sleep(HAND_OVER_MS, undefined, { signal: timer.signal }).catch(() => undefined)
  await Promise.race([writer.gone, timeout])
  timer.abort()
}

function once(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
