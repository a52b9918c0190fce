/**
 * The ways in which a DXL segment reaches the server: bytes over HTTP (form B), a message over HTTP (form A), a message over
 * MQTT with TLS. A conversation that holds for one of them is told to each.
 */

import { hash, randomUUID } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import type { Test } from 'tap'
import type { Config } from '../../src/config.ts'
import { type DxlMessage, decodeMessage, encodeMessage } from '../../src/protocols/dxl/message.ts'
import { Authority, type Certified, writeCertified } from './certificates.ts'
import type { Json } from './conversation.ts'
import { startServer, type TestServer } from './server.ts'
import { freePort } from './server-process.ts'

export const TOPIC = '/opendxl-file-transfer/service/file-transfer/file/store'
export const DXL_CONFIG = {
  topics: [TOPIC],
  bucket: 'bkt',
  segmentLimit: 1024 ** 2,
  mqtt: undefined,
}

export type Fields = Readonly<Record<string, string>>

/** What came back, whichever way: the JSON of a response, or the text of an error. */
export interface Answer {
  /** Only of form B. */
  readonly status?: number
  readonly json?: Json
  readonly error?: string
  readonly errorCode?: number
}

export interface Way {
  readonly name: string
  send(fields: Fields, payload?: string | Buffer): Promise<Answer>
}

/** mqtt.js hands on what it does not know. */
export type ClientOptions = IClientOptions &
  Pick<SecureContextOptions, 'ciphers' | 'minVersion' | 'maxVersion'> & {
    checkServerIdentity?: () => undefined
  }

export interface DxlServer {
  readonly server: TestServer
  readonly ways: readonly Way[]
  readonly mqttPort: number
  readonly authority: Authority
  /** A client's connection to the broker. */
  connect(options?: ClientOptions, certified?: Certified): Promise<DxlClient>
}

/** `settingsIn`: further settings, which may lie in a directory of the test's. */
export async function startDxl(
  t: Test,
  settingsIn: Partial<Config> | ((directory: string) => Partial<Config>) = {},
): Promise<DxlServer> {
  const authority = new Authority()
  const directory = t.testdir({ tls: {}, server: {} })
  const more = typeof settingsIn === 'function' ? settingsIn(directory) : settingsIn
  const files = writeCertified(`${directory}/tls`, 'broker', authority.issue('broker'))
  const ca = writeCertified(`${directory}/tls`, 'ca', { key: '', cert: authority.cert })
  const port = await freePort()
  const mqtt = { port, broker: undefined, ...files, ca: ca.cert }
  const server = await startServer(
    { testdir: () => `${directory}/server`, teardown: handler => t.teardown(handler) },
    { dxl: { ...DXL_CONFIG, mqtt }, ...more },
  )
  const certified = authority.issue('client')
  const open = async (options: ClientOptions = {}, as: Certified = certified) => {
    const client = await DxlClient.open(port, authority, as, options)
    t.teardown(() => client.close())
    return client
  }
  const client = await open({ reconnectPeriod: 20 })
  const ways = [formB(server), formA(server), overMqtt(client)]
  return { server, ways, mqttPort: port, authority, connect: open }
}

export function formB(server: TestServer, headers: Record<string, string> = {}): Way {
  return {
    name: 'form B',
    async send(fields, payload = '') {
      const query = new URLSearchParams(fields)
      const response = await post(server, `${TOPIC}?${query}`, payload, headers)
      const { status } = response
      const json = (await response.json()) as Json
      return status === 200 ? { status, json } : { status, error: json.error_message }
    },
  }
}

export function formA(server: TestServer, headers: Record<string, string> = {}): Way {
  return {
    name: 'form A',
    async send(fields, payload = '') {
      const message = encodeMessage(requestOf(fields, payload))
      const type = { ...headers, 'content-type': 'application/x-dxl-message' }
      const response = await post(server, TOPIC, message, type)
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
      return answerOf(decodeMessage(Buffer.from(await response.arrayBuffer())))
    },
  }
}

