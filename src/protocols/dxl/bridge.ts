/**
 * The store as a service on somebody else's broker (dxl.md §7.2): a real DXL fabric's, or a plain MQTT one's. The bridge
 * connects as a client, subscribes to the topics, and tells the fabric of itself (§5.5); a plain broker does not answer that,
 * and it works all the same.
 *
 * Who asks is unknown here: the broker's own rules say who may. Requests that come faster than they are stored are left in the
 * broker's connection.
 */

import { randomUUID } from 'node:crypto'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import type { Access } from '../../engine/access.ts'
import type { Budget } from '../../engine/budget.ts'
import type { Log } from '../../engine/ports.ts'
import { errorTo, OVERLOADED } from './answer.ts'
import { type Door, SERVICE_TYPE } from './door.ts'
import { type DxlRequest, encodeMessage } from './message.ts'
import { answerRequest, decodedOrIgnored, NO_KEY } from './message-service.ts'
import { commonNameOf, type TlsCredentials } from './tls-credentials.ts'

export interface BridgeSettings {
  /** `mqtts://host:port`. */
  readonly url: string
  readonly credentials: TlsCredentials
  /** What is open to a certificate: here the bridge's own, for nobody else's is seen. Undefined without a key. */
  readonly accessOf: (commonName: string) => Access | undefined
  readonly budget: Budget
  readonly log: Log
  /** Between two attempts to connect, in ms. */
  readonly retryMs?: number
}

const REGISTER = '/mcafee/service/dxl/svcregistry/register'
const UNREGISTER = '/mcafee/service/dxl/svcregistry/unregister'
const TTL_MINUTES = 60
const MOST_MESSAGES = 64
const PATIENCE_MS = 10_000

export class Bridge {
  readonly #door: Door
  readonly #settings: BridgeSettings
  readonly #id = `{${randomUUID()}}`
  readonly #serviceId = `{${randomUUID()}}`
  readonly #commonName: string
  readonly #atWork = new Set<Promise<void>>()
  #client: MqttClient | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosing = false

  constructor(door: Door, settings: BridgeSettings) {
    this.#door = door
    this.#settings = settings
    this.#commonName = commonNameOf(settings.credentials)
  }

  /** Begins to connect, and goes on trying: a broker that is not there is no reason not to serve HTTP. */
  async listen(): Promise<void> {
    const { url, credentials, log, retryMs = 1000 } = this.#settings
    const options: IClientOptions & { checkServerIdentity: () => undefined } = {
      ...credentials,
      clientId: this.#id,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: retryMs,
      // As DXL's own clients: brokers are known by their CA, not by a name.
      checkServerIdentity: () => undefined,
    }
    const client = connect(url, options)
    this.#client = client
    client.handleMessage = ({ topic, payload }, done) => {
      void this.#take(topic, Buffer.from(payload as Buffer)).then(() => done())
    }
    // The subscription first: who hears of the service may ask at once. mqtt.js renews it after a break.
    client.on('connect', () => {
      log.info({}, 'connected to the broker')
      client.subscribe([...this.#door.topics, this.#replyTo], { qos: 0 }, error => {
        if (error) log.error({ err: error }, 'cannot subscribe')
        else this.#register()
      })
    })
    client.on('close', () => log.debug({}, 'not connected to the broker'))
    client.on('error', error => log.warn({ err: error }, 'the broker cannot be reached'))
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#timer)
    while (this.#atWork.size > 0) await Promise.all(this.#atWork)
    const client = this.#client
    if (client?.connected === true) {
      this.#send(client, UNREGISTER, { serviceGuid: this.#serviceId })
    }
    await client?.endAsync(client.connected !== true)
  }

  get #replyTo(): string {
    return `/mcafee/client/${this.#id}`
  }

  /** Resolves when the next message may come. */
  async #take(topic: string, bytes: Buffer): Promise<void> {
    const request = this.#requestOf(topic, bytes)
    if (request === undefined || this.#isClosing) return
    while (this.#atWork.size >= MOST_MESSAGES) await Promise.race(this.#atWork)
    const work = this.#answer(request, bytes.length)
    this.#atWork.add(work)
    void work.finally(() => this.#atWork.delete(work))
  }

  async #answer(request: DxlRequest, length: number): Promise<void> {
    const { budget, log } = this.#settings
    const share = budget.join()
    try {
      const answer = (await share.claim(length, PATIENCE_MS))
        ? await this.#ask(request)
        : errorTo(request, OVERLOADED, 'too much is being received')
      await this.#client?.publishAsync(request.replyTo, answer, { qos: 0 })
    } catch (error) {
      log.debug({ err: error }, 'an answer could not be sent')
    } finally {
      share.leave()
    }
  }

  async #ask(request: DxlRequest): Promise<Buffer> {
    const { accessOf, log } = this.#settings
    const engine = accessOf(this.#commonName)
    if (engine === undefined) return errorTo(request, 0, NO_KEY)
    const onMistake = (error: unknown) => log.error({ err: error }, 'a segment failed')
    const service = { door: this.#door, engine, serviceId: this.#serviceId, onMistake }
    return answerRequest(service, request)
  }

  /** Undefined for what is no request of the store, or could not be answered to one client. */
  #requestOf(topic: string, bytes: Buffer): DxlRequest | undefined {
    const { log } = this.#settings
    const message = decodedOrIgnored(bytes, log)
    if (message?.type === 'error') log.warn({ message: message.errorMessage }, 'the fabric refuses')
    if (message?.type !== 'request' || !this.#door.topics.includes(topic)) return undefined
    return /^\/mcafee\/client\/[^+#]+$/.test(message.replyTo) ? message : undefined
  }

  #register(): void {
    const register = () => {
      if (this.#client === undefined) return
      this.#send(this.#client, REGISTER, {
        serviceType: SERVICE_TYPE,
        metaData: {},
        requestChannels: this.#door.topics,
        ttlMins: TTL_MINUTES,
        serviceGuid: this.#serviceId,
      })
    }
    clearInterval(this.#timer)
    this.#timer = setInterval(register, TTL_MINUTES * 60_000).unref()
    register()
  }

  #send(client: MqttClient, topic: string, payload: object): void {
    const message = encodeMessage({
      version: 2,
      type: 'request',
      messageId: `{${randomUUID()}}`,
      sourceClientId: '',
      sourceBrokerId: '',
      brokerIds: [],
      clientIds: [],
      payload: Buffer.from(JSON.stringify(payload)),
      replyTo: this.#replyTo,
      serviceId: '',
      otherFields: new Map(),
      sourceTenant: '',
      destinationTenants: [],
    })
    client.publish(topic, message, { qos: 0 })
  }
}
