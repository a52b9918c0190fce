/**
 * Every combination of the table in design §2, door by door: bytes sent again, second writers, cut bodies, status queries, failed
 * checks. The doors' rules are data, so the engine's tests read them as data, too.
 */

import { hash } from 'node:crypto'
import { crc32c } from '@node-rs/crc32'
import { test } from 'tap'
import type { DoorRules } from '../../src/engine/door-rules.ts'
import * as doors from '../../src/engine/door-rules.ts'
import type { Chunk, Engine, Progress } from '../../src/engine/engine.ts'
import { bodyOf, GatedBody } from '../support/body.ts'
import { blobFiles, contentOf, intentOf, openEngine, sourceBytes } from '../support/engine.ts'
import { FaultyFiles } from '../support/faulty-files.ts'
import { refusal } from '../support/refusal.ts'

const G = 16
/** The doors as they are, but for Google's granule, which is small here. */
const DOORS: ReadonlyArray<readonly [string, DoorRules]> = [
  ['google', { ...doors.GOOGLE, granule: G }],
  ['google parts', doors.GOOGLE_PARTS],
  ['ucloud', doors.UCLOUD],
  ['gws', doors.GWS],
  ['dxl', doors.DXL],
  ['tus', doors.TUS],
  ['ietf', doors.IETF],
]

function chunk(bytes: Buffer, offset: number, more: Partial<Chunk> = {}): Chunk {
  return { body: bodyOf(bytes), offset, last: false, ...more }
}

async function persisted(progress: Promise<Progress> | Progress): Promise<number | 'done'> {
  const reached = await progress
  return reached.state === 'done' ? 'done' : reached.persisted
}

/** The session's content, by completing it: any-order sessions are finalized, sequential ones get an empty last chunk. */
async function complete(engine: Engine, rules: DoorRules, token: string, name: string) {
  const status = await engine.status(rules, token)
  if (status.state === 'open') {
    const total = status.persisted
    await engine.finalize(rules, token, { total })
  }
  return contentOf(engine, name)
}

