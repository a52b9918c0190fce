/**
 * Access control lists, which Tidemark does not have: everyone who may speak to it may do everything. Where a client asks for
 * one it gets the shortest that is true of Google's default: the project's owners own it (gcs.md §2). What a client sets is
 * taken and ignored, if it is a name that Google knows.
 */

import type { Bucket, StoredObject } from '../../engine/ports.ts'
import type { Query } from '../../http/query.ts'
import { invalid } from './refusal.ts'

const OWNER = 'project-owners-0'

const PREDEFINED_ACLS: ReadonlySet<string> = new Set([
  'authenticatedRead',
  'bucketOwnerFullControl',
  'bucketOwnerRead',
  'private',
  'projectPrivate',
  'publicRead',
  // A bucket's alone.
  'publicReadWrite',
])

const PARAMETERS = ['predefinedAcl', 'destinationPredefinedAcl', 'predefinedDefaultObjectAcl']

export function refuseUnknownAcl(query: Query): void {
  for (const parameter of PARAMETERS) {
    const acl = query.get(parameter)
    if (acl !== undefined && acl !== '' && !PREDEFINED_ACLS.has(acl)) {
      throw invalid(`Invalid argument: ${parameter} ${acl}.`, {
        type: 'parameter',
        name: parameter,
      })
    }
  }
}

/** What `projection=full` adds to an object. */
export function objectAccess(object: StoredObject): object {
  return { acl: [objectEntry(object)], owner: { entity: OWNER } }
}

/** What `projection=full` adds to a bucket. */
export function bucketAccess(bucket: Bucket): object {
  const { name } = bucket
  return {
    acl: [bucketEntry(bucket)],
    defaultObjectAcl: [defaultObjectEntry(name)],
    owner: { entity: OWNER },
  }
}

export function objectEntry({ bucket, name, generation }: StoredObject): object {
  return {
    kind: 'storage#objectAccessControl',
    id: `${bucket}/${name}/${generation}/${OWNER}`,
    object: name,
    generation: String(generation),
    ...entry(bucket),
  }
}

export function bucketEntry({ name }: Bucket): object {
  return { kind: 'storage#bucketAccessControl', id: `${name}/${OWNER}`, ...entry(name) }
}

export function defaultObjectEntry(bucket: string): object {
  return { kind: 'storage#objectAccessControl', ...entry(bucket) }
}

function entry(bucket: string): object {
  return {
    bucket,
    entity: OWNER,
    role: 'OWNER',
    projectTeam: { projectNumber: '0', team: 'owners' },
    etag: 'CAE=',
  }
}
