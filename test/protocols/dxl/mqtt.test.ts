/** dxl.md §7: the broker, with raw clients that do what real ones do, and what they never would. */

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import tap, { type Test, test } from 'tap'
import { encodeMessage } from '../../../src/protocols/dxl/message.ts'
import { Authority, type Certified } from '../../support/certificates.ts'
import {
  answerOf,
  type DxlClient,
  type DxlServer,
  overMqtt,
  requestOf,
  sendFile,
  startDxl,
  storeFields,
  TOPIC,
} from '../../support/dxl.ts'
import { read } from '../../support/google.ts'
import { sampleBytes } from '../../support/server.ts'

// Many servers, certificates and syncs.
tap.setTimeout(120_000)

async function works(t: Test, { server, connect }: DxlServer): Promise<void> {
  const client = await connect()
  const name = randomUUID()
  const answers = await sendFile(overMqtt(client), name, sampleBytes(1000), 400)
  t.match(answers.at(-1)?.json, { segments_received: 3, result: 'store' })
  t.ok((await read(server, name)).body.equals(sampleBytes(1000)))
}

/** An error may come before it. */
function closing({ mqtt }: DxlClient): Promise<void> {
  return new Promise(resolve => mqtt.once('close', () => resolve()))
}

async function tlsTo(dxl: DxlServer, as?: Certified): Promise<TLSSocket> {
  const { authority, mqttPort: port } = dxl
  const certified = as ?? authority.issue('client')
  const options = { port, host: '127.0.0.1', ca: authority.cert, ...certified }
  const socket = connectTls({ ...options, checkServerIdentity: () => undefined })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

test('DXL-37: only certificates of the CA get in; probes and garbage are nothing', async t => {
  const dxl = await startDxl(t)
  const stranger = new Authority()
  await t.rejects(dxl.connect({}, stranger.issue('client')))
  await t.rejects(dxl.connect({}, { key: '', cert: '' }))
  const { mqttPort: port } = dxl
  const probe = connectTcp(port, '127.0.0.1')
  await once(probe, 'connect')
  probe.destroy()
  const garbage = connectTcp(port, '127.0.0.1')
  garbage.on('error', () => {})
  garbage.write('GET / HTTP/1.1\r\n\r\n')
  await once(garbage, 'close')
  for (const bytes of [
    '',
    'ffffffffff',
    '00',
    '3000',
    '10ffffff7f',
    '101000064d514973647003020000',
    '8200',
  ]) {
    const socket = await tlsTo(dxl)
    socket.end(Buffer.from(bytes, 'hex'))
    await once(socket.resume(), 'close')
  }
  await works(t, dxl)
})

test('DXL-39: what comes back is a message of the old form on the reply topic', async t => {
  const dxl = await startDxl(t)
  const client = await dxl.connect()
  const got = new Promise<readonly [string, Buffer]>(resolve => {
    client.mqtt.on('message', (topic, payload) => resolve([topic, payload]))
  })
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  await client.ask(TOPIC, { segment_number: '1', ...storeFields('f', every) }, every)
  const [topic, payload] = await got
  t.equal(topic, client.replyTo)
  t.match(payload.subarray(0, 6).toString('hex'), '0201da00267b')
  t.ok((await read(dxl.server, 'f')).body.equals(every))
})

test('DXL-40: a client that knows only TLS 1.2 with AES128-SHA256', async t => {
  const dxl = await startDxl(t)
  const old = { maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2', ciphers: 'AES128-SHA256' } as const
  const client = await dxl.connect(old)
  const answers = await sendFile(overMqtt(client), 'old', sampleBytes(100_000), 51_200)
  t.match(answers.at(-1)?.json, { result: 'store' })
  const mqtt31 = await dxl.connect({ protocolId: 'MQIsdp', protocolVersion: 3 })
  t.match((await sendFile(overMqtt(mqtt31), 'older', sampleBytes(10), 9)).at(-1)?.json, {
    result: 'store',
  })
})

test('DXL-41: no client reaches another one', async t => {
  const dxl = await startDxl(t)
  const [victim, other] = [await dxl.connect(), await dxl.connect()]
  const wanted = [victim.replyTo, '/mcafee/client/#', '/mcafee/client/+', '#', TOPIC, '$SYS/#']
  for (const topic of wanted) {
    const granted = await other.mqtt.subscribeAsync(topic).catch((error: Error) => error)
    t.match(JSON.stringify(granted), /128|Unspecified|error/i, topic)
  }
  // A message put on somebody's reply topic does not get there, and an answer never goes to one that is not the asker's.
  const forged = encodeMessage(requestOf({ segment_number: '1' }))
  await other.mqtt.publishAsync(victim.replyTo, forged, { qos: 1 })
  for (const replyTo of [victim.replyTo, '', TOPIC, '/mcafee/client/#']) {
    const foreign = { ...requestOf({ segment_number: '1' }), replyTo } as typeof MESSAGE
    await other.mqtt.publishAsync(TOPIC, encodeMessage(foreign), { qos: 1 })
  }
  await other.ask(TOPIC, { result: 'cancel', file_id: 'x' })
  await victim.ask(TOPIC, { result: 'cancel', file_id: 'x' })
  t.equal(other.received.length, 1)
  t.equal(victim.received.length, 1)
  // An id that is a wildcard would be a subscription to all of them.
  for (const clientId of ['+', '#', 'a/b', `{${'x'.repeat(80)}}`, 'ü']) {
    await t.rejects(dxl.connect({ clientId }), clientId)
  }
  await works(t, dxl)
})

const MESSAGE = requestOf({ segment_number: '1' })

test('DXL-42, 43: other topics, and the registry', async t => {
  const dxl = await startDxl(t)
  const client = await dxl.connect()
  const nobody = await client.ask('/some/other/service', { segment_number: '1' })
  t.match(nobody, { type: 'error', errorCode: 0x8000_0001, errorMessage: /unable to locate/ })
  const mine = await client.ask(TOPIC, { segment_number: '1' }, '', { serviceId: '{x}' } as object)
  t.match(mine, { type: 'error', errorCode: 0x8000_0001, serviceId: '{x}' })
  for (const what of ['register', 'unregister']) {
    const topic = `/mcafee/service/dxl/svcregistry/${what}`
    const answer = await client.ask(topic, {}, '{"serviceType":"/x"}')
    t.match(answer, { type: 'response', payload: Buffer.alloc(0) })
  }
})

test('DXL-44: the store says no, and the cancel that follows is fine', async t => {
  const dxl = await startDxl(t)
  const client = await dxl.connect()
  const way = overMqtt(client)
  const { json } = await way.send({ segment_number: '1' }, 'abc')
  const { file_id } = json
  const wrong = { segment_number: '2', file_id, ...storeFields('f', 'other') }
  t.match(await way.send(wrong, 'def'), {
    errorCode: 0,
    error: /^the file has 6 bytes, not 5; the file's sha256 is/,
  })
  const cancelled = await way.send({ result: 'cancel', file_id, name: 'f' })
  t.match(cancelled.json, { result: 'cancel', segments_received: 0 })
})

test('what no message is, is ignored', async t => {
  const dxl = await startDxl(t)
  const client = await dxl.connect()
  const response = { ...MESSAGE, type: 'response', requestId: '', serviceId: '' } as const
  const good = encodeMessage(MESSAGE)
  const odd = [
    Buffer.alloc(0),
    Buffer.from('nonsense'),
    good.subarray(0, 40),
    encodeMessage(response),
  ]
  for (const bytes of odd) await client.mqtt.publishAsync(TOPIC, bytes, { qos: 1 })
  t.match((await client.ask(TOPIC, { result: 'cancel', file_id: 'x' })).type, 'response')
  t.equal(client.received.length, 1)
})

test('wills, retained messages and kept sessions are off; QoS 2 ends the connection', async t => {
  const dxl = await startDxl(t)
  const will = { topic: TOPIC, payload: encodeMessage(MESSAGE), qos: 0, retain: true } as const
  const clientId = `{${randomUUID()}}`
  const client = await dxl.connect({ clientId, will, clean: false })
  await client.mqtt.publishAsync(client.replyTo, good(client), { qos: 1, retain: true })
  client.mqtt.stream.destroy()
  const again = await dxl.connect({ clientId, clean: false })
  await again.ask(TOPIC, { result: 'cancel', file_id: 'x' })
  t.equal(again.received.length, 1, 'nothing was kept for it')
  const closed = closing(again)
  again.mqtt.publish(TOPIC, good(again), { qos: 2 }, () => {})
  await closed
  await works(t, dxl)
})

function good({ replyTo }: DxlClient): Buffer {
  return encodeMessage({ ...MESSAGE, replyTo } as typeof MESSAGE)
}

test('many segments without waiting, of many clients: each in its order, and memory for all', async t => {
  // Room for three messages at a time.
  const dxl = await startDxl(t, { bufferBytes: 8 * 1024 ** 2 })
  const whole = sampleBytes(40 * 200_000)
  const clients = await Promise.all(Array.from({ length: 4 }, () => dxl.connect()))
  await Promise.all(
    clients.map(async (client, index) => {
      const file_id = `file-${index}`
      const answers = Array.from({ length: 40 }, (_, at) => {
        const last = at === 39 ? storeFields(file_id, whole) : {}
        const fields = { segment_number: String(at + 1), file_id, ...last }
        return client.ask(TOPIC, fields, whole.subarray(at * 200_000, (at + 1) * 200_000))
      })
      for (const [at, answer] of (await Promise.all(answers)).entries()) {
        t.match(answerOf(answer).json, { segments_received: at + 1 })
      }
    }),
  )
  for (const index of clients.keys()) {
    t.ok((await read(dxl.server, `file-${index}`)).body.equals(whole))
  }
})

test('DXL-26: a packet that no message needs ends its connection, and nothing else', async t => {
  const dxl = await startDxl(t)
  const client = await dxl.connect()
  const other = await dxl.connect()
  const closed = closing(client)
  client.mqtt.publish(TOPIC, Buffer.alloc(4 * 1024 ** 2))
  await closed
  // As an announcement alone: 256 MiB to come.
  const socket = await tlsTo(dxl)
  socket.write(Buffer.from('30ffffff7f', 'hex'))
  await once(socket.resume(), 'close')
  t.match((await other.ask(TOPIC, { result: 'cancel', file_id: 'x' })).type, 'response')
})

test('P8: silence within a message ends the connection, between messages it does not', async t => {
  const dxl = await startDxl(t, { bodyIdleMs: 300 })
  const patient = await dxl.connect()
  const client = await dxl.connect()
  const closed = closing(client)
  client.mqtt.stream.write(Buffer.from('30ffff0300', 'hex'))
  await closed
  t.match((await patient.ask(TOPIC, { result: 'cancel', file_id: 'x' })).type, 'response')
})

test('P11: the end answers what is at work, then sends everybody away', async t => {
  const dxl = await startDxl(t)
  const client = await dxl.connect()
  const socket = connectTcp(dxl.mqttPort, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  const { json } = await overMqtt(client).send({ segment_number: '1' }, 'abc')
  const closed = closing(client)
  const asked = client.ask(
    TOPIC,
    { segment_number: '2', file_id: json.file_id },
    sampleBytes(500_000),
  )
  await new Promise(resolve => setTimeout(resolve, 5))
  await dxl.server.stop()
  await closed
  const answer = await Promise.race([asked, Promise.resolve(undefined)])
  await dxl.server.start()
  const next = await overMqtt(await dxl.connect()).send(
    { segment_number: '3', file_id: json.file_id },
    'x',
  )
  // It was taken and answered, or refused, or never begun. What was said is true after the next start.
  const isTaken = answer?.type === 'response'
  if (isTaken) t.match(next.json, { segments_received: 3 })
  else
    t.match(
      next.json ?? next.error,
      next.json ? { segments_received: 3 } : /expected 2, received 3/,
    )
})