for (const [name, rules] of DOORS) {
  test(`${name}: bytes sent again → ${rules.resent}`, async t => {
    const { engine } = await openEngine(t)
    const { token } = await engine.create(rules, intentOf('o'))
    const first = sourceBytes(0, 48)
    t.equal(await persisted(engine.append(rules, token, chunk(first, 0))), 48)
    const other = sourceBytes(0, 32, 1)
    switch (rules.resent) {
      case 'skip': {
        t.equal(await persisted(engine.append(rules, token, chunk(other, 0))), 48)
        const tail = Buffer.concat([other, other])
        t.equal(await persisted(engine.append(rules, token, chunk(tail, 16))), 80)
        const expected = Buffer.concat([first, tail.subarray(32)])
        t.same(await complete(engine, rules, token, 'o'), expected, 'the first version stays')
        break
      }
      case 'splice': {
        t.equal(await persisted(engine.append(rules, token, chunk(other, 8))), 48)
        t.equal(await persisted(engine.append(rules, token, chunk(other, 40))), 72)
        const expected = Buffer.concat([first.subarray(0, 8), other, first.subarray(40), other])
        expected.set(other, 40)
        t.same(await complete(engine, rules, token, 'o'), expected.subarray(0, 72))
        const object = await engine.objects.find({ bucket: 'bkt', name: 'o' })
        const content = expected.subarray(0, 72)
        t.match(object, { md5: hash('md5', content, 'base64'), crc32c: crc32c(content) })
        break
      }
      case 'replace': {
        await engine.append(rules, token, chunk(first, 0, { segment: 2 }))
        t.equal(await persisted(engine.append(rules, token, chunk(other, 0))), 32 + 48)
        t.same(await complete(engine, rules, token, 'o'), Buffer.concat([other, first]))
        break
      }
      case 'refuse': {
        const behind = engine.append(rules, token, chunk(other, 8))
        await t.rejects(behind, refusal('offset_behind', { offset: 8, persisted: 48 }))
        t.equal(await persisted(engine.append(rules, token, chunk(other, 48))), 80)
        t.same(await complete(engine, rules, token, 'o'), Buffer.concat([first, other]))
      }
    }
  })

  test(`${name}: a cut body → ${rules.cutBody}`, async t => {
    const { engine, directory } = await openEngine(t)
    const { token } = await engine.create(rules, intentOf('o'))
    const bytes = sourceBytes(0, 48)
    const cut = engine.append(rules, token, {
      ...chunk(bytes, 0),
      body: bodyOf(bytes, { cutAt: 41 }),
    })
    await t.rejects(cut, refusal('body_cut'))
    const kept = rules.cutBody === 'drop' ? 0 : 41 - (41 % rules.granule)
    t.equal(await persisted(engine.status(rules, token)), kept)
    t.equal(
      (await blobFiles(directory)).length,
      kept === 0 ? 0 : 1,
      'what is dropped leaves no blob',
    )
    const again = { ...chunk(bytes.subarray(kept), kept), last: true }
    await engine.append(rules, token, again)
    t.same(await complete(engine, rules, token, 'o'), bytes)
  })

  test(`${name}: a second writer → ${rules.secondWriter}`, async t => {
    const { engine } = await openEngine(t)
    const { token } = await engine.create(rules, intentOf('o'))
    const bytes = sourceBytes(0, 64)
    const slow = new GatedBody(64)
    const first = engine.append(rules, token, { body: slow, offset: 0, last: false })
    first.catch(() => {})
    slow.push(bytes.subarray(0, 32))
    await slow.taken()

    switch (rules.secondWriter) {
      case 'take_over': {
        const second = engine.append(rules, token, chunk(bytes, rules.resent === 'skip' ? 0 : 32))
        if (rules.resent === 'skip') t.equal(await persisted(second), 64)
        else {
          // At its headers nothing is persisted yet, and this protocol refuses gaps: it must ask first.
          await t.rejects(second, refusal('offset_gap'))
          t.equal(await persisted(engine.status(rules, token)), 32)
          t.equal(await persisted(engine.append(rules, token, chunk(bytes.subarray(32), 32))), 64)
        }
        await t.rejects(first, refusal('superseded'))
        break
      }
      case 'refuse':
        await t.rejects(engine.append(rules, token, chunk(bytes, 0)), refusal('segment_busy'))
        slow.push(bytes.subarray(32))
        slow.end()
        t.equal(await persisted(first), 64)
        break
      case 'wait': {
        const second = engine.append(rules, token, chunk(bytes, 0))
        slow.push(bytes.subarray(32))
        slow.end()
        t.equal(await persisted(first), 64)
        await t.rejects(second, refusal('offset_behind'), 'its turn came, and the bytes were there')
        break
      }
      case 'last_finished_wins': {
        const other = sourceBytes(0, 40, 1)
        t.equal(await persisted(engine.append(rules, token, chunk(other, 0))), 40)
        slow.push(bytes.subarray(32))
        slow.end()
        t.equal(await persisted(first), 64)
      }
    }
    t.same(await complete(engine, rules, token, 'o'), bytes)
  })

  test(`${name}: a status query beside a writer → ${rules.statusQuery}`, async t => {
    const { engine } = await openEngine(t)
    const { token } = await engine.create(rules, intentOf('o'))
    const slow = new GatedBody(64)
    const writing = engine.append(rules, token, { body: slow, offset: 0, last: false })
    writing.catch(() => {})
    slow.push(sourceBytes(0, 32))
    await slow.taken()
    const answer = await persisted(engine.status(rules, token))
    if (rules.statusQuery === 'stop_writer') {
      t.equal(answer, 32)
      await t.rejects(writing, refusal('superseded'))
    } else {
      t.equal(answer, 0, 'nothing was promised yet')
      slow.push(sourceBytes(32, 64))
      slow.end()
      t.equal(await persisted(writing), 64, 'and nobody was evicted')
    }
  })

  test(`${name}: a check that fails at the end → ${rules.failedCheck}`, async t => {
    const { engine } = await openEngine(t)
    const { token } = await engine.create(rules, intentOf('o'))
    const bytes = sourceBytes(0, 48)
    await engine.append(rules, token, chunk(bytes, 0))
    const wrong = { crc32c: 1 }
    const finalize = (checksums: { crc32c?: number }) =>
      engine.finalize(rules, token, { total: 48, checksums })
    await t.rejects(finalize(wrong), refusal('checksum_mismatch', { algorithm: 'crc32c' }))
    if (rules.unfinished === 'shown') t.same(await contentOf(engine, 'o'), bytes)
    else await t.rejects(contentOf(engine, 'o'), refusal('object_not_found'))
    if (rules.failedCheck === 'open') {
      t.equal(await persisted(engine.status(rules, token)), 48)
      t.equal(await persisted(finalize({})), 'done')
    } else {
      const reason = { code: 'checksum_mismatch' }
      await t.rejects(engine.status(rules, token), refusal('session_invalid', { reason }))
      await t.rejects(finalize({}), refusal('session_invalid', { reason }))
    }
  })
}

