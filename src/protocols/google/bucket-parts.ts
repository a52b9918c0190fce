/**
 * What hangs on a bucket (gcs.md §10.1, R16): cheap probes that clients make before they do anything else, and the lists of
 * what Tidemark does not have, empty.
 */

import type { Bucket } from '../../engine/ports.ts'
import { bucketEntry, defaultObjectEntry } from './access-control.ts'
import { locationOf } from './bucket-resource.ts'
import { type Call, sendJson } from './door.ts'
import { policy, testedPermissions } from './iam.ts'
import { methodNotAllowed, notImplemented } from './refusal.ts'
import type { Part } from './resource-path.ts'

/** What can be read, by what follows the bucket in the path. */
export const BUCKET_PARTS: Readonly<Record<string, (call: Call, bucket: Bucket) => object>> = {
  storageLayout: (_call, bucket) => ({
    kind: 'storage#storageLayout',
    bucket: bucket.name,
    ...locationOf(bucket),
    hierarchicalNamespace: { enabled: false },
  }),
  iam: (_call, { name }) => policy(`projects/_/buckets/${name}`),
  'iam/testPermissions': call => testedPermissions(call),
  acl: (_call, bucket) => ({
    kind: 'storage#bucketAccessControls',
    items: [bucketEntry(bucket)],
  }),
  defaultObjectAcl: (_call, { name }) => ({
    kind: 'storage#objectAccessControls',
    items: [defaultObjectEntry(name)],
  }),
  notificationConfigs: () => ({ kind: 'storage#notifications' }),
}

export async function answerBucketPart(
  call: Call,
  method: string,
  name: string,
  { what, rest }: Part,
): Promise<unknown> {
  const { engine, reply, query } = call
  const bucket = await engine.buckets.find(name)
  const path = rest === '' ? what : `${what}/${rest}`
  const read = Object.hasOwn(BUCKET_PARTS, path) ? BUCKET_PARTS[path] : undefined
  if (read === undefined) throw notImplemented(what)
  if (method === 'GET') return sendJson(reply, read(call, bucket), query.get('fields'))
  if (method === 'HEAD') throw methodNotAllowed('GET')
  throw notImplemented(`changing ${what}`)
}
