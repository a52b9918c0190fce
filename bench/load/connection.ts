/**
 * One keep-alive HTTP/1.1 connection over a bare socket. `node:http` would cost the load client more than some of the
 * servers spend; here a request is its head and slices of a block that exists already.
 *
 * It reads only what the measured servers answer: Content-Length, chunked, or no body at all.
 */

import { connect, type Socket } from 'node:net'

export interface Reply {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** Slices handed to the socket at once, as one writev; the next ones follow when the kernel took these. */
const SLICES_AT_ONCE = 4

export class Connection {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #failure: Error | undefined
  /** Called when something happened that a waiting request may have waited for. */
  #wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => {
      this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
      this.#wake()
    })
    socket.on('drain', () => this.#wake())
    socket.on('error', cause => this.#fail(cause))
    socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket))
      })
    })
  }

  /** Send `head` (request line and headers, without the empty line) and the body; resolve with the reply. */
  async request(head: string, body: Iterable<Buffer> = []): Promise<Reply> {
    await this.#send(head, body)
    for (;;) {
      const parsed = parseReply(this.#received)
      if (parsed) {
        this.#received = this.#received.subarray(parsed.length)
        return parsed.reply
      }
      await this.#event()
    }
  }

  close(): void {
    this.#wake = () => {}
    this.#socket.destroy()
  }

  async #send(head: string, body: Iterable<Buffer>): Promise<void> {
    this.#socket.cork()
    this.#socket.write(`${head}\r\n\r\n`, 'latin1')
    let corked = 0
    for (const slice of body) {
      this.#socket.write(slice)
      corked += 1
      if (corked < SLICES_AT_ONCE) continue
      this.#socket.uncork()
      while (this.#socket.writableNeedDrain) await this.#event()
      // Every request here is one that the server ought to accept: an answer before its end is a refusal.
      if (this.#received.length > 0) throw new Error(`early answer: ${firstLine(this.#received)}`)
      this.#socket.cork()
      corked = 0
    }
    this.#socket.uncork()
  }

  #event(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) reject(this.#failure)
      this.#wake = () => (this.#failure ? reject(this.#failure) : resolve())
    })
  }

  #fail(cause: Error): void {
    this.#failure ??= cause
    this.#wake()
  }
}

/** The reply at the start of `received` and how many bytes it takes; undefined while some of it is still to come. */
function parseReply(received: Buffer): { reply: Reply; length: number } | undefined {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [statusLine = '', ...lines] = received.toString('latin1', 0, headEnd).split('\r\n')
  const headers = new Map(lines.map(headerOf))
  const status = Number(statusLine.split(' ')[1])
  const bodyStart = headEnd + 4

  if (headers.get('transfer-encoding') === 'chunked') {
    const chunked = parseChunked(received, bodyStart)
    return chunked && { reply: { status, headers, body: chunked.body }, length: chunked.end }
  }
  const length = Number(headers.get('content-length') ?? 0)
  if (received.length < bodyStart + length) return undefined
  const body = received.subarray(bodyStart, bodyStart + length)
  return { reply: { status, headers, body }, length: bodyStart + length }
}

function parseChunked(received: Buffer, start: number): { body: Buffer; end: number } | undefined {
  const chunks: Buffer[] = []
  for (let at = start; ; ) {
    const lineEnd = received.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const length = Number.parseInt(received.toString('latin1', at, lineEnd), 16)
    const next = lineEnd + 2 + length + 2
    if (received.length < next) return undefined
    if (length === 0) return { body: Buffer.concat(chunks), end: next }
    chunks.push(received.subarray(lineEnd + 2, lineEnd + 2 + length))
    at = next
  }
}

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}

function firstLine(received: Buffer): string {
  return received.toString('latin1', 0, 80).split('\r\n')[0] ?? ''
}