test('a failed check on the last chunk keeps its bytes where the door leaves the session open', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(doors.TUS, intentOf('o', { total: 48 }))
  const bytes = sourceBytes(0, 48)
  const wrong = { ...chunk(bytes, 0), checksums: { crc32c: 1 } }
  await t.rejects(engine.append(doors.TUS, token, wrong), refusal('checksum_mismatch'))
  t.equal(await persisted(engine.status(doors.TUS, token)), 48)
  t.equal(await persisted(engine.finalize(doors.TUS, token, { total: 48 })), 'done')
  t.same(await contentOf(engine, 'o'), bytes)
})

test('P7: a chunk that counts whole or not at all leaves nothing when it is cut', async t => {
  const { engine } = await openEngine(t)
  const { token } = await engine.create(doors.UCLOUD, intentOf('o'))
  const bytes = sourceBytes(0, 48)
  const whole = { ...chunk(bytes, 0), offset: 'end' as const, whole: true }
  const cut = { ...whole, body: bodyOf(bytes, { cutAt: 41 }) }
  await t.rejects(engine.append(doors.UCLOUD, token, cut), refusal('body_cut'))
  t.equal(await persisted(engine.status(doors.UCLOUD, token)), 0)
  t.equal(await persisted(engine.append(doors.UCLOUD, token, { ...whole })), 48)
})

test('GCS-27: a small chunk whose length nobody declared ends the session as well', async t => {
  const { engine } = await openEngine(t)
  const rules = { ...doors.GOOGLE, granule: G }
  const { token } = await engine.create(rules, intentOf('o'))
  const body = bodyOf(sourceBytes(0, G - 1), { isChunked: true })
  const small = engine.append(rules, token, { body, offset: 0, total: 96, last: false })
  await t.rejects(small, refusal('chunk_too_small', { received: G - 1 }))
  const reason = { code: 'chunk_too_small', received: G - 1 }
  await t.rejects(engine.status(rules, token), refusal('session_invalid', { reason }))
})

test('a status query right after a cut waits for the sync that is under way', async t => {
  const files = new FaultyFiles()
  const { engine } = await openEngine(t, { files })
  const rules = { ...doors.GOOGLE, granule: G }
  const { token } = await engine.create(rules, intentOf('o'))
  const syncing = Promise.withResolvers<void>()
  const mayEnd = Promise.withResolvers<void>()
  files.before = call => {
    if (call !== 'datasync') return
    syncing.resolve()
    return mayEnd.promise
  }
  const bytes = sourceBytes(0, 96)
  const cut = engine.append(rules, token, {
    ...chunk(bytes, 0),
    body: bodyOf(bytes, { cutAt: 50 }),
  })
  cut.catch(() => {})
  await syncing.promise
  const status = engine.status(rules, token)
  mayEnd.resolve()
  t.equal(await persisted(status), 48)
})
