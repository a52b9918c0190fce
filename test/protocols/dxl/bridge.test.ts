/** DXL-45, dxl.md §7.2: the store as a service on somebody else's broker, which comes and goes. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:tls'
import { Aedes } from 'aedes'
import tap, { type Test, test } from 'tap'
import type { Config } from '../../../src/config.ts'
import {
  type DxlMessage,
  decodeMessage,
  encodeMessage,
} from '../../../src/protocols/dxl/message.ts'
import { Authority, writeCertified } from '../../support/certificates.ts'
import {
  DXL_CONFIG,
  DxlClient,
  overMqtt,
  requestOf,
  sendFile,
  storeFields,
  TOPIC,
} from '../../support/dxl.ts'
import { read } from '../../support/google.ts'
import { startGuarded } from '../../support/keys.ts'
import { sampleBytes, startServer, type TestServer } from '../../support/server.ts'
import { freePort } from '../../support/server-process.ts'

tap.setTimeout(120_000)

const REGISTRY = '/mcafee/service/dxl/svcregistry'

/** A plain MQTT broker that routes whatever comes, as Mosquitto does. */
class PlainBroker {
  readonly port: number
  readonly authority = new Authority()
  /** What was published, by topic. */
  readonly seen: Array<readonly [topic: string, message: Buffer]> = []
  #aedes: Aedes | undefined
  #server: Server | undefined

  constructor(port: number) {
    this.port = port
  }

  async start(): Promise<void> {
    const aedes = await Aedes.createBroker({ maxClientsIdLength: 64 })
    aedes.on('publish', (packet, client) => {
      if (client !== null) this.seen.push([packet.topic, Buffer.from(packet.payload)])
    })
    const tls = { ...this.authority.issue('broker'), ca: this.authority.cert }
    const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: true })
    server.on('secureConnection', socket => aedes.handle(socket))
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    this.#aedes = aedes
    this.#server = server
  }

  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server?.close()
    this.#aedes?.close(() => resolve())
    await promise
  }

  /** Until somebody has published there so many times. */
  async registrations(count: number, what = 'register'): Promise<DxlMessage[]> {
    for (;;) {
      const found = this.seen.filter(([topic]) => topic === `${REGISTRY}/${what}`)
      if (found.length >= count) return found.map(([, message]) => decodeMessage(message))
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}

type Start = (
  t: Pick<Test, 'testdir' | 'teardown'>,
  settings: Partial<Config>,
) => Promise<TestServer>

async function startBridged(t: Test, start: Start = startServer) {
  const broker = new PlainBroker(await freePort())
  await broker.start()
  t.teardown(() => broker.stop())
  const { authority, port } = broker
  const folder = t.testdir({ tls: {}, server: {} })
  const files = writeCertified(`${folder}/tls`, 'bridge', authority.issue('bridge'))
  const { cert: ca } = writeCertified(`${folder}/tls`, 'ca', { key: '', cert: authority.cert })
  const mqtt = { port: undefined, broker: `mqtts://127.0.0.1:${port}`, ...files, ca }
  const server = await start(
    { testdir: () => `${folder}/server`, teardown: handler => t.teardown(handler) },
    { dxl: { ...DXL_CONFIG, mqtt } },
  )
  await broker.registrations(1)
  const connect = async () => {
    const client = await DxlClient.open(port, authority, authority.issue('client'), {})
    t.teardown(() => client.close())
    return client
  }
  return { broker, server, connect }
}

test('DXL-45: uploads by way of a plain broker, before and after it restarts', async t => {
  const { broker, server, connect } = await startBridged(t)
  const client = await connect()
  const whole = sampleBytes(300_000)
  const answers = await sendFile(overMqtt(client), 'first', whole, 51_200)
  t.match(answers.at(-1)?.json, { segments_received: 6, result: 'store' })
  t.ok((await read(server, 'first')).body.equals(whole))

  const { json } = await overMqtt(client).send({ segment_number: '1' }, 'abc')
  await broker.stop()
  await broker.start()
  await broker.registrations(2)
  const again = overMqtt(await connect())
  const last = { segment_number: '2', file_id: json.file_id, ...storeFields('second', 'abcdef') }
  t.match((await again.send(last, 'def')).json, { segments_received: 2, result: 'store' })
  t.equal((await read(server, 'second')).text, 'abcdef')
})

test('DXL-45: nonsense, and requests that nobody could be answered', async t => {
  const { connect } = await startBridged(t)
  const client = await connect()
  const good = requestOf({ segment_number: '1' })
  const odd = ['', '/mcafee/client/#', '/mcafee/client/+', TOPIC].map(replyTo =>
    encodeMessage({ ...good, replyTo } as DxlMessage),
  )
  for (const bytes of [Buffer.alloc(0), Buffer.from('nonsense'), ...odd]) {
    await client.mqtt.publishAsync(TOPIC, bytes)
  }
  const refused = await overMqtt(client).send({ segment_number: '7' })
  t.match(refused, { errorCode: 0, error: /expected 1, received 7/ })
  t.equal(client.received.length, 1)
})

test('§5.5: a fabric is told of the service, which knows its own id, and of its end', async t => {
  const { broker, server, connect } = await startBridged(t)
  const [registration] = await broker.registrations(1)
  const info = JSON.parse(registration?.payload.toString() ?? '')
  t.match(info, {
    serviceType: '/opendxl-file-transfer/service/file-transfer',
    requestChannels: [TOPIC],
    ttlMins: 60,
    serviceGuid: /^\{[0-9a-f-]{36}\}$/,
  })
  const client = await connect()
  const serviceId = info.serviceGuid
  const asked = { serviceId } as Partial<DxlMessage>
  const mine = await client.ask(TOPIC, { segment_number: '1' }, 'abc', asked)
  t.match(mine, { type: 'response', serviceId })
  const other = await client.ask(TOPIC, { segment_number: '1' }, 'abc', {
    serviceId: '{x}',
  } as object)
  t.match(other, { type: 'error', errorCode: 0x8000_0001 })
  await server.stop()
  const [end] = await broker.registrations(1, 'unregister')
  t.strictSame(JSON.parse(end?.payload.toString() ?? ''), { serviceGuid: serviceId })
})

test('with keys, the bridge may do what the key for its certificate says', async t => {
  for (const certificate of ['bridge', 'somebody else']) {
    const rights = { scopes: ['create'], certificate } as const
    const { connect } = await startBridged(t, async (test, settings) => {
      return (await startGuarded(test, { rights }, settings)).server
    })
    const answer = await overMqtt(await connect()).send({ segment_number: '1' }, 'abc')
    if (certificate === 'bridge') t.match(answer.json, { segments_received: 1 })
    else t.match(answer, { errorCode: 0, error: 'no key is for this certificate' })
  }
})

test('a broker that is not there keeps nobody from HTTP', async t => {
  const { broker, server } = await startBridged(t)
  await broker.stop()
  await server.restart()
  t.equal((await server.ask('GET /-/livez')).status, 200)
  await broker.start()
  await broker.registrations(2)
})
