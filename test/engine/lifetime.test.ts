import { test } from 'tap'
import { dueAtOf } from '../../src/engine/lifetime.ts'
import { HOUR, MINUTE } from '../support/engine.ts'

const dueAt = (maxAgeMs: number, sessionTtlMs: number, activeAt: number) =>
  dueAtOf({ maxAgeMs }, { sessionTtlMs }, { createdAt: 0, activeAt })

test('UCLOUD-30: a whole life is bounded, but never while the client is there', t => {
  const TWO_DAYS = 48 * HOUR
  t.equal(dueAt(TWO_DAYS, TWO_DAYS, 0), TWO_DAYS)
  t.equal(dueAt(TWO_DAYS, TWO_DAYS, HOUR), TWO_DAYS, 'the age counts')
  t.equal(dueAt(TWO_DAYS, HOUR, 10 * HOUR), 11 * HOUR, 'the silence counts')
  t.equal(dueAt(TWO_DAYS, HOUR, TWO_DAYS - 10 * MINUTE), TWO_DAYS + 20 * MINUTE)
  t.equal(dueAt(TWO_DAYS, 30 * MINUTE, 100 * HOUR), 100 * HOUR + 30 * MINUTE)
  t.equal(dueAt(Number.POSITIVE_INFINITY, HOUR, 1000 * HOUR), 1001 * HOUR)
  t.end()
})
