/** The engine's other calls: uploads in one request, cancelling, finalizing, reading, draining. */

import { hash } from 'node:crypto'
import { test } from 'tap'
import { GOOGLE } from '../../src/engine/door-rules.ts'
import { bodyOf, GatedBody } from '../support/body.ts'
import { blobFiles, contentOf, intentOf, openEngine, sourceBytes } from '../support/engine.ts'
import { refusal } from '../support/refusal.ts'

const RULES = { ...GOOGLE, granule: 16 }

test('put: whole, with its checksums, or not at all', async t => {
  const { engine, directory } = await openEngine(t)
  const bytes = sourceBytes(0, 3_000_000)
  const object = await engine.put(GOOGLE, intentOf('o'), bodyOf(bytes))
  t.match(object, { size: bytes.length, metageneration: 1, md5: hash('md5', bytes, 'base64') })
  t.same(await contentOf(engine, 'o'), bytes)

  const put = (name: string, more = {}, body = bodyOf(bytes)) =>
    engine.put(GOOGLE, intentOf(name, more), body)
  await t.rejects(put('p', {}, bodyOf(bytes, { cutAt: 9 })), refusal('body_cut'))
  await t.rejects(put('p', {}, bodyOf(bytes, { idleAt: 9 })), refusal('body_idle'))
  const chunked = bodyOf(bytes, { isChunked: true })
  await t.rejects(put('p', { total: 9 }, chunked), refusal('length_mismatch'))
  for (const checksums of [{ crc32c: 1 }, { md5: 'x' }, { sha256: 'x' }]) {
    await t.rejects(put('p', { checksums }), refusal('checksum_mismatch'))
  }
  const absent = { preconditions: { generationMatch: 0 } }
  await t.rejects(put('o', absent), refusal('precondition_failed'))
  await t.rejects(put('p', { bucket: 'none' }), refusal('bucket_not_found'))
  await t.rejects(put('..'), refusal('object_name_invalid'))
  await t.rejects(engine.objects.find({ bucket: 'bkt', name: 'p' }), refusal('object_not_found'))
  t.equal((await blobFiles(directory)).length, 1, 'the refused ones left nothing')

  const empty = await engine.put(GOOGLE, intentOf('empty'), bodyOf(Buffer.alloc(0)))
  t.match(empty, { size: 0, crc32c: 0, md5: '1B2M2Y8AsgTpgAmY7PhCfg==' })
  t.same(await contentOf(engine, 'empty'), Buffer.alloc(0))
})

test('too large, with and without a declared length', async t => {
  const { engine } = await openEngine(t, { settings: { maxObjectSize: 100 } })
  const tooLarge = refusal('too_large', { limit: 100 })
  const bytes = sourceBytes(0, 101)
  await t.rejects(engine.put(GOOGLE, intentOf('o'), bodyOf(bytes)), tooLarge)
  await t.rejects(engine.put(GOOGLE, intentOf('o'), bodyOf(bytes, { isChunked: true })), tooLarge)
  await t.rejects(engine.create(RULES, intentOf('o', { total: 101 })), tooLarge)
  const { token } = await engine.create(RULES, intentOf('o'))
  const chunked = { body: bodyOf(bytes, { isChunked: true }), offset: 0, last: true }
  await t.rejects(engine.append(RULES, token, chunked), tooLarge)
  t.match(await engine.status(RULES, token), { persisted: 0 })
})

test('md5 off: none is computed, but a declared one is still verified', async t => {
  const { engine } = await openEngine(t, { settings: { md5: false } })
  const bytes = sourceBytes(0, 100)
  t.equal((await engine.put(GOOGLE, intentOf('o'), bodyOf(bytes))).md5, undefined)
  const wrong = intentOf('p', { checksums: { md5: 'DMF1ucDxtqgxw5niaXcmYQ==' } })
  await t.rejects(engine.put(GOOGLE, wrong, bodyOf(bytes)), refusal('checksum_mismatch'))
  const right = intentOf('p', { checksums: { md5: hash('md5', bytes, 'base64') } })
  t.equal((await engine.put(GOOGLE, right, bodyOf(bytes))).size, 100)
})

test('GCS-45: checksums declared at the beginning are verified at the end, over many chunks', async t => {
  const { engine } = await openEngine(t)
  const bytes = sourceBytes(0, 64)
  const run = async (name: string, md5: string) => {
    const { token } = await engine.create(RULES, intentOf(name, { checksums: { md5 } }))
    for (let offset = 0; offset < 64; offset += 16) {
      const body = bodyOf(bytes.subarray(offset, offset + 16))
      await engine.append(RULES, token, { body, offset, last: offset === 48 })
    }
  }
  await run('o', hash('md5', bytes, 'base64'))
  await t.rejects(run('p', 'DMF1ucDxtqgxw5niaXcmYQ=='), refusal('checksum_mismatch'))
  await t.rejects(engine.objects.find({ bucket: 'bkt', name: 'p' }), refusal('object_not_found'))
})

test('GCS-42: a restart between chunks keeps what is persisted, and the md5 is right', async t => {
  let running = await openEngine(t)
  const { token } = await running.engine.create(RULES, intentOf('o'))
  const bytes = sourceBytes(0, 64)
  for (let offset = 0; offset < 64; offset += 16) {
    const body = bodyOf(bytes.subarray(offset, offset + 16))
    await running.engine.append(RULES, token, { body, offset, last: offset === 48 })
    running = await running.reopen()
  }
  t.equal(
    (await running.engine.objects.find({ bucket: 'bkt', name: 'o' })).md5,
    hash('md5', bytes, 'base64'),
  )
  t.same(await contentOf(running.engine, 'o'), bytes)
})

