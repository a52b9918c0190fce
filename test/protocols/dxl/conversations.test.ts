/**
 * dxl.md §8, the segments: each conversation is held over HTTP with bytes, over HTTP with messages, and over MQTT.
 */

import { hash } from 'node:crypto'
import tap, { type Test, test } from 'tap'
import { type Fields, sendFile, startDxl, storeFields, type Way } from '../../support/dxl.ts'
import { blobFiles } from '../../support/engine.ts'
import { read } from '../../support/google.ts'
import { sampleBytes, type TestServer } from '../../support/server.ts'

interface Talk {
  readonly t: Test
  readonly way: Way
  readonly server: TestServer
  /** A name that no other conversation has. */
  name(ending?: string): string
}

// Each conversation is held three times, with a sync for every segment.
tap.setTimeout(120_000)

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const EMPTY_SHA256 = hash('sha256', '', 'hex')
let names = 0

const CONVERSATIONS: Record<string, (talk: Talk) => Promise<void>> = {
  'DXL-01: one segment with store': async ({ t, way, server, name }) => {
    const file = name()
    const answer = await way.send({ segment_number: '1', ...storeFields(file, 'hello') }, 'hello')
    t.match(answer.json, { file_id: UUID, segments_received: 1, result: 'store' })
    t.equal((await read(server, file)).text, 'hello')
  },

  'DXL-02, 05, 06: segments, their last one exact or not': async ({ t, way, server, name }) => {
    for (const length of [300_000, 6 * 51_200]) {
      const whole = sampleBytes(length)
      const file = name('.bin')
      const answers = await sendFile(way, file, whole, 51_200)
      t.equal(answers.length, 6)
      const id = answers[0]?.json.file_id
      t.match(id, UUID)
      for (const [index, { json }] of answers.entries()) {
        const expected = { file_id: id, segments_received: index + 1 }
        t.strictSame(json, index === 5 ? { ...expected, result: 'store' } : expected)
      }
      t.ok((await read(server, file)).body.equals(whole))
    }
  },

  'DXL-03: an empty file': async ({ t, way, server, name }) => {
    const file = name()
    const [answer] = await sendFile(way, file, Buffer.alloc(0), 1)
    t.match(answer?.json, { segments_received: 1, result: 'store' })
    t.equal((await read(server, file)).body.length, 0)
  },

  'DXL-04: a stream ends with an empty segment; others may be empty, too': async talk => {
    const { t, way, server, name } = talk
    const file = name()
    const first = await way.send({ segment_number: '1' })
    const id = { file_id: first.json.file_id }
    await way.send({ segment_number: '2', ...id }, 'stream')
    t.match((await way.send({ segment_number: '3', ...id })).json, { segments_received: 3 })
    const last = await way.send({ segment_number: '4', ...id, ...storeFields(file, 'stream') })
    t.match(last.json, { segments_received: 4, result: 'store' })
    t.equal((await read(server, file)).text, 'stream')
  },

  'DXL-07, 08: a duplicate and a gap are refused, and change nothing': async talk => {
    const { t, way, server, name } = talk
    const file = name()
    const id = await begin(talk, 'abc')
    for (const segment_number of ['1', '3', '99999999999999999999']) {
      const fields = { segment_number, ...id }
      await refused(t, way, 409, fields, /unexpected segment number: expected 2/, 'xyz')
    }
    const last = { segment_number: '2', ...id, ...storeFields(file, 'abcdef') }
    const expected = { ...id, segments_received: 2, result: 'store' }
    t.strictSame((await way.send(last, 'def')).json, expected)
    t.equal((await read(server, file)).text, 'abcdef')
  },

  'DXL-09, 10: a first segment that is none leaves nothing': async ({ t, way, server }) => {
    const before = opened(server)
    await refused(t, way, 409, { segment_number: '2' }, /expected 1, received 2/)
    await refused(t, way, 409, { segment_number: '2', file_id: 'unheard-of' }, /expected 1/)
    await refused(t, way, 400, {}, /segment_number/)
    for (const segment_number of ['abc', '1.0', '-1', '0', '', ' 1', '1e3', '0x1', '١']) {
      await refused(t, way, 400, { segment_number }, /segment_number/)
    }
    await refused(t, way, 400, { segment_number: '1', size: 'many' }, /size/)
    t.equal(opened(server), before)
  },

  'DXL-11, 12: what is not the file is dropped, and both reasons are told': async talk => {
    const { t, way, name, server } = talk
    const file = name()
    const wrong = { hash_sha256: 'f'.repeat(64) }
    const cases: ReadonlyArray<readonly [Fields, RegExp]> = [
      [{ size: '7' }, /^the file has 6 bytes, not 7$/],
      [{ size: '5' }, /^the file has 6 bytes, not 5$/],
      [wrong, /^the file's sha256 is bef57e/],
      [{ hash_sha256: 'no hash' }, /sha256 is .*, not no hash/],
      [{ ...wrong, size: '7' }, /^the file has 6 bytes, not 7; the file's sha256 is .* not f{64}$/],
    ]
    for (const [more, reason] of cases) {
      const id = await begin(talk, 'abc')
      const last = { segment_number: '2', ...id, ...storeFields(file, 'abcdef', more) }
      await refused(t, way, 422, last, reason, 'def')
      await refused(t, way, 409, { segment_number: '3', ...id }, /unexpected segment number/)
      await refused(t, way, 409, { ...last, ...storeFields(file, 'abcdef') }, /expected 1/, 'def')
    }
    const empty = { segment_number: '1', ...storeFields(file, '', wrong) }
    await refused(t, way, 422, empty, new RegExp(`sha256 is ${EMPTY_SHA256}`))
    t.equal((await read(server, file)).status, 404)

    const { hash_sha256 = '' } = storeFields(file, 'abcdef')
    const upper = storeFields(file, 'abcdef', { hash_sha256: hash_sha256.toUpperCase() })
    t.match((await way.send({ segment_number: '1', ...upper }, 'abcdef')).json, { result: 'store' })
  },

  'DXL-13: a last segment that lacks something can be corrected': async talk => {
    const { t, way, server, name } = talk
    const file = name()
    const id = await begin(talk, 'abc')
    const whole: Fields = { segment_number: '2', ...id, ...storeFields(file, 'abcdef') }
    for (const field of ['name', 'size', 'hash_sha256']) {
      const { [field]: _, ...lacking } = whole
      await refused(t, way, 400, lacking, /needs name, size and hash_sha256/, 'def')
    }
    await refused(t, way, 400, { ...whole, hash_sha256: '' }, /needs/, 'def')
    await refused(t, way, 400, { ...whole, result: 'STORE' }, /unknown result: "STORE"/, 'def')
    t.match((await way.send(whole, 'def')).json, { segments_received: 2, result: 'store' })
    t.equal((await read(server, file)).text, 'abcdef')
  },

  'DXL-14: names that lead anywhere else': async talk => {
    const { t, way, server, name } = talk
    const id = await begin(talk, 'abc')
    const whole = { segment_number: '2', ...id, ...storeFields(name(), 'abcdef') }
    const bad = ['../x', '/etc/x', 'a/../../x', '.', '..', 'a/..', 'a\\b', 'a\0b', '.workdir/x']
    const worse = ['a//b', 'a/', './.workdir/x', `${'x'.repeat(256)}/y`, 'x/'.repeat(600), 'a\nb']
    for (const path of [...bad, ...worse]) {
      await refused(t, way, 400, { ...whole, name: path }, /invalid file name/, 'def')
    }
    t.match((await way.send(whole, 'def')).json, { segments_received: 2 })
    // An empty one cannot be corrected (§3.1).
    const other = await begin(talk, 'abc')
    await refused(t, way, 400, { ...whole, ...other, name: '' }, /dropped/, 'def')
    await refused(t, way, 409, { ...whole, ...other }, /expected 1/, 'def')
    t.equal((await read(server, 'x')).status, 404)
  },

  'DXL-15: nested names, and storing again': async ({ t, way, server, name }) => {
    const folder = name('')
    const file = `${folder}/sub/name`
    for (const [path, whole] of [
      [file, 'one'],
      [file, 'another'],
      [`./${folder}/x/../sub/./name`, 'third'],
    ] as const) {
      const answer = await way.send({ segment_number: '1', ...storeFields(path, whole) }, whole)
      t.match(answer.json, { result: 'store' })
      t.equal((await read(server, file)).text, whole)
    }
    const directory = { segment_number: '1', ...storeFields(`${folder}/sub`, 'x') }
    await refused(t, way, 400, directory, /there is a directory of that name/, 'x')
    t.equal((await read(server, file)).text, 'third')
  },

  'DXL-16, 17: ids that clients choose': async ({ t, way, name }) => {
    for (const file_id of ['a.b', 'a/b', 'a\\b', 'a b', 'x'.repeat(65), 'ü', 'a:b']) {
      await refused(t, way, 400, { segment_number: '1', file_id }, /invalid file_id/)
    }
    const file_id = `Chosen_${way.name.replace(/\W/g, '-')}`
    const first = await way.send({ segment_number: '1', file_id }, 'abc')
    t.strictSame(first.json, { file_id, segments_received: 1 })
    await refused(t, way, 409, { segment_number: '1', file_id }, /expected 2/, 'abc')
    const last = { segment_number: '2', file_id, ...storeFields(name(), 'abc') }
    t.strictSame((await way.send(last)).json, { file_id, segments_received: 2, result: 'store' })
    // Finished or failed, the id is nobody's again.
    const again = await way.send({ segment_number: '1', file_id }, 'xyz')
    t.strictSame(again.json, { file_id, segments_received: 1 })
    const whole = { segment_number: '2', file_id, ...storeFields(name(), 'nonsense') }
    await refused(t, way, 422, whole, /the file has/)
    t.match((await way.send({ segment_number: '1', file_id }, 'xyz')).json, {
      segments_received: 1,
    })
    t.match((await way.send({ result: 'cancel', file_id })).json, { result: 'cancel' })
  },

  'DXL-18, 19: cancel': async talk => {
    const { t, way, server } = talk
    const files = async () => {
      await server.app.engine.sweep()
      return (await blobFiles(`${server.directory}/data`)).length
    }
    const before = await files()
    const id = await begin(talk, 'abc')
    t.equal(await files(), before + 1)
    // Whatever else is in it: clients cancel with the fields that were refused.
    const refusedBefore = { segment_number: 'x', size: 'x', name: '../x' }
    const cancelled = await way.send({ result: 'cancel', ...id, ...refusedBefore })
    t.strictSame(cancelled.json, { ...id, result: 'cancel', segments_received: 1 })
    t.equal(await files(), before, 'the bytes are given back')
    for (const file_id of [id.file_id, 'unheard-of']) {
      const again = await way.send({ result: 'cancel', file_id })
      t.strictSame(again.json, { file_id, result: 'cancel', segments_received: 0 })
    }
    t.match((await way.send({ result: 'cancel' })).json, { file_id: UUID, result: 'cancel' })
    await refused(t, way, 409, { segment_number: '2', ...id }, /expected 1/, 'def')
  },

  'DXL-20: after the end; the same last segment gets the same answer': async talk => {
    const { t, way, server, name } = talk
    const file = name()
    const metadata = async () => (await server.ask(`GET /storage/v1/b/bkt/o/${file}`)).json()
    const id = await begin(talk, 'abc')
    const last = { segment_number: '2', ...id, ...storeFields(file, 'abcdef') }
    const { json } = await way.send(last, 'def')
    const { generation } = await metadata()
    t.strictSame((await way.send(last, 'def')).json, json)
    await restart(talk)
    t.strictSame((await way.send(last, 'def')).json, json)
    t.equal((await metadata()).generation, generation, 'nothing was stored again')
    await refused(t, way, 409, { ...last, segment_number: '3' }, /unexpected/, 'def')
    await refused(t, way, 409, { ...last, size: '7' }, /unexpected/, 'def')
    await refused(t, way, 409, { ...last, name: 'other' }, /unexpected/, 'def')
    await refused(t, way, 409, { ...last, hash_sha256: EMPTY_SHA256 }, /unexpected/, 'def')
    await refused(t, way, 409, { segment_number: '2', ...id }, /unexpected/, 'def')
  },

  'DXL-21: fields that nobody knows, and those that are empty': async ({ t, way, name }) => {
    const odd = { colour: 'grün', result: '', file_id: '', constructor: 'y' }
    const first = await way.send({ segment_number: '1', ...odd }, 'abc')
    t.match(first.json, { segments_received: 1, file_id: UUID })
    const { file_id } = first.json
    const last = { segment_number: '02', ...odd, file_id, ...storeFields(name(), 'abc') }
    t.match((await way.send(last)).json, { segments_received: 2, result: 'store' })
  },

  'DXL-22: restarts between segments': async talk => {
    const { t, way, server, name } = talk
    const file = name()
    const id = await begin(talk, 'abc')
    await restart(talk)
    await refused(t, way, 409, { segment_number: '1', ...id }, /expected 2/, 'abc')
    t.match((await way.send({ segment_number: '2', ...id }, 'def')).json, { segments_received: 2 })
    await restart(talk)
    const last = { segment_number: '3', ...id, ...storeFields(file, 'abcdefghi') }
    t.match((await way.send(last, 'ghi')).json, { segments_received: 3, result: 'store' })
    t.equal((await read(server, file)).text, 'abcdefghi')
  },

  'DXL-23: an idle upload expires, and its id is unknown': async talk => {
    const { t, way, server } = talk
    const id = await begin(talk, 'abc')
    const { ahead } = server
    server.ahead += 47 * 3_600_000
    await server.app.engine.sweep()
    t.match((await way.send({ segment_number: '2', ...id }, 'def')).json, { segments_received: 2 })
    server.ahead += 49 * 3_600_000
    await server.app.engine.sweep()
    await refused(t, way, 409, { segment_number: '3', ...id }, /expected 1/, 'ghi')
    t.match((await way.send({ segment_number: '1', ...id }, 'new')).json, { segments_received: 1 })
    server.ahead = ahead
    await way.send({ result: 'cancel', ...id })
  },

  'DXL-24: ten uploads at a time': async ({ t, way, server, name }) => {
    const files = Array.from({ length: 10 }, (_, index) => {
      return { file: name(), whole: sampleBytes(20_000 + index * 777, `${index}`) }
    })
    const sent = files.map(({ file, whole }, index) => sendFile(way, file, whole, 5_000 + index))
    for (const answers of await Promise.all(sent)) t.equal(answers.at(-1)?.json?.result, 'store')
    for (const { file, whole } of files) t.ok((await read(server, file)).body.equals(whole))
  },

  'DXL-25: the same segment three times at once': async talk => {
    const { t, way, name } = talk
    const id = await begin(talk, 'abc')
    const segment = () => way.send({ segment_number: '2', ...id }, 'def')
    const answers = await Promise.all([segment(), segment(), segment()])
    t.equal(answers.filter(({ json }) => json?.segments_received === 2).length, 1)
    const refusals = answers.filter(({ error }) => /expected 3, received 2/.test(error ?? ''))
    t.equal(refusals.length, 2)
    const last = { segment_number: '3', ...id, ...storeFields(name(), 'abcdef') }
    t.match((await way.send(last)).json, { result: 'store' })
  },

  'DXL-26: a segment over the limit': async talk => {
    const { t, way, name, server } = talk
    const id = await begin(talk, 'abc')
    const fields = { segment_number: '2', ...id }
    await refused(t, way, 413, fields, /at most 1048576 bytes/, Buffer.alloc(1024 ** 2 + 1))
    const whole = Buffer.concat([Buffer.from('abc'), sampleBytes(1024 ** 2)])
    const file = name()
    const last = await way.send({ ...fields, ...storeFields(file, whole) }, whole.subarray(3))
    t.match(last.json, { segments_received: 2, result: 'store' })
    t.ok((await read(server, file)).body.equals(whole))
  },
}

test('segments, whichever way they come', async t => {
  t.setTimeout(120_000)
  const { server, ways } = await startDxl(t)
  for (const [title, hold] of Object.entries(CONVERSATIONS)) {
    for (const way of ways) {
      await t.test(`${title} (${way.name})`, async t => {
        const name = (ending = '.txt') => {
          names += 1
          return `file-${names}${ending}`
        }
        await hold({ t, way, server, name })
      })
    }
  }
})

/** A first segment; answers its id. */
async function begin({ way }: Talk, payload: string): Promise<{ file_id: string }> {
  const { json, error } = await way.send({ segment_number: '1' }, payload)
  if (json === undefined) throw new Error(error)
  return { file_id: json.file_id }
}

async function refused(
  t: Test,
  way: Way,
  status: number,
  fields: Fields,
  reason: RegExp,
  payload: string | Buffer = '',
): Promise<void> {
  const answer = await way.send(fields, payload)
  t.match(answer.error, reason, JSON.stringify(fields).slice(0, 200))
  if (answer.status !== undefined) t.equal(answer.status, status)
  else t.equal(answer.errorCode, 0)
}

/** Until the way is open again: an MQTT client connects anew by itself. */
async function restart({ server, way }: Talk): Promise<void> {
  await server.restart()
  await way.send({ result: 'cancel', file_id: 'ping' })
}

function opened({ log }: TestServer): number {
  return log.filter(line => line.includes('"session opened"')).length
}
