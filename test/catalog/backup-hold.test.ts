import { test } from 'tap'
import { BackupHold, holdBlobs } from '../../src/catalog/backup-hold.ts'
import { runProgram } from '../support/run-program.ts'

const MODULE = JSON.stringify(new URL('../../src/catalog/backup-hold.ts', import.meta.url))

test('nothing is freed while somebody holds; several may', async t => {
  const directory = t.testdir()
  const hold = new BackupHold(directory)
  t.teardown(() => hold.close())
  let runs = 0
  const free = () =>
    hold.unlessHeld(async () => {
      runs += 1
    })
  t.equal(await free(), true)
  const first = holdBlobs(directory)
  const second = holdBlobs(directory)
  t.equal(await free(), false)
  first()
  t.equal(await free(), false)
  second()
  t.equal(await free(), true)
  t.equal(runs, 2)
})

test('work that fails lets go', async t => {
  const directory = t.testdir()
  const hold = new BackupHold(directory)
  t.teardown(() => hold.close())
  await t.rejects(
    hold.unlessHeld(() => Promise.reject(new Error('disk'))),
    { message: 'disk' },
  )
  holdBlobs(directory)()
})

test('a holder in another process waits for what is being freed, and kill -9 ends its hold', async t => {
  const directory = t.testdir()
  const hold = new BackupHold(directory)
  t.teardown(() => hold.close())
  const order: string[] = []
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
  const freeing = hold.unlessHeld(async () => {
    await mayEnd
    order.push('freed')
  })
  const source = `
    import { holdBlobs } from ${MODULE}
    console.error('asks')
    holdBlobs(process.argv[1])
    process.kill(process.pid, 'SIGKILL')
  `
  const holder = runProgram(source, [directory]).then(({ signal }) => {
    order.push('held')
    return signal
  })
  // Long enough for the other process to ask; if it were not, the order would be right all the same.
  await new Promise(resolve => setTimeout(resolve, 500))
  end()
  t.equal(await freeing, true)
  t.equal(await holder, 'SIGKILL')
  t.same(order, ['freed', 'held'])
  t.equal(await hold.unlessHeld(async () => {}), true)
})
