/**
 * Durations and sizes as people write them: `30m`, `8MiB`. What cannot be read is NaN, which no range contains.
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

function parse(text: string, form: RegExp, units: Readonly<Record<string, number>>): number {
  const [, count, unit = ''] = form.exec(text) ?? []
  const amount = Number(count) * (units[unit] ?? Number.NaN)
  return Number.isSafeInteger(amount) ? amount : Number.NaN
}
