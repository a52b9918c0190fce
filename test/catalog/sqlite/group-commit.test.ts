import { type Test, test } from 'tap'
import { Ballast } from '../../../src/catalog/sqlite/ballast.ts'
import { openWriter } from '../../../src/catalog/sqlite/database.ts'
import { type CatalogFaults, FaultyDisk } from '../../../src/catalog/sqlite/faults.ts'
import { GroupCommit, type Step } from '../../../src/catalog/sqlite/group-commit.ts'
import {
  createOperations,
  demandsSync,
  type OperationName,
} from '../../../src/catalog/sqlite/operations.ts'
import { Reader } from '../../../src/catalog/sqlite/reader.ts'
import type { Durability } from '../../../src/engine/ports.ts'
import { extent, NOW, newSession, publicationOf } from '../../contract/catalog/fixtures.ts'

const BUSY = 5
const IOERR = 10
const IOERR_SHMSIZE = 4874
const FULL = 13

/** The writer's parts in this thread; the bucket `bkt` is there. Commits are counted from the first `run` on. */
function openGroup(
  t: Test,
  { faults = {}, durability = 'chunk', reserveBytes = 0 }: Partial<GroupOptions> = {},
) {
  const directory = t.testdir()
  const database = openWriter(directory)
  t.teardown(() => database.close())
  const operations = createOperations(database)
  operations.createBucket('bkt', NOW)
  const ballast = new Ballast(directory, reserveBytes)
  ballast.fill()
  const disk = new FaultyDisk(faults)
  const group = new GroupCommit({ database, operations, durability, ballast, disk })
  return { database, ballast, group, reader: new Reader(database) }
}

interface GroupOptions {
  readonly faults: CatalogFaults
  readonly durability: Durability
  readonly reserveBytes: number
}

const publish = (id: number, name: string, preconditions = {}): Step => ({
  id,
  name: 'publish',
  args: [publicationOf(name, [extent(`blob of ${name}`)], { preconditions })],
})
const create = (id: number, key: string): Step => ({ id, name: 'create', args: [newSession(key)] })

test('a refused step is rolled back alone', async t => {
  const { group, reader } = openGroup(t)
  const taken = { generationMatch: 1 }
  const { answers } = group.run([publish(1, 'x'), publish(2, 'y', taken), publish(3, 'z')])
  t.match(answers, [
    { id: 1, value: { name: 'x' } },
    { id: 2, failure: { code: 'precondition_failed' } },
    { id: 3, value: { name: 'z' } },
  ])
  t.equal(reader.object('bkt', 'y'), undefined)
  t.ok(reader.object('bkt', 'z'))
})

test('a step that is a mistake fails alone, with its cause', async t => {
  const { group, reader } = openGroup(t)
  const broken: Step = { id: 1, name: 'createBucket', args: [{ not: 'a name' }, NOW] }
  const { answers, fatal } = group.run([broken, publish(2, 'x')])
  t.match(answers, [
    { id: 1, failure: { code: 'catalog_failed' } },
    { id: 2, value: {} },
  ])
  t.ok('cause' in (answers[0] ?? {}) && fatal === undefined)
  t.ok(reader.object('bkt', 'x'))
})

test('later steps of a commit see what earlier ones did', async t => {
  const { group } = openGroup(t)
  const { answers } = group.run([create(1, 's'), create(2, 's')])
  t.match(answers, [{ value: { key: 's' } }, { failure: { code: 'session_exists' } }])
})

test('P12: a failed commit fails all its steps, refused ones too, and no others', async t => {
  const { group, reader } = openGroup(t, {
    faults: { failCommits: [{ commit: 1, errcode: BUSY }] },
  })
  const refused = publish(2, 'y', { generationMatch: 1 })
  const { answers, fatal } = group.run([publish(1, 'x'), refused])
  t.match(answers, [
    { id: 1, failure: { code: 'catalog_failed' } },
    { id: 2, failure: { code: 'catalog_failed' } },
  ])
  t.equal(fatal, undefined, 'somebody held a lock: the next commit may be better')
  t.equal(reader.object('bkt', 'x'), undefined)
  t.match(group.run([publish(3, 'x')]).answers, [{ id: 3, value: {} }])
})

test('P12: after an I/O error the catalog is not to be trusted', async t => {
  const { group, reader } = openGroup(t, {
    faults: { failCommits: [{ commit: 1, errcode: IOERR }] },
  })
  const { answers, fatal } = group.run([publish(1, 'x')])
  t.match(answers, [{ failure: { code: 'catalog_failed' } }])
  t.match(fatal?.message, /result code 10/)
  t.equal(reader.object('bkt', 'x'), undefined)
})

