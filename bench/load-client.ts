/** The bench's end of the load client (load/main.ts): started on its own core, given one job at a time. */

import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { endWithBench } from './children.ts'
import type { Job, JobReply, JobResult } from './load/job.ts'

const MAIN = fileURLToPath(new URL('load/main.ts', import.meta.url))
/** A job takes seconds; one that takes this long hangs. */
const JOB_TIMEOUT_MS = 180_000

export class LoadClient {
  readonly #child: ChildProcess

  constructor(core: string) {
    this.#child = spawn('taskset', ['--cpu-list', core, process.execPath, MAIN], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    endWithBench(this.#child)
  }

  run(job: Job): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      const settle = (reply: JobReply): void => {
        clearTimeout(timer)
        this.#child.off('message', onMessage)
        this.#child.off('exit', onExit)
        if ('error' in reply) reject(new Error(reply.error))
        else resolve(reply.result)
      }
      const onMessage = (message: unknown): void => settle(message as JobReply)
      const onExit = (): void => settle({ error: 'the load client ended' })
      const timer = setTimeout(
        () => settle({ error: `no end after ${JOB_TIMEOUT_MS / 1000} s` }),
        JOB_TIMEOUT_MS,
      )
      this.#child.once('message', onMessage)
      this.#child.once('exit', onExit)
      this.#child.send(job)
    })
  }

  stop(): void {
    this.#child.disconnect()
  }
}
