/** UCloud's door: after a break it sends the same chunk again, which replaces what arrived of it. */

import { CHUNKED } from '../../support/ucloud.ts'
import { bytesOf, DoorClient, expectKept, expectStatus, type UploadedFile } from './door-client.ts'

interface Created {
  readonly responses: ReadonlyArray<{ readonly token: string }>
}

export class UCloudClient extends DoorClient {
  async upload(file: UploadedFile): Promise<void> {
    const { name, total } = file
    const token = await this.#create(name)
    for (let from = 0; from < total; ) {
      const to = Math.min(total, from + this.random.between(100_000, 900_000))
      const headers = {
        'chunked-upload-token': token,
        'chunked-upload-offset': String(from),
        'chunked-upload-total-size': String(total),
      }
      // A body can be sent only once: each time it is made anew.
      let answer = await this.ask(CHUNKED, { method: 'POST', headers, ...bytesOf(file, from, to) })
      while (answer === undefined) {
        await this.#checkKept(name, token, from)
        answer = await this.ask(CHUNKED, { method: 'POST', headers, ...bytesOf(file, from, to) })
      }
      expectStatus(name, answer, 200)
      this.acknowledged()
      from = to
    }
  }

  async #create(name: string): Promise<string> {
    const items = [
      {
        id: `/1/${name}`,
        type: 'FILE',
        supportedProtocols: ['CHUNKED'],
        conflictPolicy: 'REPLACE',
      },
    ]
    const body = [Buffer.from(JSON.stringify({ items }))]
    const length = body[0]?.length ?? 0
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    const answer = await this.insist('/api/files/upload', { method: 'POST', headers, body, length })
    expectStatus(name, answer, 200)
    const [created] = (JSON.parse(answer.body.toString()) as Created).responses
    return created?.token ?? ''
  }

  async #checkKept(name: string, token: string, acknowledged: number): Promise<void> {
    const headers = { 'chunked-upload-token': token }
    const answer = await this.insist('/ucloud/ucloud/chunked/status', { headers })
    expectStatus(name, answer, 200)
    const { offset } = JSON.parse(answer.body.toString()) as { offset: number }
    expectKept(name, acknowledged, offset)
  }
}