test('P10: a full disk without ballast is no_space for everybody', async t => {
  const { group } = openGroup(t, { faults: { failCommits: [{ commit: 1, errcode: FULL }] } })
  const { answers, fatal } = group.run([publish(1, 'x'), create(2, 's')])
  t.match(answers, [{ failure: { code: 'no_space' } }, { failure: { code: 'no_space' } }])
  t.equal(fatal, undefined)
})

test('P10: a full disk with ballast is a commit that takes a little longer', async t => {
  for (const errcode of [FULL, IOERR_SHMSIZE]) {
    const { ballast, group, reader } = openGroup(t, {
      faults: { failCommits: [{ commit: 1, errcode }] },
      reserveBytes: 65_536,
    })
    const result = group.run([publish(1, 'x'), publish(2, 'y', { generationMatch: 1 })])
    t.match(result.answers, [{ value: {} }, { failure: { code: 'precondition_failed' } }])
    t.equal(result.releasedBallast, true)
    t.equal(ballast.isHeld, false)
    t.ok(reader.object('bkt', 'x'))
  }
})

test('P10: a disk that is full even without the ballast is no_space, once', async t => {
  const { group } = openGroup(t, {
    faults: { failCommits: [1, 2].map(commit => ({ commit, errcode: FULL })) },
    reserveBytes: 65_536,
  })
  t.match(group.run([publish(1, 'x')]).answers, [{ failure: { code: 'no_space' } }])
  t.match(group.run([publish(2, 'x')]).answers, [{ value: {} }])
})

test('P12: a commit that may be in the log already is not passed off as no_space', async t => {
  const { group } = openGroup(t, {
    faults: { failCommits: [{ commit: 1, errcode: IOERR_SHMSIZE }] },
  })
  const { answers, fatal } = group.run([publish(1, 'x')])
  t.match(answers, [{ failure: { code: 'catalog_failed' } }])
  t.ok(fatal)
})

test('P10: when SQLite itself finds no room, in the middle of a step, nothing of the batch stays', async t => {
  const { database, group, reader } = openGroup(t)
  const pages = database.prepare('PRAGMA page_count').get()?.['page_count']
  database.exec(`PRAGMA max_page_count = ${pages}`)
  const metadata = { custom: { big: 'x'.repeat(100_000) } }
  const large: Step = { id: 2, name: 'publish', args: [publicationOf('y', [], { metadata })] }
  const { answers } = group.run([publish(1, 'x'), large])
  t.match(answers, [{ failure: { code: 'no_space' } }, { failure: { code: 'no_space' } }])
  t.equal(reader.object('bkt', 'x'), undefined)
  database.exec('PRAGMA max_page_count = 1000000')
  t.match(group.run([publish(3, 'x'), large]).answers, [{ value: {} }, { value: {} }])
})

test('P1: a commit is synced where one of its steps demands it', async t => {
  const [NORMAL, SYNCED] = [1, 2]
  const expected = {
    chunk: { advance: SYNCED, mixed: SYNCED, publish: SYNCED },
    object: { advance: NORMAL, mixed: SYNCED, publish: SYNCED },
    none: { advance: NORMAL, mixed: NORMAL, publish: NORMAL },
  }
  for (const durability of ['chunk', 'object', 'none'] as const) {
    const { database, group } = openGroup(t, { durability })
    const levelAfter = (...steps: Step[]) => {
      group.run(steps)
      return database.prepare('PRAGMA synchronous').get()?.['synchronous']
    }
    const { advance, mixed, publish: published } = expected[durability]
    t.equal(levelAfter(create(1, 'a')), advance)
    t.equal(levelAfter(create(2, 'b'), publish(3, 'x')), mixed)
    t.equal(levelAfter(create(4, 'c')), advance)
    t.equal(levelAfter(publish(5, 'x')), published)
  }
})

test('P1: what a client was told about buckets and objects is synced unless nothing is', async t => {
  const told: OperationName[] = [
    'publish',
    'updateObject',
    'deleteObject',
    'createBucket',
    'updateBucket',
    'deleteBucket',
  ]
  for (const name of told) {
    t.equal(demandsSync('object', name), true, name)
    t.equal(demandsSync('none', name), false, name)
  }
})
