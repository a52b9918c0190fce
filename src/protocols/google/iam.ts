/**
 * Policies, which Tidemark does not have either (access-control.ts): whoever asks what they may do may do it (gcs.md §10.1).
 */

import type { Call } from './door.ts'

export function policy(resourceId: string): object {
  return {
    kind: 'storage#policy',
    resourceId,
    version: 1,
    etag: 'CAE=',
    bindings: [
      {
        role: 'roles/storage.legacyBucketOwner',
        members: ['projectEditor:0', 'projectOwner:0'],
      },
    ],
  }
}

/** `permissions`, repeated in the query: the same list back. */
export function testedPermissions({ request }: Call): object {
  const { originalUrl } = request
  const permissions = new URLSearchParams(originalUrl.split('?')[1]).getAll('permissions')
  return {
    kind: 'storage#testIamPermissionsResponse',
    permissions: permissions.length > 0 ? permissions : undefined,
  }
}
