/** OpenDXL's door, as bytes over HTTP: after a break it asks how many segments there are, and goes on with the next. */

import { createHash, randomUUID } from 'node:crypto'
import { TOPIC } from '../../support/dxl.ts'
import { bytesOf, DoorClient, expectKept, expectStatus, type UploadedFile } from './door-client.ts'

interface Standing {
  readonly segments_received: number
  readonly bytes_received: number
}

export class DxlClient extends DoorClient {
  async upload(file: UploadedFile): Promise<void> {
    const { name, total } = file
    // An id of its own: a lost answer to the first segment loses nothing.
    const id = randomUUID()
    let standing: Standing = { segments_received: 0, bytes_received: 0 }
    for (;;) {
      const { segments_received: number, bytes_received: from } = standing
      const to = Math.min(total, from + this.random.between(100_000, 700_000))
      const isLast = to === total
      const fields = new URLSearchParams({
        file_id: id,
        segment_number: String(number + 1),
        ...(isLast && this.#descriptionOf(file)),
      })
      const send = () =>
        this.ask(`/dxl${TOPIC}?${fields}`, { method: 'POST', ...bytesOf(file, from, to) })
      let answer = await send()
      while (answer === undefined) {
        const found = await this.#standing(name, id)
        // With its last segment an upload is gone from here: the same one again has the same answer.
        if (found === undefined && !isLast) expectKept(name, number, 0)
        expectKept(name, number, found?.segments_received ?? number)
        if (found !== undefined && found.segments_received > number) break
        answer = await send()
      }
      if (answer === undefined) {
        standing = { segments_received: number + 1, bytes_received: to }
        continue
      }
      expectStatus(name, answer, 200)
      this.acknowledged()
      if (isLast) return
      standing = { segments_received: number + 1, bytes_received: to }
    }
  }

  async #standing(name: string, id: string): Promise<Standing | undefined> {
    const answer = await this.insist(`/dxl/uploads/${id}`, {})
    if (answer.status === 404) return undefined
    expectStatus(name, answer, 200)
    return JSON.parse(answer.body.toString()) as Standing
  }

  #descriptionOf({ name, source, total }: UploadedFile): Record<string, string> {
    const sha256 = createHash('sha256')
    for (const slice of source.slices(0, total)) sha256.update(slice)
    return { result: 'store', name, size: String(total), hash_sha256: sha256.digest('hex') }
  }
}
