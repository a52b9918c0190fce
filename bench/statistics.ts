/** Figures of several rounds as one. */

import type { Row } from './measure.ts'

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? Number.NaN)) / 2 : upper
}

/** How many times as fast as `reference`, each round compared with itself; the median of that. */
export function ratio(row: Row, reference: Row): number {
  return median(
    row.samples.map((sample, i) => sample.rate / (reference.samples[i]?.rate ?? Number.NaN)),
  )
}
