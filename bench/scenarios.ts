/** What is uploaded, as data. `npm run bench` measures all of it, or the groups it is given. */

import type { Group, Shape } from './contenders.ts'

export interface Scenario {
  readonly group: Group
  readonly title: string
  readonly unit: 'MB/s' | 'uploads/s'
  readonly count: number
  readonly concurrency: number
  /** Bytes of one upload, and of one data request of it. */
  readonly length: number
  readonly chunkLength: number
  /** How each server that has a choice is asked. */
  readonly shapes: readonly Shape[]
}

const MIB = 1024 * 1024
const SMALL_BYTES = 100_000

/** `quick` is the same with less of it. */
export function scenariosOf(group: Group, quick: boolean): readonly Scenario[] {
  return { bulk, small, many }[group](quick)
}

function bulk(quick: boolean): Scenario[] {
  const length = quick ? 256 * MIB : 1024 * MIB
  const common = { group: 'bulk', unit: 'MB/s', count: 1, concurrency: 1, length } as const
  const size = `${length / MIB} MiB`
  return [
    { ...common, title: `${size} as one PUT`, chunkLength: length, shapes: ['session'] },
    { ...common, title: `${size} in 8 MiB chunks`, chunkLength: 8 * MIB, shapes: ['session'] },
  ]
}

function small(quick: boolean): Scenario[] {
  const count = quick ? 300 : 1000
  return [1, 8, 32].map(concurrency => ({
    group: 'small',
    title: `${count} × 100 KB, ${concurrency} at a time`,
    unit: 'uploads/s',
    count,
    concurrency,
    length: SMALL_BYTES,
    chunkLength: SMALL_BYTES,
    shapes: ['one request', 'session'],
  }))
}

function many(quick: boolean): Scenario[] {
  const length = quick ? 2 * MIB : 8 * MIB
  return [
    {
      group: 'many',
      title: `200 × ${length / MIB} MiB, all at once`,
      unit: 'MB/s',
      count: 200,
      concurrency: 200,
      length,
      chunkLength: length,
      shapes: ['session'],
    },
  ]
}