function post(
  server: TestServer,
  target: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${server.base}/dxl${target}`, {
    method: 'POST',
    body: Buffer.from(body as string),
    headers,
  })
}

export function overMqtt(client: DxlClient): Way {
  return {
    name: 'MQTT',
    send: async (fields, payload = '') => answerOf(await client.ask(TOPIC, fields, payload)),
  }
}

/** A raw MQTT client that packs as Python's does. */
export class DxlClient {
  readonly id: string
  readonly mqtt: MqttClient
  readonly #waiting = new Map<string, (message: DxlMessage) => void>()
  /** Everything that came. */
  readonly received: DxlMessage[] = []

  static async open(
    port: number,
    authority: Authority,
    { key, cert }: Certified,
    options: ClientOptions,
  ): Promise<DxlClient> {
    const id = `{${randomUUID()}}`
    // Real clients do not compare the broker's name, either (dxl.md §5.4).
    const wanted: ClientOptions = {
      checkServerIdentity: () => undefined,
      protocol: 'mqtts',
      host: '127.0.0.1',
      port,
      clientId: id,
      ca: authority.cert,
      key,
      cert,
      reconnectPeriod: 0,
      ...options,
    }
    const mqtt = connect(wanted)
    const client = new DxlClient(options.clientId ?? id, mqtt)
    const failed = Promise.withResolvers<never>()
    mqtt.once('error', failed.reject)
    mqtt.once('close', () => failed.reject(new Error('the broker closed the connection')))
    const connected = new Promise(resolve => mqtt.once('connect', resolve))
    failed.promise.catch(() => {})
    await Promise.race([connected, failed.promise])
    await mqtt.subscribeAsync(client.replyTo)
    return client
  }

  private constructor(id: string, mqtt: MqttClient) {
    this.id = id
    this.mqtt = mqtt
    mqtt.on('error', () => {})
    mqtt.on('message', (_topic, payload) => {
      const message = decodeMessage(payload)
      this.received.push(message)
      if (message.type !== 'response' && message.type !== 'error') return
      this.#waiting.get(message.requestId)?.(message)
    })
  }

  get replyTo(): string {
    return `/mcafee/client/${this.id}`
  }

  /** Publishes a request and waits for what answers it. */
  ask(
    topic: string,
    fields: Fields,
    payload: string | Buffer = '',
    more: Partial<DxlMessage> = {},
  ) {
    const request = { ...requestOf(fields, payload), replyTo: this.replyTo, ...more } as DxlMessage
    const { promise, resolve } = Promise.withResolvers<DxlMessage>()
    this.#waiting.set(request.messageId, resolve)
    this.mqtt.publish(topic, encodeMessage(request))
    return promise
  }

  async close(): Promise<void> {
    await this.mqtt.endAsync(true)
  }
}

export function requestOf(fields: Fields, payload: string | Buffer = ''): DxlMessage {
  return {
    version: 2,
    type: 'request',
    messageId: `{${randomUUID()}}`,
    sourceClientId: '',
    sourceBrokerId: '',
    brokerIds: [],
    clientIds: [],
    payload: Buffer.from(payload as string),
    replyTo: '/mcafee/client/{none}',
    serviceId: '',
    otherFields: new Map(Object.entries(fields)),
    sourceTenant: '',
    destinationTenants: [],
  }
}

export function answerOf(message: DxlMessage): Answer {
  if (message.type === 'error') return { error: message.errorMessage, errorCode: message.errorCode }
  return { json: JSON.parse(message.payload.toString('utf8')) }
}

/** The fields of a last segment. */
export function storeFields(name: string, whole: string | Buffer, more: Fields = {}): Fields {
  return {
    result: 'store',
    name,
    size: String(Buffer.byteLength(whole)),
    hash_sha256: hash('sha256', whole, 'hex'),
    ...more,
  }
}

/** As FileTransferClient does it: one segment in flight, name and hash with the last. Answers all answers. */
export async function sendFile(
  way: Way,
  name: string,
  whole: Buffer,
  segmentBytes: number,
): Promise<Answer[]> {
  const answers: Answer[] = []
  let id: Fields = {}
  for (let at = 0, number = 1; number === 1 || at < whole.length; number += 1) {
    const end = Math.min(at + segmentBytes, whole.length)
    const last = end === whole.length ? storeFields(name, whole) : {}
    const fields = { segment_number: String(number), ...id, ...last }
    const answer = await way.send(fields, whole.subarray(at, end))
    answers.push(answer)
    if (answer.error !== undefined) break
    id = { file_id: answer.json.file_id }
    at = end
  }
  return answers
}
