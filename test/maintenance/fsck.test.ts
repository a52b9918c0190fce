import { cp, readdir, readFile, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import tap, { type Test, test } from 'tap'
import type { Problem } from '../../src/maintenance/catalog-check.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { blobFiles } from '../support/engine.ts'
import { G, initiate, put, upload } from '../support/google.ts'
import { sampleBytes, startServer } from '../support/server.ts'
import { startServer as startProgram } from '../support/server-process.ts'
import { runTool } from '../support/tool.ts'

// Programs are started by the dozen, and may share the machine.
tap.setTimeout(120_000)

const MIB = 1024 * 1024

/** A data directory in which everything has happened, its server stopped. */
async function lived(t: Test): Promise<string> {
  const server = await startServer(t)
  await upload(server, 'empty', '')
  await upload(server, 'small', 'some bytes')
  await upload(server, 'large', sampleBytes(3 * MIB))
  await upload(server, 'replaced', 'first')
  await upload(server, 'replaced', 'second')
  await upload(server, 'deleted', 'gone')
  await server.ask('DELETE /storage/v1/b/bkt/o/deleted')
  const sources = { sourceObjects: [{ name: 'small' }, { name: 'large' }, { name: 'small' }] }
  await server.ask('POST /storage/v1/b/bkt/o/both/compose', {}, JSON.stringify(sources))
  await server.ask('POST /storage/v1/b/bkt/o/small/rewriteTo/b/bkt/o/copy', {}, '{}')

  const open = await initiate(server, 'open')
  await put(server, open, `0-${2 * G - 1}/*`, sampleBytes(2 * G))
  await put(server, open, `${2 * G}-${3 * G - 1}/*`, sampleBytes(G, 'more'))
  await initiate(server, 'untouched')
  const done = await initiate(server, 'done')
  await put(server, done, `0-${G - 1}/*`, sampleBytes(G))
  await put(server, done, `${G}-${G + 9}/${G + 10}`, sampleBytes(10))
  await server.ask(`DELETE ${await initiate(server, 'cancelled')}`)
  await put(server, await initiate(server, 'invalid'), '0-0/*', 'x')
  await server.app.engine.sweep()
  await server.stop()
  return join(server.directory, 'data')
}

async function check(directory: string, scrub = false) {
  const problems: Problem[] = []
  const report = (problem: Problem) => problems.push(problem)
  const tally = await fsck({ directory, scrub, report, progress: () => {} })
  return { problems, kinds: [...new Set(problems.map(({ kind }) => kind))].sort(), tally }
}

test('what a server leaves behind is sound, and is left as it is', async t => {
  const directory = await lived(t)
  const before = await contentsOf(directory)
  const quick = await check(directory)
  t.same(quick.problems, [])
  t.match(quick.tally, { objects: 7, openSessions: 2, endedSessions: 3, orphans: 0, strays: 0 })
  t.equal(quick.tally.scrubbedBytes, 0)
  const whole = await check(directory, true)
  t.same(whole.problems, [])
  t.ok(whole.tally.scrubbedBytes > 3 * MIB)
  t.same(await contentsOf(directory), before)
})

test('after kill -9 as well: its log is read, and nothing is repaired', async t => {
  const directory = join(t.testdir(), 'data')
  const server = await startProgram(t, { dataDir: directory })
  const url = `${server.url}/upload/storage/v1/b/uploads/o?uploadType=media&name=small`
  t.equal((await fetch(url, { method: 'POST', body: 'some bytes' })).status, 200)
  await server.kill()
  const { problems, tally } = await check(directory, true)
  t.same(problems, [])
  t.equal(tally.objects, 1)
})

/** Everything there, but for the locks and what SQLite keeps beside its file while it is open. */
async function contentsOf(directory: string): Promise<Record<string, string>> {
  const contents: Record<string, string> = {}
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && !/(?:-wal|-shm|lock\.sqlite)$/.test(path)) {
      contents[path] = (await readFile(path)).toString('base64')
    }
  }
  return contents
}

interface Damage {
  readonly what: string
  readonly kinds: readonly string[]
  /** Only a scrub sees it. */
  readonly needsScrub?: boolean
  readonly sql?: string
  readonly file?: (path: string, directory: string) => Promise<void>
}

