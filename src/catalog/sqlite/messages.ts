/**
 * What the catalog's two threads say to each other.
 */

import type { Durability } from '../../engine/ports.ts'
import type { CatalogFaults } from './faults.ts'
import type { Answer, Step } from './group-commit.ts'

export interface WriterSettings {
  readonly directory: string
  readonly durability: Durability
  readonly reserveBytes: number
  readonly faults: CatalogFaults
}

export type ToWriter =
  | { readonly kind: 'steps'; readonly steps: readonly Step[] }
  /** The last message: whatever was asked before it is committed first. */
  | { readonly kind: 'close' }

export type FromWriter =
  | { readonly kind: 'opened' }
  /** It could not be opened, and why. */
  | { readonly kind: 'refused'; readonly error: Error }
  /** All steps of one commit, and how long it took. */
  | { readonly kind: 'answers'; readonly answers: readonly Answer[]; readonly ms: number }
  /** The catalog cannot be trusted any more; nothing more is answered. */
  | { readonly kind: 'fatal'; readonly error: Error }
  | { readonly kind: 'warning'; readonly fields: object; readonly message: string }
