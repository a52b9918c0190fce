/**
 * What is asked of a project (gcs.md R16). There are none: any name is one, and it has no keys.
 */

import { type Call, sendJson } from './door.ts'
import { methodNotAllowed, notImplemented } from './refusal.ts'

/** `path` is what follows `/projects/` in the raw path. */
export async function answerProject(call: Call, method: string, path: string): Promise<unknown> {
  const { reply, query } = call
  const what = path.split('/').slice(1).join('/')
  if (what !== 'serviceAccount' && what !== 'hmacKeys') throw notImplemented('projects')
  if (method !== 'GET') {
    throw what === 'hmacKeys' ? notImplemented('hmacKeys') : methodNotAllowed('GET')
  }
  const answer =
    what === 'hmacKeys'
      ? { kind: 'storage#hmacKeysMetadata' }
      : {
          kind: 'storage#serviceAccount',
          email_address: 'service-0@gs-project-accounts.iam.gserviceaccount.com',
        }
  return sendJson(reply, answer, query.get('fields'))
}
