/**
 * The catalog's only writer, a thread of its own: a commit waits for the disk, and nobody else should. It takes all steps that
 * came while it was busy into the next commit, answers after it, and checkpoints the log only after it has answered.
 */

import type { DatabaseSync } from 'node:sqlite'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { Ballast } from './ballast.ts'
import { Checkpointer } from './checkpointer.ts'
import { openWriter } from './database.ts'
import { FaultyDisk } from './faults.ts'
import { GroupCommit, type Step } from './group-commit.ts'
import type { FromWriter, ToWriter, WriterSettings } from './messages.ts'
import { createOperations } from './operations.ts'
import { verdictOf, wantsSpace } from './verdict.ts'

/** The most steps in one commit: none should wait for too many others. */
const LARGEST_BATCH = 512

const FILL_BALLAST_EVERY_MS = 30_000

export class WriterThread {
  readonly #port: MessagePort
  readonly #database: DatabaseSync
  readonly #ballast: Ballast
  readonly #group: GroupCommit
  readonly #checkpointer: Checkpointer
  #isBroken = false
  #isBehind = false

  /** Says `opened`, or `refused` and why. */
  static start(port: MessagePort, settings: WriterSettings): void {
    try {
      new WriterThread(port, settings).#listen()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const message = `the catalog in ${settings.directory} (TIDEMARK_DATA_DIR) cannot be opened: ${reason}`
      const refused: FromWriter = { kind: 'refused', error: new Error(message, { cause: error }) }
      port.postMessage(refused)
      port.close()
    }
  }

  private constructor(port: MessagePort, settings: WriterSettings) {
    const { directory, durability, reserveBytes, faults } = settings
    this.#port = port
    this.#ballast = new Ballast(directory, reserveBytes)
    this.#database = openWithRoom(directory, this.#ballast)
    this.#checkpointer = new Checkpointer(this.#database)
    this.#group = new GroupCommit({
      database: this.#database,
      operations: createOperations(this.#database),
      durability,
      ballast: this.#ballast,
      disk: new FaultyDisk(faults),
    })
  }

  #listen(): void {
    this.#fillBallast()
    setInterval(() => this.#fillBallast(), FILL_BALLAST_EVERY_MS).unref()
    this.#port.on('message', (message: ToWriter) => this.#hear(message))
    this.#say({ kind: 'opened' })
  }

  #hear(first: ToWriter): void {
    // After a fatal fault nothing is answered: the main thread has rejected it all.
    if (this.#isBroken) return
    const { steps, isClosing } = this.#drain(first)
    if (steps.length > 0) this.#commit(steps)
    if (!this.#isBroken) this.#checkpoint()
    if (isClosing) {
      this.#database.close()
      this.#port.close()
    }
  }

  /** Everything that has come by now, as far as one commit takes it. */
  #drain(first: ToWriter): { steps: readonly Step[]; isClosing: boolean } {
    const steps: Step[] = []
    for (let message: ToWriter | undefined = first; message !== undefined; ) {
      if (message.kind === 'close') return { steps, isClosing: true }
      steps.push(...message.steps)
      if (steps.length >= LARGEST_BATCH) break
      message = receiveMessageOnPort(this.#port)?.message as ToWriter | undefined
    }
    return { steps, isClosing: false }
  }

  #commit(steps: readonly Step[]): void {
    const begin = performance.now()
    const { answers, fatal, releasedBallast } = this.#group.run(steps)
    this.#say({ kind: 'answers', answers, ms: performance.now() - begin })
    if (releasedBallast) this.#warnOfFullDisk()
    if (fatal !== undefined) this.#break(fatal)
  }

  #checkpoint(): void {
    try {
      this.#checkpointer.checkpoint()
      this.#isBehind = false
    } catch (error) {
      if (verdictOf(error) === 'fatal') {
        this.#break(error as Error)
      } else if (wantsSpace(error) && this.#ballast.release()) {
        this.#warnOfFullDisk()
      } else if (!this.#isBehind) {
        // Said once: it is tried again after every commit.
        this.#isBehind = true
        this.#warn('the catalog cannot checkpoint: its log grows', error)
      }
    }
  }

  #fillBallast(): void {
    try {
      this.#ballast.fill()
    } catch (error) {
      this.#warn('the ballast cannot be written', error)
    }
  }

  #break(error: Error): void {
    this.#isBroken = true
    this.#say({ kind: 'fatal', error })
  }

  #warnOfFullDisk(): void {
    this.#warn('the disk is full: the catalog goes on in the room of its ballast')
  }

  #warn(message: string, error?: unknown): void {
    const fields = error === undefined ? {} : { err: error }
    this.#say({ kind: 'warning', fields, message })
  }

  #say(message: FromWriter): void {
    this.#port.postMessage(message)
  }
}

/** A full disk must not keep a server from starting: that is what the ballast is for. */
function openWithRoom(directory: string, ballast: Ballast): DatabaseSync {
  try {
    return openWriter(directory)
  } catch (error) {
    if (!wantsSpace(error) || !ballast.release()) throw error
    return openWriter(directory)
  }
}
