/**
 * Range on a media read (gcs.md §10.3): which bytes of the object to send.
 */

export type ReadRange =
  /** No usable Range: everything, with 200. */
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly from: number; readonly to: number }
  | { readonly kind: 'unsatisfiable' }

const FORM = /^bytes=(?:(\d+)-(\d*)|-(\d+))$/i

export function parseRange(header: string | undefined, size: number): ReadRange {
  // Malformed, another unit, several ranges: as if it were not there.
  const [matched, a, b, suffix] = FORM.exec(header ?? '') ?? []
  if (matched === undefined) return { kind: 'whole' }
  if (a === undefined) {
    const length = Math.min(Number(suffix), size)
    // No byte can be sent of an empty object; Python turns exactly `bytes */0` into an empty download.
    return length === 0
      ? { kind: 'unsatisfiable' }
      : { kind: 'part', from: size - length, to: size }
  }
  const from = Number(a)
  const last = b === '' ? size - 1 : Number(b)
  if (b !== '' && last < from) return { kind: 'whole' }
  if (from >= size) return { kind: 'unsatisfiable' }
  return { kind: 'part', from, to: Math.min(last + 1, size) }
}
