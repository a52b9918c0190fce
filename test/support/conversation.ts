/**
 * One TCP connection to a server, spoken byte by byte: for tests about what is really on the wire. Reads one response at a
 * time, interim ones (100) included; nothing here retries, follows or hides anything.
 */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectSecurely, TLSSocket } from 'node:tls'

export interface Response {
  readonly status: number
  readonly phrase: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly text: string
  /** The body, parsed. */
  json(): Json
}

// biome-ignore lint/suspicious/noExplicitAny: what a test reads out of an answer it also asserts.
export type Json = any

export class Conversation {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #isEnded = false
  #wake: () => void = () => {}

  static async open(port: number): Promise<Conversation> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    await once(socket, 'connect')
    return new Conversation(socket)
  }

  /** By TLS; what this process trusts counts. */
  static async openSecure(port: number): Promise<Conversation> {
    const socket = connectSecurely({ port, host: '127.0.0.1', servername: 'localhost' })
    socket.setNoDelay()
    await once(socket, 'secureConnect')
    return new Conversation(socket)
  }

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#wake()
    })
    const end = () => {
      this.#isEnded = true
      this.#wake()
    }
    socket.on('end', end).on('close', end).on('error', end)
  }

  /** True once the server ended the connection. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  send(...pieces: readonly (string | Uint8Array)[]): this {
    if (this.socket.destroyed) return this
    for (const piece of pieces) this.socket.write(piece)
    return this
  }

  /** Request line and headers; `Host` is added. */
  head(requestLine: string, headers: Readonly<Record<string, string | number>> = {}): this {
    const lines = Object.entries({ Host: this.host, ...headers }).map(
      ([name, v]) => `${name}: ${v}`,
    )
    return this.send(`${requestLine} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
  }

  get host(): string {
    return `127.0.0.1:${this.socket.remotePort}`
  }

  /** The next response; rejects when the server ends the connection before it is complete. */
  async response(isHead = false): Promise<Response> {
    const headEnd = await this.#find('\r\n\r\n')
    const [statusLine = '', ...lines] = this.#take(headEnd + 4)
      .toString('latin1')
      .trimEnd()
      .split('\r\n')
    const [, status, phrase = ''] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(statusLine) ?? []
    const headers: Record<string, string> = {}
    for (const line of lines) {
      const colon = line.indexOf(':')
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
    }
    const code = Number(status)
    const isBare = isHead || code < 200 || code === 204 || code === 304
    const body = isBare ? Buffer.alloc(0) : await this.#body(headers)
    const text = body.toString('utf8')
    return { status: code, phrase, headers, body, text, json: () => JSON.parse(text) as Json }
  }

  /** Resolves when the server has ended the connection. */
  async ended(): Promise<void> {
    while (!this.#isEnded) await this.#more()
  }

  /** What came that nobody asked for. */
  get unread(): string {
    return this.#received.toString('latin1')
  }

  /** Gone without a goodbye, as a broken network leaves it: the server sees a reset, or TLS that ends without saying so. */
  cut(): void {
    if (this.socket instanceof TLSSocket) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  /** Gone the ordinary way. */
  close(): void {
    this.socket.destroy()
  }

  async #body(headers: Readonly<Record<string, string>>): Promise<Buffer> {
    if (headers['transfer-encoding'] === 'chunked') return this.#chunks()
    const length = Number(headers['content-length'])
    const pieces: Buffer[] = []
    for (let left = length; left > 0; ) {
      if (this.#received.length === 0) await this.#moreOrFail()
      const piece = this.#take(Math.min(left, this.#received.length))
      pieces.push(piece)
      left -= piece.length
    }
    return Buffer.concat(pieces)
  }

  async #chunks(): Promise<Buffer> {
    const chunks: Buffer[] = []
    for (;;) {
      const line = this.#take((await this.#find('\r\n')) + 2).toString('latin1')
      const length = Number.parseInt(line, 16)
      while (this.#received.length < length + 2) await this.#moreOrFail()
      chunks.push(this.#take(length))
      this.#take(2)
      if (length === 0) return Buffer.concat(chunks)
    }
  }

  async #find(mark: string): Promise<number> {
    for (;;) {
      const at = this.#received.indexOf(mark)
      if (at >= 0) return at
      await this.#moreOrFail()
    }
  }

  #take(length: number): Buffer {
    const taken = this.#received.subarray(0, length)
    this.#received = this.#received.subarray(length)
    return taken
  }

  async #moreOrFail(): Promise<void> {
    if (this.#isEnded) throw new Error(`connection ended; unread: ${JSON.stringify(this.unread)}`)
    await this.#more()
  }

  #more(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}
