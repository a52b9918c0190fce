import { test } from 'tap'
import {
  advance,
  extent,
  NOW,
  newSession,
  publicationOf,
  write,
} from '../../contract/catalog/fixtures.ts'
import { refusal } from '../../support/refusal.ts'
import { runProgram } from '../../support/run-program.ts'
import type { CatalogRecord } from '../../support/sqlite-catalog.ts'
import { openCatalog } from '../../support/sqlite-catalog.ts'

const BUSY = 5
const IOERR = 10

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

test('a hundred writers on a slow disk share a few commits', async t => {
  const catalog = await openCatalog(t, { faults: { commitDelayMs: 20 } })
  await catalog.createBucket('bkt', NOW)
  await catalog.create(newSession('s'))
  const before = catalog.commits
  await Promise.all(
    numbers(100).map(async number => {
      // Not all in one turn of the event loop, as requests do not come either.
      for (let turn = number; turn > 0; turn -= 1) await undefined
      await write(catalog, 's', number, [extent(`b${number}`)])
    }),
  )
  t.equal((await catalog.segments('s')).length, 100)
  t.ok(catalog.commits - before <= 10, `${catalog.commits - before} commits`)
})

test('P8: while a commit waits for the disk everything that only reads goes on', async t => {
  const catalog = await openCatalog(t, { faults: { commitDelayMs: 400 } })
  await catalog.createBucket('bkt', NOW)
  let isCommitted = false
  const committing = catalog.create(newSession('s')).then(() => {
    isCommitted = true
  })
  t.equal(await catalog.find('s'), undefined, 'nobody sees it before it is durable')
  let turns = 0
  while (!isCommitted) {
    await catalog.objects({ bucket: 'bkt', prefix: '', limit: 1 })
    await new Promise(resolve => setTimeout(resolve, 5))
    turns += 1
  }
  t.ok(turns > 3, `${turns} turns of the event loop`)
  await committing
  t.ok(await catalog.find('s'))
})

test('P12: a failed commit rejects its callers and only them', async t => {
  const record: CatalogRecord = { warnings: [], fatal: [] }
  const faults = { failCommits: [{ commit: 3, errcode: BUSY }] }
  const catalog = await openCatalog(t, { faults }, record)
  await catalog.createBucket('bkt', NOW)
  await catalog.create(newSession('before'))
  const together = await Promise.allSettled([
    catalog.create(newSession('a')),
    catalog.publish(publicationOf('x', [])),
  ])
  t.match(together, [
    { reason: { failure: { code: 'catalog_failed' }, cause: /result code 5/ } },
    { reason: { failure: { code: 'catalog_failed' } } },
  ])
  t.equal(await catalog.find('a'), undefined)
  await catalog.create(newSession('a'))
  t.ok(await catalog.find('before'))
  t.strictSame(record.fatal, [])
})

test('P12: a failed advance leaves its writer the epoch to try again', async t => {
  const faults = { failCommits: [{ commit: 3, errcode: BUSY }] }
  const catalog = await openCatalog(t, { faults })
  await catalog.createBucket('bkt', NOW)
  await catalog.create(newSession('s'))
  const { number, epoch } = await catalog.lease('s', 0)
  const step = { key: 's', number, epoch, extents: [extent('b')] }
  await t.rejects(advance(catalog, step), refusal('catalog_failed'))
  await advance(catalog, step)
  t.strictSame((await catalog.segment('s', 0)).extents, [extent('b')])
})

for (const [what, faults] of [
  ['an I/O error', { failCommits: [{ commit: 2, errcode: IOERR }] }],
  ['the death of the writer', { dieInCommit: 2 }],
] as const) {
  test(`P12: ${what} rejects every caller and then ends the process`, async t => {
    const told: string[] = []
    const directory = t.testdir()
    const catalog = await openCatalog(t, {
      directory,
      faults,
      onFatal: () => told.push('fatal'),
    })
    await catalog.createBucket('bkt', NOW)
    const callers = numbers(3).map(number =>
      t.rejects(catalog.create(newSession(`${number}`)), refusal('catalog_failed')),
    )
    await Promise.all(callers)
    // The message that it is fatal may come a little after the answers.
    while (told.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
    await t.rejects(catalog.check(), refusal('catalog_failed'), 'nor does anything work after it')
    await catalog.close()
    t.strictSame(told, ['fatal'], 'it is told once')

    const next = await openCatalog(t, { directory })
    t.ok(await next.findBucket('bkt'))
    t.equal(await next.find('0'), undefined)
  })
}

test('close commits what was asked for; what comes later is refused', async t => {
  const directory = t.testdir()
  const faults = { commitDelayMs: 5 }
  const catalog = await openCatalog(t, { directory, faults })
  await catalog.createBucket('bkt', NOW)
  const creating = numbers(600).map(number => catalog.create(newSession(`${number}`)))
  const closing = catalog.close()
  await t.rejects(catalog.create(newSession('late')), refusal('catalog_failed'))
  await t.rejects(catalog.find('0'), refusal('catalog_failed'))
  await Promise.all([closing, catalog.close(), ...creating])
  const next = await openCatalog(t, { directory })
  for (const number of numbers(600)) t.ok(await next.find(`${number}`))
})

const PROGRAM = `
  import { SqliteCatalog } from ${JSON.stringify(new URL('../../../src/catalog/sqlite.ts', import.meta.url))}
  const catalog = await SqliteCatalog.open({
    directory: process.argv[1],
    durability: 'chunk',
    log: console,
    observer: { committed() {} },
    reserveBytes: 0,
    onFatal: error => { throw error },
  })
`

test('an idle catalog keeps no process alive, a commit under way does, and none is warned', async t => {
  const directory = t.testdir()
  const { code, stderr } = await runProgram(`${PROGRAM} void catalog.createBucket('bkt', 1)`, [
    directory,
  ])
  t.equal(code, 0)
  t.equal(stderr, '')
  t.ok(await (await openCatalog(t, { directory })).findBucket('bkt'))
})

test('P1: what was answered outlives kill -9', async t => {
  const directory = t.testdir()
  const { signal } = await runProgram(
    `${PROGRAM}
      await catalog.createBucket('bkt', 1)
      const names = Array.from({ length: 50 }, (_, index) => 'name' + index)
      await Promise.all(names.map(name => catalog.publish({
        bucket: 'bkt', name, metadata: {}, preconditions: {}, extents: [], size: 0, crc32c: 0, at: 1,
      })))
      process.kill(process.pid, 'SIGKILL')`,
    [directory],
  )
  t.equal(signal, 'SIGKILL')
  const catalog = await openCatalog(t, { directory })
  t.equal((await catalog.objects({ bucket: 'bkt', prefix: '', limit: 99 })).length, 50)
})
