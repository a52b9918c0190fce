/**
 * OpenDXL file transfer over MQTT (dxl.md §7): what DXL's clients connect to, unmodified. A TLS listener that only certificates
 * of one CA get past, a broker behind it, and the store as the only service on it.
 */

import type { AddressInfo, Socket } from 'node:net'
import { createServer, type Server } from 'node:tls'
import type { Access } from '../../engine/access.ts'
import type { Budget } from '../../engine/budget.ts'
import type { Log } from '../../engine/ports.ts'
import { errorTo, responseTo, unavailable } from './answer.ts'
import { Broker, type Question } from './broker.ts'
import { type Door, messageLimit } from './door.ts'
import { answerRequest, decodedOrIgnored, NO_KEY } from './message-service.ts'
import { type GateLimits, PacketGate } from './packet-gate.ts'
import { type TlsCredentials, worksWithOldTls } from './tls-credentials.ts'

export interface MqttSettings {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  readonly credentials: TlsCredentials
  /** The engine, as far as it is open to whoever has this common name certified; undefined for nobody that is known. */
  readonly accessOf: (commonName: string) => Access | undefined
  /** Silence allowed within a message, in ms. */
  readonly idleMs: number
  readonly budget: Budget
  readonly log: Log
}

/** Services tell a broker of themselves before they are asked; all it takes is to be told that it is well (§5.5). */
const REGISTRY = [
  '/mcafee/service/dxl/svcregistry/register',
  '/mcafee/service/dxl/svcregistry/unregister',
]
const MOST_CONNECTIONS = 1024
const HANDSHAKE_MS = 30_000
/** TCP's own question whether the other end is still there: between messages MQTT need not ask for half an hour (§5.4). */
const KEEP_ALIVE_MS = 60_000
const PATIENCE_MS = 10_000
/** A topic beside the message, at its longest. */
const TOPIC_BYTES = 64 * 1024

export class MqttDoor {
  readonly #server: Server
  readonly #broker: Broker
  readonly #settings: MqttSettings
  readonly #sockets = new Set<Socket>()

  static async open(door: Door, settings: MqttSettings): Promise<MqttDoor> {
    const broker = await Broker.open(asked => serve(door, settings, asked), settings.log)
    return new MqttDoor(door, settings, broker)
  }

  private constructor(door: Door, settings: MqttSettings, broker: Broker) {
    const { credentials, budget, idleMs, log } = settings
    this.#settings = settings
    this.#broker = broker
    const packetBytes = messageLimit(door) + TOPIC_BYTES
    const limits: GateLimits = { budget, packetBytes, idleMs, patienceMs: PATIENCE_MS }
    // Node's own versions and ciphers: clients are old (§7.1).
    const server = createServer({
      ...credentials,
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: HANDSHAKE_MS,
    })
    server.maxConnections = MOST_CONNECTIONS
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('secureConnection', socket => {
      socket.setKeepAlive(true, KEEP_ALIVE_MS)
      broker.accept(new PacketGate(socket, limits))
    })
    // Clients time a broker by a connection that they close at once.
    server.on('tlsClientError', ({ message }) => log.debug({ message }, 'no TLS connection'))
    this.#server = server
    if (!worksWithOldTls(credentials)) {
      log.warn({}, 'the certificate for MQTT has no RSA key: clients need TLS 1.3')
    }
  }

  async listen(): Promise<void> {
    const { host, port, log } = this.#settings
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', error => log.error({ err: error }, 'the MQTT listener failed'))
        resolve()
      })
    })
    log.info({ port: this.port }, 'listening for MQTT')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Takes nothing more; what is at work is answered, and everybody sent away. */
  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    await this.#broker.close()
    // Those who had not said who they are.
    const isOver = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, 500)
    await closed
    clearTimeout(isOver)
  }
}

/** Where there is nobody to answer, nothing is: silence is what a fabric has for it, too. */
async function serve(
  door: Door,
  { accessOf, log }: MqttSettings,
  { topic, message: bytes, replyTo, commonName }: Question,
): Promise<Buffer | undefined> {
  const message = decodedOrIgnored(bytes, log)
  if (message?.type !== 'request') return undefined
  if (message.replyTo !== replyTo) {
    log.debug({}, 'a request whose answer would go to somebody else')
    return undefined
  }
  if (REGISTRY.includes(topic)) return responseTo(message, Buffer.alloc(0))
  if (!door.topics.includes(topic)) return unavailable(message)
  // Asked for each message: rights are taken away while connections last.
  const engine = accessOf(commonName)
  if (engine === undefined) return errorTo(message, 0, NO_KEY)
  const onMistake = (error: unknown) => log.error({ err: error }, 'a segment failed')
  return answerRequest({ door, engine, onMistake }, message)
}
