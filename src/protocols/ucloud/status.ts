/** Where an upload stands (§8.1, an extension): for tests, and for scripts that go on after a break. */

import { UCLOUD } from '../../engine/door-rules.ts'
import { keyOf, shortKey } from '../../engine/session-key.ts'
import { parseToken } from './chunk-headers.ts'
import { type Call, sendJson } from './door.ts'

export async function sendStatus({ engine, request, reply }: Call): Promise<unknown> {
  const token = parseToken(request.headers)
  request.sessionKey = shortKey(keyOf(UCLOUD.door, token))
  const standing = await engine.status(UCLOUD, token)
  const { total, dueAt: expiresAt } = standing.session
  if (standing.state === 'done') {
    const { size } = standing.object
    return sendJson(reply, { offset: size, totalSize: size, complete: true, expiresAt })
  }
  const { persisted: offset } = standing
  return sendJson(reply, { offset, totalSize: total ?? null, complete: false, expiresAt })
}