test('P7: a checkpoint in mid-body is there after a crash of the request', async t => {
  const { engine } = await openEngine(t, { pace: { bytes: 64, ms: 5000 } })
  const { token } = await engine.create(RULES, intentOf('o'))
  const body = new GatedBody(1000)
  const writing = engine.append(RULES, token, { body, offset: 0, last: true })
  body.push(sourceBytes(0, 100))
  for (;;) {
    const status = await engine.status(RULES, token)
    if (status.state === 'open' && status.persisted > 0) {
      t.equal(status.persisted, 96, 'whole granules, while the body is still on its way')
      break
    }
    await new Promise(setImmediate)
  }
  body.push(sourceBytes(100, 150))
  body.end('cut')
  await t.rejects(writing, refusal('body_cut'))
  t.match(await engine.status(RULES, token), { persisted: 144 })
})

test('GCS-22: finalize completes exactly what is persisted', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(RULES, intentOf('o'))
  await engine.append(RULES, token, { body: bodyOf(sourceBytes(0, 32)), offset: 0, last: false })
  const incomplete = refusal('incomplete', { persisted: 32 })
  await t.rejects(engine.finalize(RULES, token, { total: 16 }), incomplete)
  await t.rejects(engine.finalize(RULES, token, { total: 64 }), incomplete)
  t.match(await engine.finalize(RULES, token, { total: 32 }), { state: 'done' })
  t.match(await engine.finalize(RULES, token, { total: 16 }), { object: { size: 32 } })

  const promised = await engine.create(RULES, intentOf('p', { total: 64 }))
  const half = { body: bodyOf(sourceBytes(0, 32)), offset: 0, last: false }
  await engine.append(RULES, promised.token, half)
  await t.rejects(engine.finalize(RULES, promised.token, { total: 32 }), incomplete)
})

test('GCS-49: a precondition that no longer holds at the end', async t => {
  const { engine } = await openEngine(t)
  const intent = intentOf('o', { preconditions: { generationMatch: 0 } })
  const { token } = await engine.create(RULES, intent)
  await engine.put(GOOGLE, intentOf('o'), bodyOf(sourceBytes(0, 9)))
  const last = () => ({ body: bodyOf(sourceBytes(0, 32)), offset: 0, last: true })
  await t.rejects(engine.append(RULES, token, last()), refusal('precondition_failed'))
  const reason = { code: 'precondition_failed' }
  await t.rejects(engine.append(RULES, token, last()), refusal('session_invalid', { reason }))
  t.same(await contentOf(engine, 'o'), sourceBytes(0, 9))
})

test('GCS-38: cancel ends the session, a running writer included, and frees its bytes', async t => {
  const { engine, directory } = await openEngine(t)
  const { token } = await engine.create(RULES, intentOf('o'))
  await engine.append(RULES, token, { body: bodyOf(sourceBytes(0, 32)), offset: 0, last: false })
  const slow = new GatedBody(64)
  const writing = engine.append(RULES, token, { body: slow, offset: 32, last: false })
  slow.push(sourceBytes(32, 64))
  await slow.taken()
  t.match(await engine.cancel(RULES, token), { state: 'cancelled' })
  await t.rejects(writing, refusal('session_cancelled'))
  await t.rejects(engine.status(RULES, token), refusal('session_cancelled'))
  await t.rejects(engine.cancel(RULES, token), refusal('session_cancelled'))
  await engine.sweep()
  t.same(await blobFiles(directory), [])
})

test('GCS-36, GCS-37: a done session answers the same for ever, and takes the body that is sent again', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(RULES, intentOf('o'))
  const send = (body = bodyOf(sourceBytes(0, 32))) =>
    engine.append(RULES, token, { body, offset: 0, last: true })
  const first = await send()
  await engine.put(GOOGLE, intentOf('o'), bodyOf(sourceBytes(0, 9)))
  await engine.objects.delete({ bucket: 'bkt', name: 'o' }, {})
  const body = bodyOf(sourceBytes(0, 32))
  const again = await send(body)
  t.same({ ...again, session: undefined }, { ...first, session: undefined })
  t.equal(await body.read(0), 'end', 'the body was drained')
  t.match(
    await engine.cancel(RULES, token),
    { state: 'done' },
    'too late, and the object is untouched',
  )
})

test('P11: draining cuts the writers, and each keeps what arrived', async t => {
  const first = await openEngine(t)
  const { token } = await first.engine.create(RULES, intentOf('o'))
  const slow = new GatedBody(96)
  const writing = first.engine.append(RULES, token, { body: slow, offset: 0, last: true })
  slow.push(sourceBytes(0, 50))
  await slow.taken()
  const drained = first.engine.drain()
  await t.rejects(writing, refusal('shutting_down'))
  await drained
  await t.rejects(first.engine.create(RULES, intentOf('p')), refusal('shutting_down'))
  await t.rejects(first.engine.check(), refusal('shutting_down'))
  const { engine } = await first.reopen()
  t.match(await engine.status(RULES, token), { persisted: 48 })
  await engine.append(RULES, token, { body: bodyOf(sourceBytes(48, 96)), offset: 48, last: true })
  t.same(await contentOf(engine, 'o'), sourceBytes(0, 96))
})

test('P9: the catalog knows keys, not tokens', async t => {
  const { engine, catalog } = await openEngine(t)
  const { token, session } = await engine.create(RULES, intentOf('o'))
  t.match(token, /^[\w-]{43}$/)
  t.not(session.key, token)
  t.equal(await catalog.find(token), undefined)
  t.notMatch(JSON.stringify(session), token)
})
