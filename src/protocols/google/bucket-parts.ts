/**
 * What hangs on a bucket (gcs.md §10.1, R16): cheap probes that clients make before they do anything else, and the lists of
 * what Tidemark does not have, empty.
 */

import { bucketEntry, defaultObjectEntry } from './access-control.ts'
import { locationOf } from './bucket-resource.ts'
import { type Call, sendJson } from './door.ts'
import { policy, testedPermissions } from './iam.ts'
import { methodNotAllowed, notImplemented } from './refusal.ts'
import type { Part } from './resource-path.ts'

export async function answerBucketPart(
  call: Call,
  method: string,
  name: string,
  { what, rest }: Part,
): Promise<unknown> {
  const { engine, reply, query } = call
  const bucket = await engine.buckets.find(name)
  const send = (resource: object) => {
    if (method === 'GET') return sendJson(reply, resource, query.get('fields'))
    if (method === 'HEAD') throw methodNotAllowed('GET')
    throw notImplemented(`changing ${what}`)
  }
  switch (rest === '' ? what : `${what}/${rest}`) {
    case 'storageLayout':
      return send({
        kind: 'storage#storageLayout',
        bucket: name,
        ...locationOf(bucket),
        hierarchicalNamespace: { enabled: false },
      })
    case 'iam':
      return send(policy(`projects/_/buckets/${name}`))
    case 'iam/testPermissions':
      return send(testedPermissions(call))
    case 'acl':
      return send({ kind: 'storage#bucketAccessControls', items: [bucketEntry(bucket)] })
    case 'defaultObjectAcl':
      return send({ kind: 'storage#objectAccessControls', items: [defaultObjectEntry(name)] })
    case 'notificationConfigs':
      return send({ kind: 'storage#notifications' })
    default:
      throw notImplemented(what)
  }
}
