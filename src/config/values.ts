/**
 * Durations, sizes and rates as people write them: `30m`, `8MiB`, `100/s`. What cannot be read is NaN, which no range contains.
 */

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

const BYTES = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
} as const

export function parseMs(text: string): number {
  return parse(text, /^(\d+)(ms|s|m|h|d)$/, MS)
}

/** A bare number is bytes. */
export function parseBytes(text: string): number {
  return parse(/^\d+$/.test(text) ? `${text}B` : text, /^(\d+)(B|KiB|MiB|GiB|TiB)$/, BYTES)
}

const PER_MS = { s: 1000, m: 60_000, h: 3_600_000 } as const

/** So many in so long. */
export interface Rate {
  readonly count: number
  readonly perMs: number
}

/** `100/s`, `3000/m`, `50000/h`; undefined for what cannot be read. */
export function parseRate(text: string): Rate | undefined {
  const [, digits, unit] = /^([1-9]\d{0,8})\/(s|m|h)$/.exec(text) ?? []
  if (digits === undefined || unit === undefined) return undefined
  return { count: Number(digits), perMs: PER_MS[unit as keyof typeof PER_MS] }
}

/** What stands between commas. */
export function listOf(names: string): string[] {
  return names.split(',').filter(name => name !== '')
}

function parse(text: string, form: RegExp, units: Readonly<Record<string, number>>): number {
  const [, count, unit = ''] = form.exec(text) ?? []
  const amount = Number(count) * (units[unit] ?? Number.NaN)
  return Number.isSafeInteger(amount) ? amount : Number.NaN
}
