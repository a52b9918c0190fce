/**
 * Between a client's TLS connection and the broker: MQTT packets pass one after the other, and only those that fit.
 *
 * The broker collects a packet whole, up to the 256 MiB that MQTT allows, before anyone is asked about it. So the gate reads
 * the length that each packet begins with. One over the limit ends the connection. One that carries a message is held back, as
 * TCP tells its sender, until few enough before it are at work (the broker itself starts whatever comes) and the server's budget
 * has memory for it (design P6). Nothing else in a packet is looked at.
 */

import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Budget } from '../../engine/budget.ts'

export interface GateLimits {
  readonly budget: Budget
  /** Most bytes in a packet that carries a message. */
  readonly packetBytes: number
  /** How long a packet may wait for memory, in ms. */
  readonly patienceMs: number
  /** Silence allowed within a packet, in ms (design P8). Between packets the client's keep-alive counts. */
  readonly idleMs: number
}

/** A message's place: `leave` when it is done with, or will never be. */
export interface Place {
  leave(): void
}

const PUBLISH = 3
/** Messages of one client at a time. Real clients send one and wait. */
const MOST_MESSAGES = 8
/** Packets that carry no message: CONNECT with all that it may hold, subscriptions. */
const OTHER_PACKET_BYTES = 64 * 1024
const LAST_WORDS_MS = 2000
/** A type and flags, then the length in up to four bytes. */
const LONGEST_HEADER = 5

export class PacketGate extends Duplex {
  /** Of the client's certificate. Empty where it has none, or several: then nobody can say which is meant. */
  readonly commonName: string
  readonly #socket: TLSSocket
  readonly #limits: GateLimits
  /** Of messages that the broker has not handed on yet, in order. */
  readonly #coming: Place[] = []
  /** Places that are taken. */
  #messages = 0
  #header: number[] = []
  /** Bytes of the packet that is passing. */
  #left = 0
  #wake: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(socket: TLSSocket, limits: GateLimits) {
    super()
    this.#socket = socket
    this.#limits = limits
    // Types know of one only; a certificate may have several.
    const { CN: name }: { readonly CN?: unknown } = socket.getPeerCertificate().subject ?? {}
    this.commonName = typeof name === 'string' ? name : ''
    socket.on('error', error => this.destroy(error))
    socket.on('close', () => this.destroy())
    void this.#pump()
  }

  /** The place of the message that the broker hands on now. */
  nextPlace(): Place | undefined {
    return this.#coming.shift()
  }

  async #pump(): Promise<void> {
    try {
      for await (const bytes of this.#socket as AsyncIterable<Buffer>) {
        clearTimeout(this.#timer)
        await this.#pass(bytes)
        this.#watch()
      }
      if (!this.destroyed) this.push(null)
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  /** Hands on what belongs to packets that may pass. */
  async #pass(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const from = at
      while (this.#left === 0 && at < bytes.length) {
        const length = this.#readHeader(bytes[at] as number)
        at += 1
        if (length === undefined) continue
        await this.#admit(length)
        if (length === 0) break
      }
      const passing = Math.min(this.#left, bytes.length - at)
      this.#left -= passing
      at += passing
      if (this.destroyed) return
      if (!this.push(bytes.subarray(from, at))) await this.#change()
    }
  }

  /** The length of what follows, once the header is whole. */
  #readHeader(byte: number): number | undefined {
    this.#header.push(byte)
    const [, ...digits] = this.#header
    if (digits.length === 0 || (byte & 0x80) !== 0) {
      if (this.#header.length === LONGEST_HEADER) throw new Error('a packet of no length')
      return undefined
    }
    return digits.reduceRight((length, digit) => length * 128 + (digit & 0x7f), 0)
  }

  async #admit(length: number): Promise<void> {
    const type = (this.#header[0] ?? 0) >> 4
    const { packetBytes } = this.#limits
    this.#header = []
    if (length > (type === PUBLISH ? packetBytes : OTHER_PACKET_BYTES)) {
      throw new Error(`a packet of ${length} bytes`)
    }
    this.#left = length
    if (type === PUBLISH) await this.#takePlace(length)
  }

  async #takePlace(length: number): Promise<void> {
    while (this.#messages >= MOST_MESSAGES && !this.destroyed) await this.#change()
    const { budget, patienceMs } = this.#limits
    const share = budget.join()
    this.#messages += 1
    let isTaken = true
    const leave = () => {
      if (!isTaken) return
      isTaken = false
      share.leave()
      this.#messages -= 1
      this.#awake()
    }
    const isGranted = await share.claim(length, patienceMs)
    if (isGranted && !this.destroyed) {
      this.#coming.push({ leave })
      return
    }
    leave()
    throw new Error('no memory for a message')
  }

  /** Resolves when the broker reads on, or is done with a message. */
  #change(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }

  #awake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  #watch(): void {
    clearTimeout(this.#timer)
    const isWithin = this.#left > 0 || this.#header.length > 0
    if (!isWithin || this.destroyed) return
    const fallsSilent = () => this.destroy(new Error('silence within a packet'))
    this.#timer = setTimeout(fallsSilent, this.#limits.idleMs)
  }

  override _read(): void {
    this.#awake()
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(bytes, done)
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer)
    this.#awake()
    for (const place of this.#coming.splice(0)) place.leave()
    // Whoever is only sent away gets what was written to him first.
    if (error === null) this.#socket.destroySoon()
    else this.#socket.destroy()
    const last = setTimeout(() => this.#socket.destroy(), LAST_WORDS_MS).unref()
    this.#socket.once('close', () => clearTimeout(last))
    done(error)
  }
}
