/**
 * Disks and catalogs that fail in the middle of an upload: nothing acknowledged is lost, nothing refused is promised, and the
 * upload goes on afterwards.
 */

import { truncate } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { GOOGLE } from '../../src/engine/door-rules.ts'
import type { Engine, Progress } from '../../src/engine/engine.ts'
import { UploadError } from '../../src/engine/failure.ts'
import { bodyOf } from '../support/body.ts'
import { blobFiles, contentOf, intentOf, openEngine, sourceBytes } from '../support/engine.ts'
import { FaultyCatalog } from '../support/faulty-catalog.ts'
import { diskError, FaultyFiles } from '../support/faulty-files.ts'
import { refusal } from '../support/refusal.ts'

const G = 16
const RULES = { ...GOOGLE, granule: G }

/** The source's bytes [from, to) as a chunk; the last one where `to` is 96. */
function send(engine: Engine, token: string, from: number, to: number): Promise<Progress> {
  const body = bodyOf(sourceBytes(from, to))
  return engine.append(RULES, token, { body, offset: from, last: to === 96 })
}

async function persisted(engine: Engine, token: string): Promise<number> {
  const progress = await engine.status(RULES, token)
  return progress.state === 'open' ? progress.persisted : progress.object.size
}

async function completes(t: Test, engine: Engine, token: string): Promise<void> {
  await send(engine, token, await persisted(engine, token), 96)
  t.same(await contentOf(engine, 'o'), sourceBytes(0, 96))
}

test('P1: what is acknowledged survives a loss of power, chunk by chunk', async t => {
  const files = new FaultyFiles()
  const { engine, catalog, directory } = await openEngine(t, { files })
  const { token, session } = await engine.create(RULES, intentOf('o'))
  for (const [from, to] of [
    [0, 32],
    [32, 48],
    [16, 80],
  ] as const) {
    await send(engine, token, from, to)
    const [extent] = (await catalog.segment(session.key, 0)).extents
    const [path] = await blobFiles(directory)
    t.equal(extent?.length, to)
    t.ok(files.survivingBytes(path as string) >= to, `${to} bytes are durable`)
  }
  await send(engine, token, 80, 96)
  const [path] = await blobFiles(directory)
  t.ok(files.survivingBytes(path as string) >= 96)
})

test('P12: a failed fdatasync voids the chunk, and the upload goes on in a new blob', async t => {
  const files = new FaultyFiles()
  const running = await openEngine(t, { files })
  const { engine, directory } = running
  const { token } = await engine.create(RULES, intentOf('o'))
  await send(engine, token, 0, 32)
  files.before = call => {
    if (call === 'datasync') throw diskError('EIO')
  }
  await t.rejects(send(engine, token, 32, 64), refusal('storage_failed'))
  t.equal(await persisted(engine, token), 32)
  files.before = () => {}
  await send(engine, token, 32, 64)
  t.equal((await blobFiles(directory)).length, 2, 'the failed blob is not written again')
  await completes(t, engine, token)
  t.same(running.complaints, [])
})

test('P12: short writes are finished', async t => {
  const files = new FaultyFiles()
  const { engine } = await openEngine(t, { files })
  files.most = () => 5
  const { token } = await engine.create(RULES, intentOf('o'))
  await send(engine, token, 0, 64)
  await completes(t, engine, token)
})

test('P12: a catalog that refuses to advance takes the promise back, and a retry succeeds', async t => {
  const faulty = new FaultyCatalog()
  const { engine } = await openEngine(t, { wrapCatalog: faulty.wrap })
  const { token } = await engine.create(RULES, intentOf('o'))
  await send(engine, token, 0, 32)
  faulty.fail('advance', 2)
  await t.rejects(send(engine, token, 32, 64), refusal('catalog_failed'))
  t.equal(await persisted(engine, token), 32)
  await completes(t, engine, token)
})

test('a recorded chunk whose answer was lost in the catalog keeps its bytes', async t => {
  const faulty = new FaultyCatalog()
  const { engine } = await openEngine(t, { wrapCatalog: faulty.wrap })
  const { token } = await engine.create(RULES, intentOf('o'))
  faulty.loseAnswer('advance', 1)
  await t.rejects(send(engine, token, 0, 32), refusal('catalog_failed'))
  t.equal(
    await persisted(engine, token),
    32,
    'nobody may free a blob on the strength of a lost answer',
  )
  await completes(t, engine, token)
})

test('P5: a publication whose answer was lost stands, and answers the repetition', async t => {
  const faulty = new FaultyCatalog()
  const { engine } = await openEngine(t, { wrapCatalog: faulty.wrap })
  const { token } = await engine.create(RULES, intentOf('o'))
  faulty.loseAnswer('publish', 1)
  await t.rejects(send(engine, token, 0, 96), refusal('catalog_failed'))
  t.match(await send(engine, token, 0, 96), { state: 'done' })
  t.same(await contentOf(engine, 'o'), sourceBytes(0, 96))

  faulty.loseAnswer('publish', 2)
  await t.rejects(
    engine.put(GOOGLE, intentOf('p'), bodyOf(sourceBytes(0, 9))),
    refusal('catalog_failed'),
  )
  t.same(await contentOf(engine, 'p'), sourceBytes(0, 9))
})

