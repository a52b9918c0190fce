/**
 * Who asks, and what they may do: scopes say what, limits say where. Both speak of names only, never of what is stored, so
 * what lies outside of a principal's limits is refused without a look whether it is there.
 */

/**
 * `create`: new objects, by upload or from others. `read`: content and what is said of it. `list`: lists, and buckets as such.
 * `delete`: whatever takes away something that is there, so also what overwrites it. `admin`: making, changing and deleting
 * buckets, and operations.
 */
export const SCOPES = ['create', 'read', 'list', 'delete', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

export interface Principal {
  /** For logs and limits. Empty where nobody has a name (EVERYONE, NOBODY). */
  readonly name: string
  readonly scopes: ReadonlySet<Scope>
  /** The buckets that there are for it; undefined for all. */
  readonly buckets: ReadonlySet<string> | undefined
  /** In each of them, only names that start with it. */
  readonly prefix: string
}

/** Where there is no authentication, whoever asks may do everything. */
export const EVERYONE: Principal = {
  name: '',
  scopes: new Set(SCOPES),
  buckets: undefined,
  prefix: '',
}

/** Someone without a key. A session's token opens that session to them all the same, and nothing else is open. */
export const NOBODY: Principal = { name: '', scopes: new Set(), buckets: new Set(), prefix: '' }

export function coversBucket({ buckets }: Principal, bucket: string): boolean {
  return buckets === undefined || buckets.has(bucket)
}

/** The bucket and all that is in it, so that what is done to the bucket is done to nobody else. */
export function coversWholeBucket(principal: Principal, bucket: string): boolean {
  return principal.prefix === '' && coversBucket(principal, bucket)
}

export function coversObject(
  principal: Principal,
  { bucket, name }: { readonly bucket: string; readonly name: string },
): boolean {
  return coversBucket(principal, bucket) && name.startsWith(principal.prefix)
}

/**
 * May see and do what concerns the whole server: an `admin` of everything, or of no bucket at all, which is how a key for
 * nothing but operations is made. One that is limited to some buckets is a tenant, and other tenants' figures are not theirs.
 */
export function isOperator({ scopes, buckets, prefix }: Principal): boolean {
  const isTenant = prefix !== '' || (buckets !== undefined && buckets.size > 0)
  return scopes.has('admin') && !isTenant
}
