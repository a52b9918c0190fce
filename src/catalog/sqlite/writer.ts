/**
 * The main thread's end of the writer: a call for each operation, a promise that settles after its commit. Calls made in one
 * turn of the event loop travel in one message.
 */

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { UploadError } from '../../engine/failure.ts'
import type { Log, Observer } from '../../engine/ports.ts'
import type { Answer, Step } from './group-commit.ts'
import type { FromWriter, ToWriter, WriterSettings } from './messages.ts'
import type { OperationName, Operations } from './operations.ts'

export interface WriterOptions extends WriterSettings {
  readonly log: Log
  readonly observer: Pick<Observer, 'committed'>
  /** Called once, after every caller was rejected: the catalog cannot be trusted any more. */
  readonly onFatal: (error: Error) => void
}

interface Call {
  resolve(value: unknown): void
  reject(error: UploadError): void
}

export class Writer {
  readonly #worker: Worker
  readonly #options: WriterOptions
  readonly #calls = new Map<number, Call>()
  readonly #opening = Promise.withResolvers<void>()
  readonly #gone = Promise.withResolvers<void>()
  #outbox: Step[] = []
  #lastId = 0
  #commits = 0
  #isOpen = false
  #isClosing = false
  #fault: Error | undefined

  /** Resolves when the catalog is open and durably there; rejects with the reason where it cannot be. */
  static async open(options: WriterOptions): Promise<Writer> {
    const writer = new Writer(options)
    await writer.#opening.promise
    // An idle catalog keeps no process alive; one with a call under way does.
    writer.#worker.unref()
    return writer
  }

  private constructor(options: WriterOptions) {
    const { directory, durability, reserveBytes, faults } = options
    this.#options = options
    // The sources run as they are in development and as JavaScript in dist/.
    const file = new URL(`./writer-worker${extname(import.meta.url)}`, import.meta.url)
    const settings: WriterSettings = { directory, durability, reserveBytes, faults }
    const name = 'catalog writer'
    // Whatever this process preloads is none of its business.
    this.#worker = new Worker(file, { name, workerData: settings, execArgv: [] })
    this.#worker.on('message', (message: FromWriter) => this.#hear(message))
    this.#worker.on('error', error => this.fail(asError(error)))
    this.#worker.on('exit', () => this.#leave())
  }

  /** How many commits were answered. */
  get commits(): number {
    return this.#commits
  }

  run<Name extends OperationName>(
    name: Name,
    ...args: Parameters<Operations[Name]>
  ): Promise<ReturnType<Operations[Name]>> {
    if (this.#isClosing || this.#fault !== undefined) {
      return Promise.reject(failed(this.#fault ?? new Error('the catalog is closed')))
    }
    this.#lastId += 1
    const id = this.#lastId
    if (this.#outbox.length === 0) queueMicrotask(() => this.#send())
    this.#outbox.push({ id, name, args })
    if (this.#calls.size === 0) this.#worker.ref()
    return new Promise((resolve, reject) => {
      const settle = resolve as (value: unknown) => void
      this.#calls.set(id, { resolve: settle, reject })
    })
  }

  /** Nothing is true any more: rejects every caller, those to come as well, and only then tells the process's owner. */
  fail(error: Error): void {
    if (this.#fault !== undefined) return
    this.#fault = error
    this.#opening.reject(error)
    for (const call of this.#calls.values()) call.reject(failed(error))
    this.#calls.clear()
    void this.#worker.terminate()
    // One that never opened has said so to whoever tried.
    if (this.#isOpen) this.#options.onFatal(error)
  }

  /** Commits what was asked for and ends the thread. Idempotent. */
  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true
      this.#send()
      this.#worker.ref()
      this.#post({ kind: 'close' })
    }
    await this.#gone.promise
  }

  #send(): void {
    if (this.#outbox.length === 0) return
    const steps = this.#outbox
    this.#outbox = []
    this.#post({ kind: 'steps', steps })
  }

  #post(message: ToWriter): void {
    this.#worker.postMessage(message)
  }

  #hear(message: FromWriter): void {
    switch (message.kind) {
      case 'opened':
        this.#isOpen = true
        this.#opening.resolve()
        break
      case 'refused':
      case 'fatal':
        this.fail(message.error)
        break
      case 'answers':
        this.#commits += 1
        this.#options.observer.committed(message.answers.length, message.ms)
        for (const answer of message.answers) this.#settle(answer)
        if (this.#calls.size === 0 && !this.#isClosing) this.#worker.unref()
        break
      case 'warning':
        this.#options.log.warn(message.fields, message.message)
        break
    }
  }

  #settle(answer: Answer): void {
    const call = this.#calls.get(answer.id)
    if (call === undefined) return
    this.#calls.delete(answer.id)
    if ('value' in answer) call.resolve(answer.value)
    else call.reject(new UploadError(answer.failure, { cause: answer.cause }))
  }

  #leave(): void {
    this.#gone.resolve()
    if (!this.#isClosing || this.#calls.size > 0) {
      this.fail(new Error('the catalog writer stopped on its own'))
    }
  }
}

function failed(cause: Error): UploadError {
  return new UploadError({ code: 'catalog_failed' }, { cause })
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
