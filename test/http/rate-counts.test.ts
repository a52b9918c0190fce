import { test } from 'tap'
import { RateCounts } from '../../src/http/rate-counts.ts'

function counter(size = 100) {
  const time = { now: 0 }
  const counts = new RateCounts({ size, now: () => time.now })
  const ask = (client: string) => {
    let answer = ''
    counts.incr(client, (_error, result) => (answer = `${result?.current} ${result?.ttl}`), 1000)
    return answer
  }
  return { time, ask, counts }
}

test('counts each client in windows of its own', async t => {
  const { time, ask } = counter()
  t.equal(ask('a'), '1 1000')
  time.now = 400
  t.equal(ask('a'), '2 600')
  t.equal(ask('b'), '1 1000')
  time.now = 999
  t.equal(ask('a'), '3 1')
  time.now = 1000
  t.equal(ask('a'), '1 1000')
  t.equal(ask('b'), '2 400')
})

test('an answer does not change with the next request', async t => {
  const { counts } = counter()
  const answers: unknown[] = []
  for (let n = 0; n < 3; n += 1) counts.incr('a', (_error, result) => answers.push(result), 1000)
  t.match(answers, [{ current: 1 }, { current: 2 }, { current: 3 }])
})

test('forgets whoever was silent longest, and keeps no more than its size', async t => {
  const { ask } = counter(2)
  for (const [client, count] of [
    ['a', 1],
    ['b', 1],
    ['a', 2],
    ['c', 1],
    ['a', 3],
    ['b', 1],
    ['c', 1],
  ] as const) {
    t.match(ask(client), new RegExp(`^${count} `), client)
  }
})

test('a limiter made from another counts for itself', async t => {
  const { ask, counts } = counter()
  ask('a')
  counts.child().incr('a', (_error, result) => t.equal(result?.current, 1), 1000)
})
