import { test } from 'tap'
import { Budget } from '../../src/engine/budget.ts'

const MIB = 1024 * 1024

test('P6: the more bodies, the smaller the batches; three batches a body stay within the budget', async t => {
  const budget = new Budget(128 * MIB)
  const shares = [budget.join()]
  t.equal(budget.batch, 4 * MIB)
  while (shares.length < 32) shares.push(budget.join())
  t.ok(budget.batch * 3 * 32 <= 128 * MIB)
  while (shares.length < 1000) shares.push(budget.join())
  t.equal(budget.batch, 256 * 1024)
})

test('P6: a budget that is used up lets nobody gather more, and comes back', async t => {
  const budget = new Budget(MIB)
  const [one, two] = [budget.join(), budget.join()]
  one.hold(MIB)
  t.equal(two.batch, 0)
  one.release(MIB / 2)
  t.equal(two.batch, 256 * 1024)
  one.leave()
  two.leave()
  t.equal(budget.held, 0)
  t.equal(budget.bodies, 0)
})

test('P6: who claims memory gets what fits, in turn, or hears that there was none', async t => {
  const budget = new Budget(MIB)
  const [upload, one, two, three] = [budget.join(), budget.join(), budget.join(), budget.join()]
  t.equal(await one.claim(MIB / 2, 0), true)
  t.equal(budget.held, MIB / 2)
  upload.hold(MIB / 2)
  t.equal(await two.claim(1, 0), true, 'one may go beyond the budget')
  t.equal(await two.claim(MIB, 0), true, 'and on')
  t.equal(await three.claim(1, 1), false, 'but no other')

  const claims = [three.claim(MIB / 4, 3_600_000), one.claim(1, 3_600_000)]
  two.leave()
  t.equal(await claims[0], true, 'it is the next one’s turn')
  upload.leave()
  t.equal(await claims[1], true, 'what fits again needs no turn')
  t.equal(budget.held, (3 * MIB) / 4 + 1)
  one.leave()
  three.leave()
  t.equal(budget.held, 0)
  t.equal(budget.bodies, 0)
})
