/** Sessions whose content is read while it is still being written, and names that they claim. */

import { hash } from 'node:crypto'
import { crc32c } from '@node-rs/crc32'
import { test } from 'tap'
import { UCLOUD } from '../../src/engine/door-rules.ts'
import type { Chunk, Engine } from '../../src/engine/engine.ts'
import { bodyOf } from '../support/body.ts'
import {
  blobFiles,
  contentOf,
  HOUR,
  intentOf,
  MINUTE,
  openEngine,
  sourceBytes,
} from '../support/engine.ts'
import { FaultyCatalog } from '../support/faulty-catalog.ts'
import { refusal } from '../support/refusal.ts'

const FREE = { preconditions: { generationMatch: 0 } }

function put(
  engine: Engine,
  token: string,
  bytes: Buffer,
  offset: number | 'end',
  more: Partial<Chunk> = {},
) {
  return engine.append(UCLOUD, token, { body: bodyOf(bytes), offset, last: false, ...more })
}

const find = (engine: Engine, name = 'o') => engine.objects.find({ bucket: 'bkt', name })

test('UCLOUD-21: an open session shows what it acknowledged, from the first moment on', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(UCLOUD, intentOf('o', FREE))
  t.match(await find(engine), { size: 0 })
  const bytes = sourceBytes(0, 300)
  for (const [from, to] of [
    [0, 100],
    [100, 200],
    [200, 300],
  ] as const) {
    await put(engine, token, bytes.subarray(from, to), from)
    t.same(await contentOf(engine, 'o'), bytes.subarray(0, to))
    t.match(await find(engine), { size: to, crc32c: crc32c(bytes.subarray(0, to)) })
  }
  t.notOk('md5' in (await find(engine)), 'not before the end')
  const done = await put(engine, token, Buffer.alloc(0), 'end', { last: true })
  t.match(done, { state: 'done', object: { size: 300, md5: hash('md5', bytes, 'base64') } })
})

test('what is kept of a cut body is shown as well', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(UCLOUD, intentOf('o'))
  const bytes = sourceBytes(0, 100)
  const body = bodyOf(bytes, { cutAt: 40 })
  await t.rejects(
    engine.append(UCLOUD, token, { body, offset: 0, last: false }),
    refusal('body_cut'),
  )
  t.same(await contentOf(engine, 'o'), bytes.subarray(0, 40))
})

test('UCLOUD-21, UCLOUD-30: the object outlives its session', async t => {
  const { engine, clock, directory } = await openEngine(t)
  const { token } = await engine.create(UCLOUD, intentOf('o'))
  const bytes = sourceBytes(0, 100)
  await put(engine, token, bytes, 0)
  clock.now += 49 * HOUR
  await engine.sweep()
  await t.rejects(engine.status(UCLOUD, token), refusal('session_not_found'))
  t.same(await contentOf(engine, 'o'), bytes)
  await engine.objects.delete({ bucket: 'bkt', name: 'o' }, {})
  await engine.sweep()
  t.same(await blobFiles(directory), [])
})

test('UCLOUD-08: once the total is known, nothing is shown before all is there', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(UCLOUD, intentOf('o', FREE))
  const bytes = sourceBytes(0, 100)
  await put(engine, token, bytes.subarray(0, 50), 0, { total: 100 })
  await t.rejects(find(engine), refusal('object_not_found'))
  await put(engine, token, bytes.subarray(50), 50)
  t.same(await contentOf(engine, 'o'), bytes)
})

test('UCLOUD-19: so it is when the first word of it is an empty chunk', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(UCLOUD, intentOf('o', FREE))
  await put(engine, token, Buffer.alloc(0), 0, { total: 100 })
  await t.rejects(find(engine), refusal('object_not_found'))
  t.match(await engine.status(UCLOUD, token), { session: { total: 100 } })
})

test('§8.3: bytes that are shown already stay visible when the total becomes known', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(UCLOUD, intentOf('o'))
  const bytes = sourceBytes(0, 150)
  await put(engine, token, bytes.subarray(0, 50), 0)
  await put(engine, token, bytes.subarray(50, 100), 50, { total: 150 })
  t.same(await contentOf(engine, 'o'), bytes.subarray(0, 100))
  t.match(await put(engine, token, bytes.subarray(100), 100), { state: 'done' })
  t.same(await contentOf(engine, 'o'), bytes)
})

test('§8.3: a total that is what there is already completes, wherever the chunk goes', async t => {
  const { engine } = await openEngine(t)
  for (const [name, length] of [
    ['some', 30],
    ['none', 0],
  ] as const) {
    for (const said of [{ total: 100 }, { last: true }]) {
      const { token } = await engine.create(UCLOUD, intentOf(name))
      await put(engine, token, sourceBytes(0, 100), 0)
      const other = sourceBytes(0, length, 1)
      t.match(await put(engine, token, other, 0, said), { state: 'done' })
      const expected = Buffer.concat([other, sourceBytes(length, 100)])
      t.same(await contentOf(engine, name), expected)
      const { md5 } = await find(engine, name)
      t.equal(md5, hash('md5', expected, 'base64'), 'of all of it, not of the last chunk')
    }
  }
})

test('P2: an overwrite takes no byte from an object that took over the earlier ones', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(UCLOUD, intentOf('o'))
  const [bytes, other] = [sourceBytes(0, 100), sourceBytes(50, 100, 1)]
  await put(engine, token, bytes, 0)
  const source = { bucket: 'bkt', name: 'o', preconditions: {} }
  await engine.objects.copy(source, { bucket: 'bkt', name: 'p', preconditions: {} }, undefined)
  await put(engine, token, other, 50)
  const expected = Buffer.concat([bytes.subarray(0, 50), other])
  t.same(await contentOf(engine, 'o'), expected)
  await put(engine, token, Buffer.alloc(0), 'end', { last: true })
  t.same(await contentOf(engine, 'o'), expected)
  t.same(await contentOf(engine, 'p'), bytes)
})

