/**
 * Grants: tokens with which anybody may read one object for a while, as a link is handed on. What it allows is written in it and
 * signed with a secret of this server, so that nothing is stored for one and none is lost by a restart. It names no generation:
 * it reads whatever bears the name by then.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ObjectName } from './objects.ts'
import type { EngineParts } from './ports.ts'

const SECRET = 'grants'

export class Grants {
  readonly #parts: Pick<EngineParts, 'catalog' | 'clock'>

  constructor(parts: Pick<EngineParts, 'catalog' | 'clock'>) {
    this.#parts = parts
  }

  /** Fit for a URL. `lifeMs`: for how long it is good. */
  async sign({ bucket, name }: ObjectName, lifeMs: number): Promise<string> {
    const expiresAt = this.#parts.clock() + lifeMs
    const claim = Buffer.from(JSON.stringify([expiresAt, bucket, name])).toString('base64url')
    return `${claim}.${(await this.#macOf(claim)).toString('base64url')}`
  }

  /** Undefined for what this server did not sign, and for what is over. */
  async verify(token: string): Promise<ObjectName | undefined> {
    const [claim = '', mac = '', ...rest] = token.split('.')
    if (rest.length > 0) return undefined
    const expected = await this.#macOf(claim)
    const given = Buffer.from(mac, 'base64url')
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
    const [expiresAt, bucket, name] = JSON.parse(Buffer.from(claim, 'base64url').toString())
    return expiresAt > this.#parts.clock() ? { bucket, name } : undefined
  }

  async #macOf(claim: string): Promise<Buffer> {
    const secret = await this.#parts.catalog.secret(SECRET)
    return createHmac('sha256', secret).update(claim).digest()
  }
}
