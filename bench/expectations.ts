/**
 * What Tidemark is expected to reach, beside what it reached. A figure that falls short is said, and is not an error:
 * one noisy run must not break a build, and one lucky run must not hide a slow server.
 */

import type { ContenderName, Shape } from './contenders.ts'
import type { Row } from './measure.ts'
import type { Scenario } from './scenarios.ts'
import { ratio } from './statistics.ts'

export interface Outcome {
  readonly scenario: Scenario
  readonly rows: readonly Row[]
}

interface Expectation {
  readonly what: string
  readonly measured: string
  readonly isMet: boolean
}

const MIB = 1024 * 1024
const MANY_PEAK_BYTES = 400 * MIB
const MD5_OFF = 'tidemark, md5 off'
const MD5_ON = 'tidemark, md5 on'

/** Each in its own line, with the figure; of what was not measured nothing is said. */
export function printExpectations(outcomes: readonly Outcome[]): void {
  console.log('\nExpectations')
  for (const { what, measured, isMet } of outcomes.flatMap(expectationsOf)) {
    console.log(`  ${isMet ? 'met    ' : 'NOT MET'}  ${what}: ${measured}`)
  }
}

function expectationsOf(outcome: Outcome): Expectation[] {
  return { bulk: bulkExpectations, small: smallExpectations, many: manyExpectations }[
    outcome.scenario.group
  ](outcome)
}

function bulkExpectations(outcome: Outcome): Expectation[] {
  return [
    ...faster(outcome, { name: MD5_OFF }, { name: 'nginx' }, 0.5),
    ...faster(outcome, { name: MD5_ON }, { name: 'nginx' }, 0.25),
    ...faster(outcome, { name: MD5_OFF }, { name: 'bare node' }, 0.8),
    ...faster(outcome, { name: MD5_OFF }, { name: '@tus/server' }, 1),
    ...faster(outcome, { name: MD5_OFF }, { name: '@uploadx/core' }, 1),
  ]
}

/** Like with like: what takes tus one request against what takes Tidemark one, what takes it two against two. */
function smallExpectations(outcome: Outcome): Expectation[] {
  return outcome.scenario.shapes.flatMap(shape =>
    ([MD5_OFF, MD5_ON] as const).flatMap(name =>
      faster(outcome, { name, shape }, { name: '@tus/server', shape }, 2),
    ),
  )
}

function manyExpectations({ scenario, rows }: Outcome): Expectation[] {
  return rows
    .filter(row => row.contender === MD5_OFF || row.contender === MD5_ON)
    .map(row => ({
      what: `${scenario.title}: ${row.contender} below ${MANY_PEAK_BYTES / MIB} MiB of memory`,
      measured: `${(row.peakMemory / MIB).toFixed(0)} MiB`,
      isMet: row.peakMemory < MANY_PEAK_BYTES,
    }))
}

interface Who {
  readonly name: ContenderName
  readonly shape?: Shape
}

/** One expectation, or none when one of the two was not measured. */
function faster({ scenario, rows }: Outcome, who: Who, than: Who, times: number): Expectation[] {
  const [row, reference] = [who, than].map(({ name, shape }) =>
    rows.find(row => row.contender === name && (shape === undefined || row.shape === shape)),
  )
  if (!row || !reference) return []
  const measured = ratio(row, reference)
  const how = who.shape === undefined ? '' : ` (${who.shape})`
  return [
    {
      what: `${scenario.title}: ${who.name}${how} ≥ ${times} × ${than.name}`,
      measured: `${measured.toFixed(2)} ×`,
      isMet: measured >= times,
    },
  ]
}
