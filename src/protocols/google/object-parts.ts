/**
 * What hangs on an object (gcs.md §10.1 for buckets): its access control list and its policy, as probes ask for them.
 */

import { objectEntry } from './access-control.ts'
import { type Call, sendJson } from './door.ts'
import { policy, testedPermissions } from './iam.ts'
import { methodNotAllowed, notImplemented } from './refusal.ts'
import type { Named, Part } from './resource-path.ts'

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
  const send = (resource: object) => sendJson(reply, resource, query.get('fields'))
  switch (rest === '' ? what : `${what}/`) {
    case 'acl':
      return send({ kind: 'storage#objectAccessControls', items: [objectEntry(object)] })
    case 'acl/':
      return send(objectEntry(object))
    case 'iam':
      return send(policy(`projects/_/buckets/${of.bucket}/objects/${of.name}`))
    default:
      return send(testedPermissions(call))
  }
}