test('UCLOUD-05: an object that is to be replaced stays until there is something instead', async t => {
  const { engine } = await openEngine(t)
  const old = sourceBytes(0, 10, 7)
  await engine.put(UCLOUD, intentOf('o'), bodyOf(old))
  const { token } = await engine.create(UCLOUD, intentOf('o'))
  t.same(await contentOf(engine, 'o'), old)
  const bytes = sourceBytes(0, 100)
  await put(engine, token, bytes.subarray(0, 50), 0, { total: 100 })
  t.same(await contentOf(engine, 'o'), old)
  await put(engine, token, bytes.subarray(50), 50)
  t.same(await contentOf(engine, 'o'), bytes)
})

test('P4: an object that others published under a free name is not overwritten', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(UCLOUD, intentOf('o', FREE), undefined, { claims: true })
  const bytes = sourceBytes(0, 60)
  await put(engine, token, bytes.subarray(0, 20), 0)
  const foreign = sourceBytes(0, 10, 7)
  await engine.put(UCLOUD, intentOf('o'), bodyOf(foreign))
  const refused = refusal('precondition_failed')
  await t.rejects(put(engine, token, bytes.subarray(20, 40), 20), refused)
  await t.rejects(put(engine, token, bytes.subarray(20), 20, { total: 60 }), refused)
  t.same(await contentOf(engine, 'o'), foreign)
  await engine.objects.delete({ bucket: 'bkt', name: 'o' }, {})
  t.match(await put(engine, token, Buffer.alloc(0), 'end'), { state: 'done' }, 'nothing was lost')
  t.same(await contentOf(engine, 'o'), bytes)
})

test('a name is claimed for the life of a session', async t => {
  const { engine, clock } = await openEngine(t)
  const claim = () => engine.create(UCLOUD, intentOf('o'), undefined, { claims: true })
  const { token } = await claim()
  await put(engine, token, sourceBytes(0, 10), 0, { total: 20 })
  await t.rejects(claim(), refusal('precondition_failed', { condition: 'claim' }))
  clock.now += 49 * HOUR
  await engine.sweep()
  const second = await claim()
  await engine.cancel(UCLOUD, second.token)
  await t.rejects(find(engine), refusal('object_not_found'), 'what stood for it is gone, too')
  await claim()
})

test('a crash after the record leaves the object as it was promised', async t => {
  const faulty = new FaultyCatalog()
  const first = await openEngine(t, { wrapCatalog: faulty.wrap })
  const { token } = await first.engine.create(UCLOUD, intentOf('o'))
  const bytes = sourceBytes(0, 100)
  await put(first.engine, token, bytes.subarray(0, 50), 0)
  faulty.loseAnswer('advance', faulty.calls('advance') + 1)
  await t.rejects(put(first.engine, token, bytes.subarray(50), 50), refusal('catalog_failed'))
  const { engine } = await first.reopen()
  t.same(await contentOf(engine, 'o'), bytes)
  t.match(await engine.status(UCLOUD, token), { persisted: 100 })
})

test('UCLOUD-19: a chunk without bytes is a sign of life', async t => {
  const { engine, clock } = await openEngine(t, { settings: { sessionTtlMs: 30 * MINUTE } })
  const { token } = await engine.create(UCLOUD, intentOf('o'))
  for (let round = 0; round < 4; round += 1) {
    clock.now += 29 * MINUTE
    await engine.sweep()
    t.match(await put(engine, token, Buffer.alloc(0), 0), { state: 'open', persisted: 0 })
  }
  const body = bodyOf(sourceBytes(0, 10), { cutAt: 5 })
  clock.now += 29 * MINUTE
  await engine
    .append(UCLOUD, token, { body, offset: 'end', whole: true, last: false })
    .catch(() => {})
  clock.now += 29 * MINUTE
  await engine.sweep()
  t.match(await engine.status(UCLOUD, token), { persisted: 0 }, 'so are bytes that are dropped')
})

test('a chunk that goes by another standing than the present one is refused', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(UCLOUD, intentOf('o'))
  await put(engine, token, sourceBytes(0, 10), 0)
  const late = put(engine, token, sourceBytes(0, 10, 1), 5, { basis: 5 })
  await t.rejects(late, refusal('segment_busy'))
  t.match(await put(engine, token, sourceBytes(10, 20), 10, { basis: 10 }), { persisted: 20 })
})

test('a last chunk that cannot be the last is refused before its bytes', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(UCLOUD, intentOf('o', { total: 30 }))
  const body = bodyOf(sourceBytes(0, 10))
  const chunk = { body, offset: 0, total: 30, last: true }
  await t.rejects(engine.append(UCLOUD, token, chunk), refusal('total_mismatch', { declared: 10 }))
  t.equal(body.reads, 0)
})

test('P2: a copy of what was shown keeps its bytes, also where the upload shows nothing any more', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(UCLOUD, intentOf('o'))
  const bytes = sourceBytes(0, 100)
  await put(engine, token, bytes, 0)
  const name = (of: string) => ({ bucket: 'bkt', name: of, preconditions: {} })
  await engine.objects.copy(name('o'), name('copy'), undefined)
  await engine.objects.delete({ bucket: 'bkt', name: 'o' }, {})
  await put(engine, token, Buffer.alloc(0), 100, { total: 150 })
  t.match(await put(engine, token, sourceBytes(500, 570), 80, { total: 150 }), { state: 'done' })
  t.same(await contentOf(engine, 'copy'), bytes)
})
