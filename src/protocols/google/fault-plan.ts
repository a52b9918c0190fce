/**
 * Faults that a client asked for (gcs.md §18): tests, each with a list of instructions per API method, used up one by one by
 * the requests that name the test. Instructions and their meaning are those of Google's storage-testbench.
 */

import { randomBytes } from 'node:crypto'
import { invalid, json, Refusal } from './refusal.ts'
import { isRetryMethod, type RetryMethod } from './retry-method.ts'

export type Fault =
  /** The answer is this status, and nothing is done. */
  | { readonly kind: 'status'; readonly status: number }
  /** Bytes of the upload up to this offset are taken, then the answer is this status. */
  | { readonly kind: 'status_after'; readonly status: number; readonly bytes: number }
  /** The connection is reset, and nothing is done. */
  | { readonly kind: 'reset' }
  /** The answer breaks off after so many bytes. */
  | { readonly kind: 'break_after'; readonly bytes: number }
  /** As `break_after`, for the answer that completes a resumable upload. */
  | { readonly kind: 'break_final_after'; readonly bytes: number }
  /** After so many bytes of the upload or the answer there is silence for a while; then it goes on. */
  | { readonly kind: 'stall_after'; readonly ms: number; readonly bytes: number }

/** The next instruction for a request. It stays the next one until somebody takes it. */
export interface PlannedFault {
  readonly instruction: string
  readonly fault: Fault
  /** False where another request took it first. */
  take(): boolean
}

interface RetryTest {
  readonly id: string
  readonly instructions: Map<RetryMethod, PlannedFault[]>
  readonly total: number
}

const KIB = 1024
/** "After a few downloaded bytes", as the testbench has it. */
const A_FEW = 4
/** How long `stall-at-…` lasts there. */
const STALL_MS = 10_000
/** Tests that nobody deletes are forgotten, the oldest first. */
const TESTS_KEPT = 1000

const FORMS: readonly (readonly [RegExp, (first: number, second: number) => Fault])[] = [
  [/^return-([345]\d\d)$/, status => ({ kind: 'status', status })],
  [
    /^return-([345]\d\d)-after-(\d{1,9})K$/,
    (status, kib) => ({ kind: 'status_after', status, bytes: kib * KIB }),
  ],
  [/^return-reset-connection$/, () => ({ kind: 'reset' })],
  [/^return-broken-stream$/, () => ({ kind: 'break_after', bytes: A_FEW })],
  [/^return-broken-stream-after-(\d{1,9})K$/, kib => ({ kind: 'break_after', bytes: kib * KIB })],
  [
    /^return-broken-stream-final-chunk-after-(\d{1,9})B$/,
    bytes => ({ kind: 'break_final_after', bytes }),
  ],
  [
    /^stall-for-(\d{1,4})s-after-(\d{1,9})K$/,
    (seconds, kib) => ({ kind: 'stall_after', ms: seconds * 1000, bytes: kib * KIB }),
  ],
  [/^stall-at-(\d{1,9})KiB$/, kib => ({ kind: 'stall_after', ms: STALL_MS, bytes: kib * KIB })],
]

export function parseInstruction(instruction: string): Fault | undefined {
  for (const [form, faultOf] of FORMS) {
    const [matched, first, second] = form.exec(instruction) ?? []
    if (matched !== undefined) return faultOf(Number(first), Number(second))
  }
  return undefined
}

export class RetryTests {
  readonly #tests = new Map<string, RetryTest>()

  /** From what a client sent; throws what is wrong with it. */
  create(instructions: unknown): string {
    const id = randomBytes(16).toString('hex')
    const parsed = parseAll(instructions)
    const total = [...parsed.values()].reduce((sum, queue) => sum + queue.length, 0)
    this.#tests.set(id, { id, instructions: parsed, total })
    for (const oldest of this.#tests.keys()) {
      if (this.#tests.size <= TESTS_KEPT) break
      this.#tests.delete(oldest)
    }
    return id
  }

  next(id: string, method: RetryMethod): PlannedFault | undefined {
    return this.#find(id).instructions.get(method)?.[0]
  }

  /** What is left of it. */
  resource(id: string): object {
    const { instructions, total } = this.#find(id)
    const left = [...instructions].map(
      ([method, queue]) => [method, queue.map(({ instruction }) => instruction)] as const,
    )
    const completed = total > 0 && left.every(([, queue]) => queue.length === 0)
    return { id, instructions: Object.fromEntries(left), completed, transport: 'HTTP' }
  }

  resources(): readonly object[] {
    return [...this.#tests.keys()].map(id => this.resource(id))
  }

  delete(id: string): void {
    this.#find(id)
    this.#tests.delete(id)
  }

  #find(id: string): RetryTest {
    const test = this.#tests.get(id)
    if (test === undefined) throw new Refusal(json(404, 'notFound', `No such retry test: ${id}`))
    return test
  }
}

function parseAll(instructions: unknown): RetryTest['instructions'] {
  if (typeof instructions !== 'object' || instructions === null) {
    throw invalid('Invalid argument: instructions must be an object of lists.')
  }
  const parsed: RetryTest['instructions'] = new Map()
  for (const [method, list] of Object.entries(instructions)) {
    if (!isRetryMethod(method)) throw invalid(`Invalid argument: no faults for ${method}.`)
    if (!Array.isArray(list)) throw invalid(`Invalid argument: ${method} must be a list.`)
    parsed.set(method, queueOf(list))
  }
  return parsed
}

function queueOf(list: readonly unknown[]): PlannedFault[] {
  const queue: PlannedFault[] = []
  for (const entry of list) {
    const instruction = String(entry)
    const fault = parseInstruction(instruction)
    if (fault === undefined) throw invalid(`Invalid argument: no such fault as ${instruction}.`)
    const planned: PlannedFault = {
      instruction,
      fault,
      take: () => {
        const isNext = queue[0] === planned
        if (isNext) queue.shift()
        return isNext
      },
    }
    queue.push(planned)
  }
  return queue
}
