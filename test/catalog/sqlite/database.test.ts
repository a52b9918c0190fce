import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type Test, test } from 'tap'
import { MIGRATIONS } from '../../../src/catalog/migrations.ts'
import { openWriter } from '../../../src/catalog/sqlite/database.ts'
import { createOperations } from '../../../src/catalog/sqlite/operations.ts'
import { Reader } from '../../../src/catalog/sqlite/reader.ts'
import { NOW, publicationOf } from '../../contract/catalog/fixtures.ts'
import { openCatalog } from '../../support/sqlite-catalog.ts'

const versionOf = (database: DatabaseSync) =>
  database.prepare('PRAGMA user_version').get()?.['user_version']

test('a catalog that a newer Tidemark made is refused, and left as it is', async t => {
  const directory = t.testdir()
  const newer = [...MIGRATIONS, { name: 'from the future', sqlite: 'CREATE TABLE future (x)' }]
  openWriter(directory, newer).close()
  const version = MIGRATIONS.length
  await t.rejects(openCatalog(t, { directory }), {
    message: `the catalog in ${directory} (TIDEMARK_DATA_DIR) cannot be opened: it was made by a newer Tidemark: its schema is version ${version + 1}, this one knows up to ${version}`,
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
    message: `the catalog in ${directory} (TIDEMARK_DATA_DIR) cannot be opened: file is not a database`,
  })
})

test('every statement finds its rows by an index', async t => {
  const plans = plansOf(t)
  const scans = plans.filter(({ plan }) => /SCAN|TEMP B-TREE/.test(plan))
  t.strictSame(
    scans.map(({ plan }) => plan).sort(),
    [
      // A row for each door, twice; one row; one row; the blobs that were asked about.
      'SCAN open',
      'SCAN open_sessions',
      'SCAN high_water',
      'SCAN high_water',
      'SCAN json_each VIRTUAL TABLE INDEX 1:',
    ].sort(),
  )
})

test('a list page is one range of one index, however many objects there are', async t => {
  const names = Array.from({ length: 5_000 }, (_, index) => `dir${index % 7}/${index}`)
  // There is one statement for all lists, whatever their bounds: they are folded into its range.
  const lists = plansOf(t, names).filter(({ sql }) =>
    /FROM objects.*ORDER BY name LIMIT/s.test(sql),
  )
  t.strictSame(
    lists.map(({ plan }) => plan),
    ['SEARCH objects USING INDEX sqlite_autoindex_objects_1 (bucket=? AND name>? AND name<?)'],
  )
})

/** What SQLite would do for each statement that the catalog prepares. */
function plansOf(t: Test, names: readonly string[] = []): { sql: string; plan: string }[] {
  const directory = t.testdir()
  fill(directory, names)
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

/** Puts objects of these names into a new catalog, and has SQLite look at what it holds before it plans anything. */
function fill(directory: string, names: readonly string[]): void {
  const database = openWriter(directory)
  database.exec('BEGIN')
  const { createBucket, publish } = createOperations(database)
  createBucket('bkt', NOW)
  for (const name of names) publish(publicationOf(name, []))
  database.exec('COMMIT; ANALYZE')
  database.close()
}

class RecordingDatabase extends DatabaseSync {
  readonly statements = new Set<string>()

  override prepare(sql: string): StatementSync {
    if (!sql.startsWith('EXPLAIN')) this.statements.add(sql)
    return super.prepare(sql)
  }
}

test('a catalog from before sessions were counted counts those that are open', async t => {
  const directory = t.testdir()
  const old = openWriter(directory, MIGRATIONS.slice(0, 1))
  const insert = old.prepare(`
    INSERT INTO sessions (key, door, state, created_at, active_at, due_at, intent)
    VALUES (?, ?, ?, ?, 0, 0, '{}')`)
  for (const [at, door, state] of [
    [1, 'google', 'done'],
    [2, 'google', 'open'],
    [3, 'dxl', 'open'],
    [4, 'google', 'open'],
    [5, 'gws', 'expired'],
  ] as const) {
    insert.run(String(at), door, state, at)
  }
  old.close()
  const database = openWriter(directory)
  t.teardown(() => database.close())
  t.strictSame(new Reader(database).census(), [
    { door: 'dxl', sessions: 1, oldestAt: 3 },
    { door: 'google', sessions: 2, oldestAt: 2 },
  ])
})
