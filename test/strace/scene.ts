/**
 * A client whose every answer becomes a claim: what it promised, and where in the trace its status line is to be found.
 * Chunks begin with a word of their own, by which the trace tells whose bytes a write wrote.
 */

import { SourceBytes } from '../support/source-bytes.ts'
import { type Answer, locationOf, persistedOf, UploadClient } from '../support/upload-client.ts'
import type { Claim } from './order.ts'

/** Claims of all scenes of one trace, in the order of the answers. */
export class Claims {
  readonly list: Claim[] = []
  readonly #answered = new Map<number, number>()

  add(answer: Answer, claim: Omit<Claim, 'port' | 'nth' | 'status'>): void {
    const { localPort: port, status } = answer
    const nth = this.#answered.get(port) ?? 0
    this.#answered.set(port, nth + 1)
    this.list.push({ ...claim, port, nth, status })
  }
}

/** A session and what is known of it. */
export interface Upload {
  readonly name: string
  readonly url: string
  readonly total: number
  readonly marks: string[]
  /** What was persisted before this trace began. */
  readonly base: number
  persisted: number
}

export class Scene {
  readonly #client: UploadClient
  readonly #claims: Claims
  /** No other scene is at work. */
  readonly #alone: boolean
  #uploads = 0

  constructor(url: string, claims: Claims, alone: boolean) {
    this.#client = new UploadClient(url)
    this.#claims = claims
    this.#alone = alone
  }

  async open(name: string, total: number): Promise<Upload> {
    const answer = await this.#client.initiate(name, { total })
    this.#claim(answer, `session for ${name}`, { bytes: 0, marks: [], records: true })
    return { name, url: locationOf(answer), total, marks: [], base: 0, persisted: 0 }
  }

  /** The next `length` bytes, in one request. `pace` is awaited after each MiB with what was sent so far. */
  async send(
    upload: Upload,
    length: number,
    pace?: (sent: number) => Promise<void>,
  ): Promise<void> {
    const { name, url, total, marks, base, persisted } = upload
    const to = Math.min(total, persisted + length)
    const mark = `(${name}:${persisted})`
    marks.push(mark)
    const answer = await this.#client.send(url, {
      method: 'PUT',
      headers: { 'content-range': `bytes ${persisted}-${to - 1}/${total}` },
      body: paced(marked(mark, to - persisted), pace),
      length: to - persisted,
    })
    const isLast = to === total
    expectStatus(answer, isLast ? 200 : 308)
    upload.persisted = isLast ? total : persistedOf(answer)
    const what = `${isLast ? 'publication' : 'chunk'} of ${name} up to ${upload.persisted}`
    this.#claim(answer, what, { bytes: upload.persisted - base, marks, records: true })
  }

  /** What is persisted by the session's own word; its bytes are claimed, though nothing is written for it. */
  async query(upload: Upload): Promise<number> {
    const answer = await this.#client.query(upload.url)
    const persisted = persistedOf(answer)
    const bytes = persisted - upload.base
    const what = `status of ${upload.name} at ${persisted}`
    this.#claim(answer, what, { bytes, marks: upload.marks, records: false })
    return persisted
  }

  /** `total` has room for the mark, or is 0. */
  async media(name: string, total: number): Promise<void> {
    this.#uploads += 1
    const mark = `(${name}#${this.#uploads})`
    const answer = await this.#client.send(
      `/upload/storage/v1/b/uploads/o?uploadType=media&name=${name}`,
      { method: 'POST', body: marked(mark, total), length: total },
    )
    expectStatus(answer, 200)
    this.#claim(answer, `upload of ${name}`, { bytes: total, marks: [mark], records: true })
  }

  async delete(name: string): Promise<void> {
    const answer = await this.#client.delete(name)
    expectStatus(answer, 204)
    this.#claim(answer, `deletion of ${name}`, { bytes: 0, marks: [], records: true })
  }

  async cancel({ name, url }: Upload): Promise<void> {
    const answer = await this.#client.cancel(url)
    expectStatus(answer, 499)
    this.#claim(answer, `cancellation of ${name}`, { bytes: 0, marks: [], records: true })
  }

  close(): void {
    this.#client.close()
  }

  #claim(answer: Answer, what: string, claim: Pick<Claim, 'bytes' | 'marks' | 'records'>): void {
    this.#claims.add(answer, { ...claim, marks: [...claim.marks], what, alone: this.#alone })
  }
}

function* marked(mark: string, length: number): Generator<Buffer> {
  const head = Buffer.from(mark).subarray(0, length)
  yield head
  yield* new SourceBytes(mark).slices(head.length, length)
}

async function* paced(
  body: Iterable<Buffer>,
  pace: ((sent: number) => Promise<void>) | undefined,
): AsyncGenerator<Buffer> {
  let sent = 0
  for (const bytes of body) {
    yield bytes
    sent += bytes.length
    await pace?.(sent)
  }
}

function expectStatus({ status, body }: Answer, expected: number): void {
  if (status !== expected) throw new Error(`expected ${expected}, was answered ${status} ${body}`)
}
