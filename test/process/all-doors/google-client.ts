/** Google's door: after a break it asks where the session stands, and goes on from there. */

import { locationOf, persistedOf } from '../../support/upload-client.ts'
import { bytesOf, DoorClient, expectKept, expectStatus, type UploadedFile } from './door-client.ts'

const GRANULE = 262_144

export class GoogleClient extends DoorClient {
  async upload(file: UploadedFile): Promise<void> {
    const { name, total } = file
    const begin = `/upload/storage/v1/b/uploads/o?uploadType=resumable&name=${encodeURIComponent(name)}`
    const session = locationOf(await this.insist(begin, { method: 'POST', length: 0 }))
    for (let persisted = 0; ; ) {
      const to = Math.min(total, persisted + this.random.between(1, 6) * GRANULE)
      const range = `bytes ${persisted}-${to - 1}/${total}`
      const sending = {
        method: 'PUT',
        headers: { 'content-range': range },
        ...bytesOf(file, persisted, to),
      }
      const answer =
        (await this.ask(session, sending)) ??
        (await this.insist(session, {
          method: 'PUT',
          headers: { 'content-range': 'bytes */*' },
          length: 0,
        }))
      if (answer.status === 308) {
        const found = persistedOf(answer)
        expectKept(name, persisted, found)
        persisted = found
        this.acknowledged()
        continue
      }
      expectStatus(name, answer, 200)
      return this.acknowledged()
    }
  }
}
