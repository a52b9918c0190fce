import { test } from 'tap'
import { Checkpointer } from '../../../src/catalog/sqlite/checkpointer.ts'
import { openReader, openWriter } from '../../../src/catalog/sqlite/database.ts'
import { Reader } from '../../../src/catalog/sqlite/reader.ts'

test('the log is moved into the database when it is long, and starts again', async t => {
  const directory = t.testdir()
  const database = openWriter(directory)
  const reader = openReader(directory)
  t.teardown(() => {
    reader.close()
    database.close()
  })
  const checkpointer = new Checkpointer(database)
  database.exec('CREATE TABLE pages (x)')
  const grow = database.prepare('INSERT INTO pages VALUES (zeroblob(1048576))')
  const lengthOfLog = () => Number(database.prepare('PRAGMA wal_checkpoint(NOOP)').get()?.['log'])

  checkpointer.checkpoint()
  const short = lengthOfLog()
  t.ok(short > 0, 'a short log is left alone')
  // A reader that stays open has read, and holds nothing back.
  new Reader(reader).garbage(9, '')
  for (let mebibytes = 0; mebibytes < 17; mebibytes += 1) grow.run()
  const long = lengthOfLog()
  t.ok(long > 4096)
  checkpointer.checkpoint()
  grow.run()
  t.ok(lengthOfLog() < long, 'the next commit writes at the beginning again')
})
