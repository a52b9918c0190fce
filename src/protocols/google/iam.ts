/**
 * Policies, which Tidemark does not have either (access-control.ts), and permissions, which it has by other names: a key's
 * scopes (gcs.md §10.1). Without authentication whoever asks what they may do may do it.
 */

import { SCOPES, type Scope } from '../../engine/principal.ts'
import type { Call } from './door.ts'

const PERMISSIONS: Readonly<Record<string, readonly Scope[]>> = {
  'storage.objects.create': ['create'],
  'storage.objects.get': ['read'],
  'storage.objects.list': ['list'],
  'storage.objects.delete': ['delete'],
  'storage.objects.update': ['create', 'delete', 'read'],
  'storage.objects.getIamPolicy': ['read'],
  'storage.buckets.get': ['list'],
  'storage.buckets.list': ['list'],
  'storage.buckets.getIamPolicy': ['list'],
  'storage.buckets.create': ['admin'],
  'storage.buckets.update': ['admin'],
  'storage.buckets.delete': ['admin'],
}

/** The permission that a refusal names. */
export function permissionOf(scope: Scope): string {
  switch (scope) {
    case 'create':
    case 'list':
    case 'delete':
      return `storage.objects.${scope}`
    case 'read':
      return 'storage.objects.get'
    case 'admin':
      return 'storage.buckets.update'
  }
}

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

/** Of `permissions`, repeated in the query, those that are held. What has no name here takes every scope there is. */
export function testedPermissions({ engine, request }: Call): object {
  const { originalUrl } = request
  const { scopes } = engine.principal
  const permissions = new URLSearchParams(originalUrl.split('?')[1])
    .getAll('permissions')
    .filter(permission => (PERMISSIONS[permission] ?? SCOPES).every(scope => scopes.has(scope)))
  return {
    kind: 'storage#testIamPermissionsResponse',
    permissions: permissions.length > 0 ? permissions : undefined,
  }
}
