/**
 * An MQTT broker with one service behind it (dxl.md §7.1): clients ask, the service answers, and no client ever reaches
 * another one. What is not needed for that is off: wills, retained messages, QoS 2, sessions that outlive a connection.
 *
 * Requests are taken where the broker asks whether they may be published. How many of one client are at work, and what memory
 * they have, is the gate's (packet-gate.ts).
 */

import type { EventEmitter } from 'node:events'
import { Aedes, type AuthorizeSubscribeHandler, type Client, type PreConnectHandler } from 'aedes'
import type { Log } from '../../engine/ports.ts'
import { PacketGate } from './packet-gate.ts'

export interface Question {
  readonly topic: string
  readonly message: Buffer
  /** The only topic that an answer may go to. */
  readonly replyTo: string
  /** Of the certificate of whoever asks. */
  readonly commonName: string
}

/** Answers a message; undefined where there is nothing to say. */
export type Service = (question: Question) => Promise<Buffer | undefined>

/** Real ids are UUIDs in braces, 38 characters. A wildcard in one would make its answers everybody's. */
const CLIENT_ID = /^[A-Za-z0-9{}._-]{0,64}$/

export class Broker {
  readonly #aedes: Aedes
  readonly #service: Service
  readonly #log: Log
  readonly #atWork = new Set<Promise<void>>()
  #isClosing = false

  static async open(service: Service, log: Log): Promise<Broker> {
    const broker = new Broker(service, log)
    await broker.#aedes.listen()
    return broker
  }

  private constructor(service: Service, log: Log) {
    this.#service = service
    this.#log = log
    this.#aedes = new Aedes({
      // MQTT 3.1 has 23 characters at most, and DXL's JavaScript client is one of those with 38 (§5.4).
      maxClientsIdLength: 64,
      preConnect: bare,
      authorizeSubscribe: onlyOwnAnswers,
      authorizePublish: (client, packet, done) => {
        if (client === null || packet.qos === 2) return done(new Error('QoS 2 is off'))
        packet.retain = false
        const payload = Buffer.from(packet.payload)
        const work = this.#serve(client, packet.topic, payload).then(
          () => done(null),
          error => done(error as Error),
        )
        this.#atWork.add(work)
        void work.finally(() => this.#atWork.delete(work))
      },
      // What a client publishes reaches nobody; answers are not published but sent (see #serve).
      authorizeForward: (_client, packet) => ('clientId' in packet ? null : packet),
    })
    const quietly = (what: string) => (_client: unknown, error: Error) =>
      log.debug({ err: error }, what)
    this.#aedes.on('clientError', quietly('a client failed'))
    this.#aedes.on('connectionError', quietly('a connection failed'))
    const emitter: EventEmitter = this.#aedes
    emitter.on('error', error => log.error({ err: error }, 'the broker failed'))
  }

  /** Takes a connection over. */
  accept(gate: PacketGate): void {
    this.#aedes.handle(gate)
  }

  /** Nothing more is taken; resolves when what is at work is answered and everybody is sent away. */
  async close(): Promise<void> {
    this.#isClosing = true
    while (this.#atWork.size > 0) await Promise.all(this.#atWork)
    await new Promise<void>(resolve => this.#aedes.close(() => resolve()))
  }

  async #serve(client: Client, topic: string, message: Buffer): Promise<void> {
    const gate = client.conn instanceof PacketGate ? client.conn : undefined
    const place = gate?.nextPlace()
    try {
      if (this.#isClosing) throw new Error('the broker is closing')
      const replyTo = replyTopicOf(client)
      const { commonName = '' } = gate ?? {}
      const payload = await this.#service({ topic, message, replyTo, commonName })
      if (payload === undefined || client.closed) return
      // Straight to the one who asked, whose subscription may still be on its way.
      await new Promise<void>(resolve => {
        const answer = {
          cmd: 'publish',
          topic: replyTo,
          payload,
          qos: 0,
          retain: false,
          dup: false,
        }
        client.publish(answer as Parameters<Client['publish']>[0], () => resolve())
      })
    } catch (error) {
      this.#log.debug({ err: error }, 'a request was not answered')
      throw error
    } finally {
      place?.leave()
    }
  }
}

/** Nothing that has to be kept for later. */
const bare: PreConnectHandler = (_client, packet, done) => {
  if (!CLIENT_ID.test(packet.clientId)) return done(new Error('no such client id'), false)
  delete packet.will
  packet.clean = true
  done(null, true)
}

const onlyOwnAnswers: AuthorizeSubscribeHandler = (client, subscription, done) => {
  done(null, subscription.topic === replyTopicOf(client) ? subscription : null)
}

function replyTopicOf({ id }: Pick<Client, 'id'>): string {
  return `/mcafee/client/${id}`
}
