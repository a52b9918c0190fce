import { test } from 'tap'
import { openReader } from '../../../src/catalog/sqlite/database.ts'
import { NOW, newSession, publicationOf, sourceOf, write } from '../../contract/catalog/fixtures.ts'
import { openCatalog } from '../../support/sqlite-catalog.ts'

function eventsIn(directory: string): object[] {
  const database = openReader(directory)
  const rows = database.prepare('SELECT * FROM events ORDER BY id').all()
  database.close()
  return rows.map(row => ({ ...row }))
}

test('one for each publication, update and deletion, with the session it came from', async t => {
  const directory = t.testdir()
  const catalog = await openCatalog(t, { directory })
  await catalog.createBucket('bkt', NOW)
  await catalog.create(newSession('s'))
  const { number, epoch } = await write(catalog, 's', 0, [])
  const session = { key: 's', segments: [{ number, epoch }], dueAt: NOW }
  const first = await catalog.publish(publicationOf('x', [], { session }))
  const second = await catalog.publish(publicationOf('x', [], { at: NOW + 1 }))
  await catalog.updateObject(first, {}, {}, NOW + 2)
  await catalog.updateObject(second, {}, {}, NOW + 3)
  await catalog.deleteObject('bkt', 'x', {}, undefined, NOW + 4)
  const event = { bucket: 'bkt', name: 'x', session: null }
  const { generation } = second
  t.strictSame(eventsIn(directory), [
    { ...event, id: 1, at: NOW, kind: 'published', generation: first.generation, session: 's' },
    { ...event, id: 2, at: NOW + 1, kind: 'published', generation },
    // The first update came too late: nothing happened.
    { ...event, id: 3, at: NOW + 3, kind: 'updated', generation },
    { ...event, id: 4, at: NOW + 4, kind: 'deleted', generation },
  ])
})

test('a move is a publication, then the deletion of what was moved', async t => {
  const directory = t.testdir()
  const catalog = await openCatalog(t, { directory })
  await catalog.createBucket('bkt', NOW)
  const x = await catalog.publish(publicationOf('x', []))
  const source = sourceOf(x, { isRemoved: true })
  const sources = [source, source]
  const y = await catalog.publish(publicationOf('y', [], { sources, at: NOW + 1 }))
  const itself = [sourceOf(y, { isRemoved: true })]
  const z = await catalog.publish(publicationOf('y', [], { sources: itself, at: NOW + 2 }))
  t.match(eventsIn(directory).slice(1), [
    { at: NOW + 1, kind: 'published', name: 'y', generation: y.generation },
    { at: NOW + 1, kind: 'deleted', name: 'x', generation: x.generation },
    { at: NOW + 2, kind: 'published', name: 'y', generation: z.generation },
  ])
  t.equal(eventsIn(directory).length, 4)
})
