/**
 * What hangs on an object (gcs.md §10.1 for buckets): its access control list and its policy, as probes ask for them.
 */

import type { StoredObject } from '../../engine/ports.ts'
import { objectEntry } from './access-control.ts'
import { type Call, sendJson } from './door.ts'
import { policy, testedPermissions } from './iam.ts'
import { methodNotAllowed, notImplemented } from './refusal.ts'
import type { Named, Part } from './resource-path.ts'

/** What can be read, by what follows the object in the path. */
export const OBJECT_PARTS: Readonly<Record<string, (call: Call, object: StoredObject) => object>> =
  {
    acl: (_call, object) => ({
      kind: 'storage#objectAccessControls',
      items: [objectEntry(object)],
    }),
    'acl/*': (_call, object) => objectEntry(object),
    iam: (_call, { bucket, name }) => policy(`projects/_/buckets/${bucket}/objects/${name}`),
    'iam/testPermissions': call => testedPermissions(call),
  }

export async function answerObjectPart(
  call: Call,
  method: string,
  { of, what, rest }: Part & { readonly of: Named },
): Promise<unknown> {
  const { engine, reply, query } = call
  if (method !== 'GET') {
    if (method === 'HEAD') throw methodNotAllowed('GET')
    throw notImplemented(`changing ${what}`)
  }
  const object = await engine.objects.find(of)
  const path = rest === '' ? what : `${what}/${what === 'acl' ? '*' : rest}`
  const read = Object.hasOwn(OBJECT_PARTS, path) ? OBJECT_PARTS[path] : undefined
  if (read === undefined) throw notImplemented(`${what}/${rest}`)
  return sendJson(reply, read(call, object), query.get('fields'))
}
