import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { type Writer, Writers } from '../../src/engine/leases.ts'
import { UNOBSERVED } from '../support/observer.ts'
import { refusal } from '../support/refusal.ts'

/** Work that goes on until it is told to end, and notes when it began. */
function work() {
  const begun = Promise.withResolvers<Writer>()
  const end = Promise.withResolvers<string>()
  return {
    begun: begun.promise,
    end: (result = 'done') => end.resolve(result),
    run: (writer: Writer) => {
      begun.resolve(writer)
      return end.promise
    },
  }
}

test('P3: take_over asks the older writer to stop and waits until it is gone', async t => {
  const writers = new Writers(UNOBSERVED)
  const [older, newer] = [work(), work()]
  const first = writers.write('s', 0, 'take_over', older.run)
  const writer = await older.begun
  const second = writers.write('s', 0, 'take_over', newer.run)
  await turn()
  t.equal(writer.signal.aborted, true)
  t.same(writer.stopped, { code: 'superseded' })
  let hasBegun = false
  void newer.begun.then(() => {
    hasBegun = true
  })
  await turn()
  t.equal(hasBegun, false, 'the newer one waits while the older one syncs')
  older.end('kept')
  t.equal(await first, 'kept')
  await newer.begun
  newer.end()
  t.equal(await second, 'done')
  t.equal(writers.busy().size, 0)
})

test('P3: of three, the one in the middle gives way without having written', async t => {
  const writers = new Writers(UNOBSERVED)
  const [one, two, three] = [work(), work(), work()]
  const first = writers.write('s', 0, 'take_over', one.run)
  await one.begun
  const second = writers.write('s', 0, 'take_over', two.run)
  const third = writers.write('s', 0, 'take_over', three.run)
  await t.rejects(second, refusal('superseded'))
  let hasBegun = false
  void three.begun.then(() => {
    hasBegun = true
  })
  await turn()
  t.equal(hasBegun, false, 'the third waits for the first, not only for the second')
  one.end()
  await first
  await three.begun
  three.end()
  await third
})

test('P3: a writer that does not stop is left behind after a second', async () => {
  const writers = new Writers(UNOBSERVED)
  const [stuck, newer] = [work(), work()]
  const first = writers.write('s', 0, 'take_over', stuck.run)
  await stuck.begun
  const second = writers.write('s', 0, 'take_over', newer.run)
  await newer.begun
  newer.end()
  await second
  stuck.end()
  await first
})

test('refuse, wait and last_finished_wins', async t => {
  const writers = new Writers(UNOBSERVED)
  const holder = work()
  const held = writers.write('s', 0, 'refuse', holder.run)
  await holder.begun
  const refused = writers.write('s', 0, 'refuse', async () => 'never')
  await t.rejects(refused, refusal('segment_busy'))
  t.equal(await writers.write('s', 1, 'refuse', async () => 'other segment'), 'other segment')

  const order: string[] = []
  const waiting = writers.write('s', 0, 'wait', async () => order.push('waited'))
  await turn()
  t.same(order, [])
  holder.end()
  await held
  await waiting
  t.same(order, ['waited'])

  const [a, b] = [work(), work()]
  const both = [a, b].map(({ run }) => writers.write('s', 0, 'last_finished_wins', run))
  await Promise.all([a.begun, b.begun])
  a.end()
  b.end()
  await Promise.all(both)
})

test('P11: draining stops everybody, waits for them, and lets nobody in', async t => {
  const writers = new Writers(UNOBSERVED)
  const one = work()
  const first = writers.write('s', 0, 'take_over', one.run)
  const writer = await one.begun
  const drained = writers.drain({ code: 'shutting_down' })
  t.same(writer.stopped, { code: 'shutting_down' })
  const late = writers.write('t', 0, 'take_over', async () => 'never')
  await t.rejects(late, refusal('shutting_down'))
  one.end()
  await first
  await drained
})
