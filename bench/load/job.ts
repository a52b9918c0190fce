/** What the bench asks of the load client, and what it gets back: messages between the two processes. */

import type { DriverName } from './drivers.ts'

export interface Job {
  readonly driver: DriverName
  readonly port: number
  readonly count: number
  readonly concurrency: number
  /** Bytes of each upload, and of each data request of it. */
  readonly length: number
  readonly chunkLength: number
  readonly oneRequest: boolean
  /** Upload n is named `{prefix}{n}`. */
  readonly prefix: string
}

export interface JobResult {
  /** From the first request to the last answer; connections are opened before. */
  readonly seconds: number
  /** CPU time of the client in that time. As much as `seconds` would mean that the client was the bottleneck. */
  readonly clientCpuSeconds: number
  /** What each upload is stored as, by its index. */
  readonly stored: readonly (readonly string[])[]
}

export type JobReply = { readonly result: JobResult } | { readonly error: string }
