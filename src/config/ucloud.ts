/**
 * Settings of the UCloud door: who it says it is, and where the drives' files go.
 */

import { type Drive, parseDrives } from './drives.ts'

export interface UcloudConfig {
  /** As in the door's paths. */
  readonly provider: string
  /** Where each drive's files go, by its number. Undefined: those of drive 1 into the first bucket. */
  readonly drives: Readonly<Record<string, Drive>> | undefined
}

export interface UcloudSettings {
  readonly TIDEMARK_UCLOUD_PROVIDER: string
  readonly TIDEMARK_UCLOUD_DRIVES?: string
}

export const ucloudSchema = {
  TIDEMARK_UCLOUD_PROVIDER: {
    type: 'string',
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$',
    default: 'ucloud',
    description: 'a provider\'s id: 1 to 63 of A-Z, a-z, 0-9, ".", "_", "-"',
  },
  TIDEMARK_UCLOUD_DRIVES: {
    type: 'string',
    drives: true,
    description:
      'a list like 1=uploads,2=media/incoming: each a number, a bucket and perhaps a prefix, no number twice',
  },
}

export function ucloudConfigOf(settings: UcloudSettings): UcloudConfig {
  const { TIDEMARK_UCLOUD_PROVIDER: provider, TIDEMARK_UCLOUD_DRIVES: drives } = settings
  return Object.freeze({
    provider,
    drives: drives === undefined ? undefined : Object.freeze(parseDrives(drives)),
  })
}