const damagedBytes = async (path: string) => {
  const bytes = await readFile(path)
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(path, bytes)
}

const DAMAGES: readonly Damage[] = [
  {
    what: 'a flipped bit',
    kinds: ['bytes_damaged'],
    needsScrub: true,
    file: damagedBytes,
  },
  {
    what: 'a shortened blob',
    kinds: ['blob_short'],
    file: async path => truncate(path, (await stat(path)).size - 1),
  },
  { what: 'a missing blob', kinds: ['blob_missing'], file: unlink },
  {
    what: 'a count too high',
    kinds: ['refs_miscounted'],
    sql: 'UPDATE blobs SET refs = refs + 1 WHERE name = (SELECT max(name) FROM blobs)',
  },
  {
    what: 'a blob that would be freed though it is content',
    kinds: ['refs_miscounted'],
    sql: 'UPDATE blobs SET refs = 0 WHERE name = (SELECT min(name) FROM blobs WHERE refs > 0)',
  },
  {
    what: 'a count that is gone',
    kinds: ['refs_miscounted'],
    sql: 'DELETE FROM blobs WHERE name = (SELECT min(name) FROM blobs WHERE refs > 0)',
  },
  {
    what: 'an object that is longer than its bytes',
    kinds: ['size_mismatch'],
    sql: "UPDATE objects SET size = size + 1 WHERE name = 'small'",
  },
  {
    what: 'an object with another crc32c',
    kinds: ['crc32c_mismatch'],
    sql: "UPDATE objects SET crc32c = crc32c + 1 WHERE name = 'both'",
  },
  {
    what: 'an object with another md5',
    kinds: ['md5_mismatch'],
    needsScrub: true,
    sql: "UPDATE objects SET md5 = 'CY9rzUYh03PK3k6DJie09g==' WHERE name = 'large'",
  },
  {
    what: 'a session that promises more than it has',
    kinds: ['size_mismatch'],
    sql: 'UPDATE segments SET persisted = persisted + 1; UPDATE sessions SET persisted = persisted + segments',
  },
  {
    what: 'a session that has lost count of its segments',
    kinds: ['session_miscounted'],
    sql: "UPDATE sessions SET segments = segments + 1 WHERE state = 'open'",
  },
  {
    what: 'extents that cannot be read',
    kinds: ['extents_malformed', 'refs_miscounted'],
    sql: "UPDATE objects SET extents = '[[\"../../etc/passwd\",0,10,1]]' WHERE name = 'large'",
  },
  {
    what: 'a done session without an answer',
    kinds: ['session_malformed'],
    sql: "UPDATE sessions SET outcome = NULL WHERE state = 'done'",
  },
  {
    what: 'an intent that is no JSON',
    kinds: ['session_malformed'],
    sql: "UPDATE sessions SET intent = substr(intent, 2) WHERE state = 'open'",
  },
  {
    what: 'a session that ended and kept its bytes',
    kinds: ['segment_stray'],
    sql: "UPDATE sessions SET state = 'expired' WHERE key IN (SELECT session FROM segments)",
  },
  {
    what: 'digests of a session that is gone',
    kinds: ['digest_stray'],
    sql: "INSERT INTO segment_digests VALUES ('gone', 1, 'ab')",
  },
  {
    what: 'sessions that are not counted',
    kinds: ['open_sessions_miscounted'],
    sql: 'UPDATE open_sessions SET count = count + 1',
  },
  {
    what: 'generations that would be given again',
    kinds: ['generation_ahead'],
    sql: 'UPDATE high_water SET generation = 1',
  },
  {
    what: 'a bucket that is gone under its objects',
    kinds: ['bucket_missing'],
    sql: 'DELETE FROM buckets',
  },
  {
    what: 'metadata that is no JSON',
    kinds: ['object_malformed'],
    sql: "UPDATE objects SET metadata = '' WHERE name = 'small'",
  },
  {
    what: 'an index that has lost a row',
    kinds: ['catalog_corrupt'],
    sql: `PRAGMA writable_schema = ON;
      UPDATE sqlite_schema SET sql = 'CREATE INDEX events_at ON events (generation)' WHERE name = 'events_at'`,
  },
  {
    what: 'a catalog that is none',
    kinds: ['catalog_unreadable'],
    file: (_path, directory) =>
      writeFile(join(directory, 'catalog.sqlite'), 'not a database '.repeat(1000)),
  },
]

