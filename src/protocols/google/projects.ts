/**
 * What is asked of a project (gcs.md R16). There are none: any name is one, and it has no keys.
 */

import { type Call, sendJson } from './door.ts'
import { methodNotAllowed, notImplemented } from './refusal.ts'

/** What can be read, by what follows the project in the path. */
export const PROJECT_PARTS: Readonly<Record<string, object>> = {
  hmacKeys: { kind: 'storage#hmacKeysMetadata' },
  serviceAccount: {
    kind: 'storage#serviceAccount',
    email_address: 'service-0@gs-project-accounts.iam.gserviceaccount.com',
  },
}

/** `path` is what follows `/projects/` in the raw path. */
export async function answerProject(call: Call, method: string, path: string): Promise<unknown> {
  const { reply, query } = call
  const what = path.split('/').slice(1).join('/')
  const answer = Object.hasOwn(PROJECT_PARTS, what) ? PROJECT_PARTS[what] : undefined
  if (answer === undefined) throw notImplemented('projects')
  if (method !== 'GET') {
    throw what === 'hmacKeys' ? notImplemented('hmacKeys') : methodNotAllowed('GET')
  }
  return sendJson(reply, answer, query.get('fields'))
}