test('P10: a full disk keeps what arrived, refuses what is new, and the upload goes on later', async t => {
  const files = new FaultyFiles()
  const { engine } = await openEngine(t, { files, reserveBytes: 1000 })
  const { token } = await engine.create(RULES, intentOf('o'))
  await send(engine, token, 0, 32)
  files.available = () => 0
  // Free space is looked up again only after a while: the disk itself refuses first.
  files.before = call => {
    if (call === 'writev') throw diskError('ENOSPC')
  }
  await t.rejects(send(engine, token, 32, 64), refusal('no_space'))
  t.equal(await persisted(engine, token), 32)
  await waitFor(async () => (await codeOf(engine.create(RULES, intentOf('p')))) === 'no_space')
  await t.rejects(engine.put(GOOGLE, intentOf('q'), bodyOf(sourceBytes(0, 9))), refusal('no_space'))
  files.before = () => {}
  files.available = undefined
  await waitFor(async () => (await codeOf(engine.create(RULES, intentOf('p')))) === undefined)
  await completes(t, engine, token)
})

test('P2: a blob shorter than its promise ends the session, and is never stretched', async t => {
  const { engine, directory } = await openEngine(t)
  const { token } = await engine.create(RULES, intentOf('o'))
  await send(engine, token, 0, 32)
  const [path] = await blobFiles(directory)
  await truncate(path as string, 20)
  const reason = { code: 'blob_short' }
  await t.rejects(send(engine, token, 32, 64), refusal('blob_short'))
  await t.rejects(send(engine, token, 32, 64), refusal('session_invalid', { reason }))
  await t.rejects(engine.status(RULES, token), refusal('session_invalid', { reason }))
})

test('P3: a writer that hangs in its sync is left behind, and its record is shut out', async t => {
  const files = new FaultyFiles()
  const running = await openEngine(t, { files })
  const { engine, directory } = running
  const { token } = await engine.create(RULES, intentOf('o'))
  await send(engine, token, 0, 32)
  const hanging = Promise.withResolvers<void>()
  const next = files.count('datasync') + 1
  files.before = (call, nth) => (call === 'datasync' && nth === next ? hanging.promise : undefined)
  const stuck = send(engine, token, 32, 64)
  stuck.catch(() => {})
  await waitFor(async () => files.count('datasync') === next)

  // The newcomer waits its second, then goes on in a blob of its own.
  t.match(await send(engine, token, 32, 80), { state: 'open', persisted: 80 })
  t.equal((await blobFiles(directory)).length, 2)
  hanging.resolve()
  await t.rejects(stuck, refusal('superseded'))
  t.equal(await persisted(engine, token), 80)
  await completes(t, engine, token)
})

test('P3: two requests for the same bytes at once make one object', async t => {
  const { engine, directory } = await openEngine(t, { commitDelayMs: 20 })
  const { token } = await engine.create(RULES, intentOf('o'))
  const both = await Promise.allSettled([
    send(engine, token, 0, 96),
    send(engine, token, 0, 96),
    send(engine, token, 0, 96),
  ])
  t.ok(both.some(({ status }) => status === 'fulfilled'))
  t.match(await engine.status(RULES, token), { state: 'done' })
  t.same(await contentOf(engine, 'o'), sourceBytes(0, 96))
  await engine.sweep()
  t.equal((await blobFiles(directory)).length, 1, 'nothing is left of the others')
})

test('P4: of uploads that race with generationMatch 0 exactly one wins', async t => {
  const { engine, directory } = await openEngine(t, { commitDelayMs: 20 })
  const intent = intentOf('o', { preconditions: { generationMatch: 0 } })
  const racing = Array.from({ length: 8 }, () =>
    engine.put(GOOGLE, intent, bodyOf(sourceBytes(0, 9))),
  )
  const settled = await Promise.allSettled(racing)
  t.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1)
  t.equal((await blobFiles(directory)).length, 1)
})

test('slow commits are shared', async t => {
  const { engine, catalog } = await openEngine(t, { commitDelayMs: 20 })
  const before = (catalog as unknown as { commits: number }).commits
  const puts = Array.from({ length: 50 }, (_, n) =>
    engine.put(GOOGLE, intentOf(`o${n}`), bodyOf(sourceBytes(0, 9))),
  )
  await Promise.all(puts)
  const commits = (catalog as unknown as { commits: number }).commits - before
  t.ok(commits < 25, `50 uploads in ${commits} commits`)
})

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise
    return undefined
  } catch (error) {
    if (error instanceof UploadError) return error.failure.code
    throw error
  }
}

async function waitFor(isTrue: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await isTrue()) return
    await sleep(10)
  }
  throw new Error('waited in vain')
}