test('every damage is found, each by its name', async t => {
  const sound = await lived(t)
  for (const [n, { what, kinds, needsScrub = false, sql, file }] of DAMAGES.entries()) {
    const directory = join(dirname(sound), String(n))
    await cp(sound, directory, { recursive: true })
    if (sql !== undefined) {
      const database = new DatabaseSync(join(directory, 'catalog.sqlite'), { defensive: false })
      database.exec(sql)
      database.close()
    }
    // The largest is content of two objects.
    await file?.(await largestBlob(directory), directory)
    const found = await check(directory, needsScrub)
    t.same(found.kinds, kinds, what, { problems: found.problems })
    if (needsScrub) t.same((await check(directory)).kinds, [], `${what}, without a scrub`)
  }
})

async function largestBlob(directory: string): Promise<string> {
  let largest = { path: '', size: -1 }
  for (const path of await blobFiles(directory)) {
    const { size } = await stat(path)
    if (size > largest.size) largest = { path, size }
  }
  return largest.path
}

test('damage is told with those whom it concerns', async t => {
  const directory = await lived(t)
  await unlink(await largestBlob(directory))
  const [problem] = (await check(directory)).problems
  t.match(problem?.detail, /^blob \d{8}-[0-9a-f]{32}: .*\(object bkt\/both; object bkt\/large\)$/)
})

test('blobs without a record are no damage, and nor is what is none of ours', async t => {
  const directory = await lived(t)
  const [path = ''] = await blobFiles(directory)
  await writeFile(path.replace(/[0-9a-f]{32}$/, 'f'.repeat(32)), 'orphan')
  await writeFile(`${path}.txt`, 'stray')
  const { problems, tally } = await check(directory)
  t.same(problems, [])
  t.match(tally, { orphans: 1, strays: 1 })
})

test('the program: 0 is sound, 1 is damage, 2 is that it could not look', async t => {
  const directory = await lived(t)
  const sound = await runTool('fsck', ['--scrub'], { TIDEMARK_DATA_DIR: directory })
  t.equal(sound.code, 0, sound.stderr)
  t.match(sound.stdout, /^objects {3}7, .*^scrub {5}\d.* read$.*^sound$/ms)

  await unlink(await largestBlob(directory))
  const damaged = await runTool('fsck', ['--data-dir', directory])
  t.equal(damaged.code, 1)
  t.match(damaged.stdout, /^DAMAGE blob_missing: .*^DAMAGED: 1 found$/ms)
  const json = await runTool('fsck', ['--data-dir', directory, '--json'])
  t.equal(json.code, 1)
  t.match(JSON.parse(json.stdout), {
    isSound: false,
    objects: 7,
    found: 1,
    problems: [{ kind: 'blob_missing' }],
  })

  const nowhere = await runTool('fsck', ['--data-dir', join(directory, 'blobs')])
  t.equal(nowhere.code, 2)
  t.match(nowhere.stderr, 'there is no catalog.sqlite in it')
  t.equal((await runTool('fsck', ['--fix'])).code, 2)
})

test('a directory that is served is not checked', async t => {
  const server = await startServer(t)
  const served = await runTool('fsck', ['--data-dir', join(server.directory, 'data')])
  t.equal(served.code, 2)
  t.match(served.stderr, /already served by another Tidemark.*take a backup/)
})

test('a catalog of another version is not guessed at', async t => {
  const directory = await lived(t)
  const database = new DatabaseSync(join(directory, 'catalog.sqlite'))
  for (const [version, message] of [
    [1, /older Tidemark: its schema is version 1/],
    [1000, /newer Tidemark: its schema is version 1000/],
  ] as const) {
    database.exec(`PRAGMA user_version = ${version}`)
    await t.rejects(check(directory), { name: 'CannotCheck', message })
  }
  database.close()
})
