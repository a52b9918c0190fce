/** Keys guard this door as they guard Google's: over HTTP by tokens, over MQTT by the common names of certificates. */

import tap, { type Test, test } from 'tap'
import {
  formA,
  formB,
  overMqtt,
  sendFile,
  startDxl,
  storeFields,
  TOPIC,
} from '../../support/dxl.ts'
import { ALL, type Rights, writeKeys } from '../../support/keys.ts'

// Certificates take their time.
tap.setTimeout(120_000)

const FIRST = { segment_number: '1', file_id: 'chosen' }

async function start<Name extends string>(t: Test, keys: Readonly<Record<Name, Rights>>) {
  let written: ReturnType<typeof writeKeys<Name>> | undefined
  const dxl = await startDxl(t, directory => {
    written = writeKeys(directory, keys)
    return { auth: 'keys', keysFile: written.keysFile }
  })
  if (written === undefined) throw new Error('no keys')
  const { as, write } = written
  const rewrite = async (rights: Readonly<Record<string, Rights>>) => {
    write(rights)
    await dxl.server.app.keys?.reload()
  }
  return { ...dxl, as, rewrite }
}

test('over HTTP: a key, its scopes and its limits', async t => {
  const { server, as } = await start(t, {
    all: ALL,
    adder: { scopes: ['create'], prefix: 'mine/' },
    elsewhere: { ...ALL, buckets: ['other'] },
  })
  const whole = Buffer.from('hello')
  for (const form of [formA, formB]) {
    const name = `mine/${form.name}`
    await t.rejects(
      sendFile(form(server), name, whole, 3).then(([answer]) => {
        if (answer?.status === 401) throw new Error('401')
      }),
      { message: /401/ },
    )
    t.match((await sendFile(form(server, as.adder), name, whole, 3)).at(-1)?.json, {
      result: 'store',
    })
    const last = (answers: Awaited<ReturnType<typeof sendFile>>) => answers.at(-1)?.error
    const again = last(await sendFile(form(server, as.adder), name, whole, 3))
    t.match(again, 'a precondition failed', 'no overwriting')
    for (const who of [as.adder, as.elsewhere]) {
      t.match(last(await sendFile(form(server, who), 'theirs/a', whole, 3)), 'does not exist')
    }
  }
  const get = async (path: string, headers = {}) =>
    (await server.ask(`GET /dxl${path}`, headers)).status
  t.equal(await get('/files/mine/formB'), 401)
  t.equal(await get('/files/mine/formB', as.all), 200)
  t.equal(await get('/files/mine/formB', as.adder), 403)
  t.equal(await get('/files/theirs', as.adder), 404)
  t.equal(await get('/uploads/chosen'), 401)
  t.equal((await server.ask('DELETE /dxl/uploads/chosen')).status, 401)
  t.equal((await server.ask(`POST /dxl${TOPIC}`)).status, 401)
})

test('an id that a client chose is its own', async t => {
  const { server, as } = await start(t, { one: ALL, two: ALL })
  const [one, two] = [formB(server, as.one), formB(server, as.two)]
  t.equal((await one.send(FIRST, 'abc')).json.segments_received, 1)
  t.equal((await server.ask('GET /dxl/uploads/chosen', as.two)).status, 404)
  const next = { segment_number: '2', file_id: 'chosen', ...storeFields('loot', 'abcd') }
  t.match(await two.send(next, 'd'), { status: 409 })
  t.equal((await two.send({ ...FIRST, result: 'cancel' })).json.segments_received, 0)
  t.equal((await two.send(FIRST, 'xyz')).json.segments_received, 1)
  t.match((await one.send(next, 'd')).json, { result: 'store' })
  t.equal((await server.ask('GET /dxl/files/loot', as.one)).text, 'abcd')
})

test('nobody waits for a stranger who sends under the same id', async t => {
  const { server, as } = await start(t, { one: ALL, two: ALL })
  const slow = await server.connect()
  const query = new URLSearchParams(FIRST)
  slow.head(`POST /dxl${TOPIC}?${query}`, {
    ...as.two,
    'Content-Length': 100,
    Expect: '100-continue',
  })
  t.equal((await slow.response()).status, 100)
  t.equal((await formB(server, as.one).send(FIRST, 'abc')).json.segments_received, 1)
  slow.cut()
})

test('over MQTT: the key of a common name, for as long as there is one', async t => {
  const { connect, authority, server, as, rewrite } = await start(t, {
    root: ALL,
    sensors: { scopes: ['create'], prefix: 'sensors/', certificate: 'sensor 1' },
  })
  const whole = Buffer.from('hello')
  const of = async (name: string) => overMqtt(await connect({}, authority.issue(name)))
  const [sensor, stranger] = [await of('sensor 1'), await of('sensor 2')]
  const last = (answers: Awaited<ReturnType<typeof sendFile>>) => answers.at(-1)
  t.match(last(await sendFile(sensor, 'sensors/a', whole, 3))?.json, { result: 'store' })
  t.equal((await server.ask('GET /dxl/files/sensors/a', as.root)).text, 'hello')
  t.match(last(await sendFile(sensor, 'theirs', whole, 3))?.error, 'does not exist')
  t.match(last(await sendFile(sensor, 'sensors/a', whole, 3))?.error, 'a precondition failed')
  const unknown = 'no key is for this certificate'
  t.match(last(await sendFile(stranger, 'sensors/b', whole, 3))?.error, unknown)
  t.match(
    last(await sendFile(await of('root'), 'b', whole, 3))?.error,
    unknown,
    "nor by a key's name",
  )
  await rewrite({ root: ALL })
  t.match(last(await sendFile(sensor, 'sensors/c', whole, 3))?.error, unknown)
})
