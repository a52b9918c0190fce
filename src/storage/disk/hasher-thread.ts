/**
 * One worker thread of the hasher, started when it is first needed and again after a crash. It does not keep the process
 * alive, unless somebody waits for it.
 */

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { UploadError } from '../../engine/failure.ts'
import type { Digest } from '../../engine/ports.ts'
import type { Order, Report } from './hasher-worker.ts'

/** The worker lies beside this file, as .ts in the sources and as .js in a build. */
const WORKER = new URL(`./hasher-worker${extname(import.meta.url)}`, import.meta.url)

/** What a thread tells about a run. After a digest or an error it tells no more. */
export interface RunListener {
  /** Bytes it was told to hash and has not hashed yet. */
  readonly lagBytes: number
  onHashed(hashed: number): void
  onDigest(digest: Digest): void
  onError(error: UploadError): void
}

export class HasherThread {
  readonly #listeners = new Map<number, RunListener>()
  #worker: Worker | undefined
  #waiting = 0

  /** Runs that it has been given and that are not over. */
  get runs(): number {
    return this.#listeners.size
  }

  get lagBytes(): number {
    let lag = 0
    for (const { lagBytes } of this.#listeners.values()) lag += lagBytes
    return lag
  }

  listen(run: number, listener: RunListener): void {
    this.#listeners.set(run, listener)
  }

  send(order: Order): void {
    if (order.do === 'forget') {
      this.#listeners.delete(order.run)
      this.#worker?.postMessage(order)
      return
    }
    this.#worker ??= this.#start()
    this.#worker.postMessage(order)
  }

  /** Counts those who wait: as long as there are any, the process must not end. */
  wait(callers: 1 | -1): void {
    this.#waiting += callers
    if (this.#waiting > 0) this.#worker?.ref()
    else this.#worker?.unref()
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(WORKER, { name: 'hasher', execArgv: [] })
    let crash: unknown
    worker.on('message', (report: Report) => this.#take(report))
    worker.on('error', error => {
      crash = error
    })
    worker.on('exit', () => this.#lose(worker, crash ?? new Error('the hasher has ended')))
    if (this.#waiting === 0) worker.unref()
    return worker
  }

  #take(report: Report): void {
    const listener = this.#listeners.get(report.run)
    if (report.is === 'hashed') {
      listener?.onHashed(report.hashed)
      return
    }
    this.#listeners.delete(report.run)
    if (report.is === 'digest') listener?.onDigest(report.digest)
    else if (report.is === 'short')
      listener?.onError(new UploadError({ code: 'blob_short', blob: report.blob }))
    else listener?.onError(new UploadError({ code: 'storage_failed' }, { cause: report.error }))
  }

  /** Its state is gone with it: every run that it had is over. */
  #lose(worker: Worker, cause: unknown): void {
    if (this.#worker === worker) this.#worker = undefined
    const listeners = [...this.#listeners.values()]
    this.#listeners.clear()
    for (const listener of listeners) {
      listener.onError(new UploadError({ code: 'storage_failed' }, { cause }))
    }
  }
}
