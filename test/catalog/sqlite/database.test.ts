import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type Test, test } from 'tap'
import { MIGRATIONS } from '../../../src/catalog/migrations.ts'
import { openReader, openWriter } from '../../../src/catalog/sqlite/database.ts'
import { createOperations } from '../../../src/catalog/sqlite/operations.ts'
import { Reader } from '../../../src/catalog/sqlite/reader.ts'
import { NOW, newSession, publicationOf, write } from '../../contract/catalog/fixtures.ts'
import { openCatalog } from '../../support/sqlite-catalog.ts'

const versionOf = (database: DatabaseSync) =>
  database.prepare('PRAGMA user_version').get()?.['user_version']

test('a catalog that a newer Tidemark made is refused, and left as it is', async t => {
  const directory = t.testdir()
  const newer = [...MIGRATIONS, { name: 'from the future', sqlite: 'CREATE TABLE future (x)' }]
  openWriter(directory, newer).close()
  const version = MIGRATIONS.length
  await t.rejects(openCatalog(t, { directory }), {
    message: `the catalog in ${directory} cannot be opened: it was made by a newer Tidemark: its schema is version ${version + 1}, this one knows up to ${version}`,
  })
  const database = openWriter(directory, newer)
  t.teardown(() => database.close())
  t.equal(versionOf(database), version + 1)
})

test('migrations run once, in order, each whole or not at all', async t => {
  const directory = t.testdir()
  const first = { name: 'first', sqlite: 'CREATE TABLE one (x); INSERT INTO one VALUES (1)' }
  const second = { name: 'second', sqlite: 'UPDATE one SET x = x + 1' }
  openWriter(directory, [first]).close()
  const broken = { name: 'broken', sqlite: 'CREATE TABLE two (x); INSERT INTO nowhere VALUES (1)' }
  t.throws(() => openWriter(directory, [first, second, broken]), { message: /nowhere/ })
  const database = openWriter(directory, [first, second])
  t.teardown(() => database.close())
  t.equal(versionOf(database), 2)
  t.strictSame({ ...database.prepare('SELECT x FROM one').get() }, { x: 2 })
  t.throws(() => database.prepare('SELECT * FROM two'), { message: /no such table/ })
})

test('a file that is no catalog is refused', async t => {
  const directory = t.testdir()
  writeFileSync(
    join(directory, 'catalog.sqlite'),
    'not a database, but long enough to look at'.repeat(30),
  )
  await t.rejects(openCatalog(t, { directory }), {
    message: `the catalog in ${directory} cannot be opened: file is not a database`,
  })
})

test('every statement finds its rows by an index', async t => {
  const plans = plansOf(t)
  const scans = plans.filter(({ plan }) => /SCAN|TEMP B-TREE/.test(plan))
  t.strictSame(
    scans.map(({ plan }) => plan).sort(),
    [
      // One row; one row; the blobs that were asked about; garbage and nothing else.
      'SCAN high_water',
      'SCAN high_water',
      'SCAN json_each VIRTUAL TABLE INDEX 1:',
      'SCAN blobs USING COVERING INDEX blobs_garbage',
    ].sort(),
  )
})

test('a list page is one range of one index', async t => {
  const lists = plansOf(t).filter(({ sql }) => /FROM objects.*ORDER BY name LIMIT/s.test(sql))
  t.strictSame(
    lists.map(({ plan }) => plan),
    ['SEARCH objects USING INDEX sqlite_autoindex_objects_1 (bucket=? AND name>? AND name<?)'],
  )
})

/** What SQLite would do for each statement that the catalog prepares. */
function plansOf(t: Test): { sql: string; plan: string }[] {
  const directory = t.testdir()
  openWriter(directory).close()
  const database = new RecordingDatabase(join(directory, 'catalog.sqlite'))
  t.teardown(() => database.close())
  createOperations(database)
  new Reader(database)
  return [...database.statements].flatMap(sql =>
    database
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(row => ({ sql, plan: String(row['detail']) })),
  )
}

class RecordingDatabase extends DatabaseSync {
  readonly statements = new Set<string>()

  override prepare(sql: string): StatementSync {
    if (!sql.startsWith('EXPLAIN')) this.statements.add(sql)
    return super.prepare(sql)
  }
}

test('events: one for each publication and deletion, with the session it came from', async t => {
  const directory = t.testdir()
  const catalog = await openCatalog(t, { directory })
  await catalog.createBucket('bkt', NOW)
  await catalog.create(newSession('s'))
  const { number, epoch } = await write(catalog, 's', 0, [])
  const session = { key: 's', segments: [{ number, epoch }], dueAt: NOW }
  const first = await catalog.publish(publicationOf('x', [], { session }))
  const second = await catalog.publish(publicationOf('x', [], { at: NOW + 1 }))
  await catalog.deleteObject('bkt', 'x', {}, undefined, NOW + 2)
  const database = openReader(directory)
  t.teardown(() => database.close())
  const event = { bucket: 'bkt', name: 'x', session: null }
  t.strictSame(
    database
      .prepare('SELECT * FROM events ORDER BY id')
      .all()
      .map(row => ({ ...row })),
    [
      { ...event, id: 1, at: NOW, kind: 'published', generation: first.generation, session: 's' },
      { ...event, id: 2, at: NOW + 1, kind: 'published', generation: second.generation },
      { ...event, id: 3, at: NOW + 2, kind: 'deleted', generation: second.generation },
    ],
  )
})
