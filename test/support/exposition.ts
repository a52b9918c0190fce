/**
 * Prometheus' text format, read strictly: a line that is none of it is an error, and so are a series twice, one without HELP
 * and TYPE before it, and a histogram whose buckets do not add up.
 */

import type { TestServer } from './server.ts'

/** `name{label="value",…}`, labels in alphabetical order, to its value. */
export type Series = ReadonlyMap<string, number>

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?/gy

export function parseExposition(text: string): Series {
  const series = new Map<string, number>()
  const types = new Map<string, string>()
  const helps = new Set<string>()
  for (const line of text.split('\n')) {
    const [, keyword, subject = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (keyword === 'HELP') helps.add(subject)
    else if (keyword === 'TYPE') types.set(subject, rest)
    else if (line !== '') {
      const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? fail(`no sample: ${line}`)
      const family = [name, name.replace(/_(?:bucket|sum|count)$/, '')].find(n => types.has(n))
      if (family === undefined || !helps.has(family)) fail(`nothing says what ${name} is`)
      const key = keyOf(name, labels)
      if (series.has(key)) fail(`twice: ${key}`)
      series.set(key, /^nan$/i.test(value) ? Number.NaN : Number(value.replace('+Inf', 'Infinity')))
    }
  }
  for (const [name, type] of types) if (type === 'histogram') checkHistogram(series, name)
  return series
}

/** What the server exposes at this moment. */
export async function scrape(server: TestServer): Promise<Series> {
  const { status, text } = await server.ask('GET /-/metrics')
  if (status !== 200) fail(`${status} ${text}`)
  return parseExposition(text)
}

/** What a stretch of time changed: series that are told as things happen, and did not stay as they were. */
export function growth(before: Series, after: Series): Record<string, number> {
  const grown: Record<string, number> = {}
  for (const [key, value] of after) {
    const by = value - (before.get(key) ?? 0)
    if (by !== 0 && /^tidemark_\w+_total/.test(key)) grown[key] = by
  }
  return grown
}

function keyOf(name: string, labels: string): string {
  LABEL.lastIndex = 0
  const pairs: string[] = []
  while (LABEL.lastIndex < labels.length) {
    const [, label, value] = LABEL.exec(labels) ?? fail(`no labels: ${labels}`)
    pairs.push(`${label}="${value}"`)
  }
  return pairs.length === 0 ? name : `${name}{${pairs.sort().join(',')}}`
}

/** Of each set of labels: buckets that only grow, the last of which is the count. */
function checkHistogram(series: Series, name: string): void {
  const buckets = new Map<string, number>()
  for (const [key, value] of series) {
    if (!key.startsWith(`${name}_bucket{`)) continue
    const others = key
      .replace(/,?le="[^"]*"/, '')
      .replace('{,', '{')
      .replace('{}', '')
      .replace('_bucket', '_count')
    if (value < (buckets.get(others) ?? 0)) fail(`${key} is less than the bucket before`)
    buckets.set(others, value)
  }
  for (const [count, last] of buckets) {
    if (series.get(count) !== last) fail(`${count} is not its last bucket`)
  }
}

function fail(why: string): never {
  throw new Error(`not Prometheus' text format: ${why}`)
}
