/** GBD WebSuite's door: chunks by number, in any order and several at a time; one without an answer is sent again. */

import { decode } from '@msgpack/msgpack'
import { packed } from '../../support/gws.ts'
import type { Answer } from '../../support/upload-client.ts'
import { DoorClient, expectStatus, type UploadedFile } from './door-client.ts'

const AT_ONCE = 3

interface Message {
  readonly uploadUid: string
  readonly received?: readonly number[]
}

export class GwsClient extends DoorClient {
  async upload(file: UploadedFile): Promise<void> {
    const { name, source, total } = file
    const chunkBytes = this.random.between(100_000, 300_000)
    const chunkCount = Math.ceil(total / chunkBytes)
    const waiting = this.#shuffled(chunkCount)
    const acknowledged = new Set<number>()
    const send = async (uploadUid: string, chunkNumber: number): Promise<string> => {
      const from = chunkNumber * chunkBytes
      const content = source.bytes(from, Math.min(total, from + chunkBytes))
      const values = { fileName: name, totalSize: total, chunkCount, chunkNumber, content }
      const { uploadUid: uid } = await this.#command('uploadChunk', { uploadUid, ...values })
      acknowledged.add(chunkNumber)
      this.acknowledged()
      return uid
    }
    // The first answer has the upload's id. One that was lost leaves an upload that nobody knows.
    const uid = await send('', waiting.pop() ?? 0)
    const lane = async () => {
      for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
        await send(uid, number)
        if (this.random.chance(0.2)) await this.#checkKept(name, uid, new Set(acknowledged))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    await this.#command('uploadGet', { uploadUid: uid })
    this.acknowledged()
  }

  async #checkKept(name: string, uploadUid: string, acknowledged: Set<number>): Promise<void> {
    const { received = [] } = await this.#command('uploadStatus', { uploadUid })
    const lost = acknowledged.difference(new Set(received))
    if (lost.size > 0)
      throw new Error(`${name}: chunks ${[...lost]} were acknowledged and are lost`)
  }

  async #command(name: string, values: object): Promise<Message> {
    const message = packed(values)
    const headers = { 'content-type': 'application/msgpack' }
    const sending = { method: 'POST', headers, body: [message], length: message.length }
    const answer: Answer = await this.insist(`/gws/_/${name}`, sending)
    expectStatus(name, answer, 200)
    return decode(answer.body) as Message
  }

  #shuffled(count: number): number[] {
    const numbers = Array.from({ length: count }, (_, number) => number)
    for (let end = count - 1; end > 0; end -= 1) {
      const other = this.random.between(0, end)
      const [a = 0, b = 0] = [numbers[end], numbers[other]]
      numbers[end] = b
      numbers[other] = a
    }
    return numbers
  }
}
