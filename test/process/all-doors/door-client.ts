/**
 * What the clients of all doors have in common: a bad network between them and the server, patience, and a list of files. How a
 * client goes on after a break is its protocol's.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../crash/random.ts'
import type { CuttingProxy } from '../../support/cutting-proxy.ts'
import type { SourceBytes } from '../../support/source-bytes.ts'
import {
  type Answer,
  ConnectionLost,
  type Sending,
  type UploadClient,
} from '../../support/upload-client.ts'

export interface UploadedFile {
  readonly name: string
  readonly source: SourceBytes
  readonly total: number
}

export interface DoorClientParts {
  /** Speaks to the proxy. */
  readonly client: UploadClient
  readonly proxy: CuttingProxy
  readonly random: Random
  /** Called for whatever was acknowledged. */
  readonly acknowledged: () => void
  /** Ends the patience: the test is over. */
  readonly signal: AbortSignal
}

/** "Come back": the server is on its way out, or still has the request that broke off (409 of UCloud's and GWS' doors). */
const LATER: ReadonlySet<number> = new Set([408, 409, 503])
const FAULTS = 0.2

export abstract class DoorClient {
  protected readonly random: Random
  readonly #parts: DoorClientParts
  /** How often an answer did not come. */
  breaks = 0

  constructor(parts: DoorClientParts) {
    this.#parts = parts
    this.random = parts.random
  }

  /** Resolves when the protocol says that the file is there. */
  abstract upload(file: UploadedFile): Promise<void>

  /** The answer; undefined where none came, or only the advice to come back. Both are waited out. */
  protected async ask(url: string, sending: Sending): Promise<Answer | undefined> {
    const { client, proxy, signal } = this.#parts
    const { random } = this
    signal.throwIfAborted()
    if (random.chance(FAULTS)) {
      const bytes = random.between(1, (sending.length ?? 0) + 300)
      void (random.chance(0.7) ? proxy.cutAfter(bytes) : proxy.loseAnswerAfter(bytes))
    }
    try {
      const answer = await client.send(url, sending)
      if (!LATER.has(answer.status)) return answer
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
    }
    this.breaks += 1
    await sleep(random.between(10, 150))
    return undefined
  }

  /** For what may be asked again as it is. */
  protected async insist(url: string, sending: Sending): Promise<Answer> {
    for (;;) {
      const answer = await this.ask(url, sending)
      if (answer !== undefined) return answer
    }
  }

  protected acknowledged(): void {
    this.#parts.acknowledged()
  }
}

export function bytesOf({ source }: UploadedFile, from: number, to: number) {
  return { body: source.slices(from, to), length: to - from }
}

/** Throws where the answer is another one. */
export function expectStatus(what: string, { status, body }: Answer, expected: number): void {
  if (status === expected) return
  throw new Error(`${what}: ${status} instead of ${expected}: ${body.subarray(0, 300)}`)
}

/** What was acknowledged only grows. */
export function expectKept(what: string, acknowledged: number, found: number): void {
  if (found >= acknowledged) return
  throw new Error(`${what}: ${acknowledged} were acknowledged, and now there are ${found}`)
}
