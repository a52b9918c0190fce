/**
 * Content-Range on a session URI (gcs.md §6.2): string in, value out. Strict, as the real service is: what is not in the
 * table there is undefined, and answered with 400.
 */

export type ContentRange =
  /** A star for the range: no data, a question. */
  | { readonly kind: 'query'; readonly total: number | undefined }
  /** `end` is exclusive; undefined (`a-*`) where the data runs to the end of the body. */
  | {
      readonly kind: 'data'
      readonly first: number
      readonly end: number | undefined
      readonly total: number | undefined
    }

const FORM = /^bytes (?:(\d+)-(\d+|\*)|\*)\/(\d+|\*)$/i

export function parseContentRange(header: string): ContentRange | undefined {
  const [matched, a, b, n] = FORM.exec(header) ?? []
  if (matched === undefined) return undefined
  const total = n === '*' ? undefined : Number(n)
  if (a === undefined) return isCount(total) ? { kind: 'query', total } : undefined

  const first = Number(a)
  const end = b === '*' ? undefined : Number(b) + 1
  if (!isCount(first) || !isCount(end) || !isCount(total)) return undefined
  // §6.2: b < a and b ≥ N are mistakes, and so is a start beyond N.
  if (end !== undefined && end <= first) return undefined
  if (total !== undefined && (end ?? first) > total) return undefined
  return { kind: 'data', first, end, total }
}

function isCount(value: number | undefined): boolean {
  return value === undefined || Number.isSafeInteger(value)
}
