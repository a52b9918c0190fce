/**
 * Requests that meet a publication under way: it waits for no client, so nobody overtakes it, and nothing that is acknowledged
 * beside it is lost. Digests are held back here, as they are by tebibytes.
 */

import { truncate, unlink } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { GOOGLE } from '../../src/engine/door-rules.ts'
import { bodyOf, GatedBody } from '../support/body.ts'
import {
  blobFiles,
  contentOf,
  DAY,
  HOUR,
  intentOf,
  openEngine,
  sourceBytes,
  type TestEngine,
} from '../support/engine.ts'
import { FaultyFiles } from '../support/faulty-files.ts'
import { refusal } from '../support/refusal.ts'

const RULES = { ...GOOGLE, granule: 16 }

/** The digests wait until they are let go. */
function holdDigests({ storage }: TestEngine) {
  const begun = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const finish = storage.digests.finish.bind(storage.digests)
  let calls = 0
  storage.digests.finish = async (...asked) => {
    calls += 1
    begun.resolve()
    await released.promise
    return finish(...asked)
  }
  return { begun: begun.promise, release: () => released.resolve(), calls: () => calls }
}

function chunk(from: number, to: number, last: boolean) {
  // Without a length it is not hashed in place.
  return { body: bodyOf(sourceBytes(from, to), { isChunked: true }), offset: from, last }
}

test('P3: a final request that is sent again waits for the first one, and both answer the same', async t => {
  const running = await openEngine(t)
  const { engine } = running
  const { token } = await engine.create(RULES, intentOf('o'))
  await engine.append(RULES, token, chunk(0, 48, false))
  const digests = holdDigests(running)
  const first = engine.append(RULES, token, chunk(48, 96, true))
  await digests.begun
  const again = engine.append(RULES, token, chunk(48, 96, true))
  const third = engine.append(RULES, token, chunk(48, 96, true))
  for (const request of [again, third]) request.catch(() => {})
  // Longer than a hand-over takes.
  await new Promise(resolve => setTimeout(resolve, 1200))
  digests.release()
  const [one, ...others] = await Promise.allSettled([first, again, third])
  t.match(one, { status: 'fulfilled', value: { state: 'done' } })
  t.match(others.at(-1), { status: 'fulfilled', value: { state: 'done' } })
  t.equal(digests.calls(), 1, 'nobody hashed it all again')
  t.same(await contentOf(engine, 'o'), sourceBytes(0, 96))
})

test('P2: a chunk beyond the end of a publication under way is not acknowledged and lost', async t => {
  const running = await openEngine(t)
  const { engine } = running
  const { token } = await engine.create(RULES, intentOf('o'))
  await engine.append(RULES, token, chunk(0, 48, false))
  const digests = holdDigests(running)
  const finalized = engine.finalize(RULES, token, { total: 48 })
  await digests.begun
  const beyond = engine.append(RULES, token, chunk(48, 96, false))
  beyond.catch(() => {})
  await new Promise(resolve => setTimeout(resolve, 1200))
  digests.release()
  t.match(await finalized, { state: 'done', object: { size: 48 } })
  t.match(
    await beyond,
    { state: 'done', object: { size: 48 } },
    'it learns that the session is done',
  )
  t.same(await contentOf(engine, 'o'), sourceBytes(0, 48))
})

test('cancelling a publication under way cancels it, and frees its bytes afterwards', async t => {
  const running = await openEngine(t)
  const { engine, directory, complaints } = running
  const { token } = await engine.create(RULES, intentOf('o'))
  await engine.append(RULES, token, chunk(0, 48, false))
  const digests = holdDigests(running)
  const final = engine.append(RULES, token, chunk(48, 96, true))
  final.catch(() => {})
  await digests.begun
  t.same(await engine.cancel(RULES, token), { state: 'cancelled' })
  await engine.sweep()
  digests.release()
  await t.rejects(final, refusal('session_cancelled'))
  await t.rejects(engine.objects.find({ bucket: 'bkt', name: 'o' }), refusal('object_not_found'))
  await engine.sweep()
  t.same(await blobFiles(directory), [])
  t.same(complaints, [])
})

test('P3: a final chunk that was left behind in its sync does not publish behind its successor', async t => {
  const files = new FaultyFiles()
  const { engine } = await openEngine(t, { files })
  const { token } = await engine.create(RULES, intentOf('o'))
  await engine.append(RULES, token, chunk(0, 48, false))
  const hanging = Promise.withResolvers<void>()
  const next = files.count('datasync') + 1
  files.before = (call, nth) => (call === 'datasync' && nth === next ? hanging.promise : undefined)
  const stuck = engine.append(RULES, token, chunk(48, 64, true))
  stuck.catch(() => {})
  while (files.count('datasync') < next) await turn()
  t.match(await engine.append(RULES, token, chunk(48, 96, true)), { object: { size: 96 } })
  hanging.resolve()
  // It is told what became of its session, by whoever took it over.
  await stuck.catch(error => t.match(error, refusal('superseded')))
  t.same(await contentOf(engine, 'o'), sourceBytes(0, 96))
})

for (const [what, harm] of [
  ['shorter than its promise', (path: string) => truncate(path, 20)],
  ['gone', unlink],
] as const) {
  test(`P2: a blob that is ${what} when its session is finalized ends the session`, async t => {
    const first = await openEngine(t)
    const { token } = await first.engine.create(RULES, intentOf('o'))
    await first.engine.append(RULES, token, chunk(0, 48, false))
    await first.close()
    const [path] = await blobFiles(first.directory)
    await harm(path as string)
    const { engine } = await first.reopen()
    const finalize = () => engine.finalize(RULES, token, { total: 48 })
    await t.rejects(finalize(), refusal('blob_short'))
    const reason = { code: 'blob_short' }
    await t.rejects(finalize(), refusal('session_invalid', { reason }))
    await t.rejects(engine.status(RULES, token), refusal('session_invalid', { reason }))
  })
}

test('P8: a session that is being written is there, though its time is over', async t => {
  const { engine, clock } = await openEngine(t)
  const { token } = await engine.create(RULES, intentOf('o'))
  clock.now += 47 * HOUR
  const slow = new GatedBody(32)
  const writing = engine.append(RULES, token, { body: slow, offset: 0, last: true })
  slow.push(sourceBytes(0, 16))
  await slow.taken()
  clock.now += 2 * HOUR
  t.match(await engine.status(RULES, token), { state: 'open' })
  slow.push(sourceBytes(16, 32))
  slow.end()
  t.match(await writing, { state: 'done' })
})

test('blobs in use do not keep others from being freed', async t => {
  const { engine, clock, directory } = await openEngine(t)
  const put = async (name: string) => {
    await engine.put(GOOGLE, intentOf(name), bodyOf(Buffer.from('x')))
    return { bucket: 'bkt', name }
  }
  for (let n = 0; n < 101; n += 1) {
    const name = await put(`read-${n}`)
    await engine.objects.open(name)
    await engine.objects.delete(name, {})
  }
  clock.now += DAY
  await engine.objects.delete(await put('later'), {})
  await engine.sweep()
  t.equal((await blobFiles(directory)).length, 101, 'only what is read is left')
})
