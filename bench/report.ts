/** A scenario's figures as a table. */

import type { Row } from './measure.ts'
import type { Scenario } from './scenarios.ts'
import { median, ratio } from './statistics.ts'

const MIB = 1024 * 1024

export function printTable(scenario: Scenario, rows: readonly Row[]): void {
  const nginx = rows.find(row => row.contender === 'nginx')
  const bare = rows.find(row => row.contender === 'bare node')
  const titles = [
    scenario.unit,
    '(min–max)',
    '× nginx',
    '× bare',
    'CPU s/GiB',
    'peak RSS',
    'client',
  ]
  const lines = rows.map(row => {
    const rates = row.samples.map(sample => sample.rate)
    return [
      scenario.shapes.length > 1 ? `${row.contender}, ${row.shape}` : row.contender,
      median(rates).toFixed(0),
      `(${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)})`,
      nginx ? ratio(row, nginx).toFixed(2) : '–',
      bare ? ratio(row, bare).toFixed(2) : '–',
      median(row.samples.map(sample => sample.cpuSecondsPerGiB)).toFixed(2),
      `${(row.peakMemory / MIB).toFixed(0)} MiB`,
      `${(median(row.samples.map(sample => sample.clientBusy)) * 100).toFixed(0)} %`,
    ]
  })
  console.log(`\n${scenario.title} (${rows[0]?.samples.length} rounds)`)
  for (const line of aligned([['', ...titles], ...lines])) console.log(`  ${line}`)
}

/** The first column to the left, the others to the right. */
function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map(line => line[column]?.length ?? 0)),
  )
  return lines.map(line =>
    line
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column === 0 ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  '),
  )
}
