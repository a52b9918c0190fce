/**
 * A bad network: a loopback TCP proxy that cuts connections after so many bytes, loses answers, and holds newcomers back
 * while the server behind it restarts. It reads no HTTP. Bytes are counted over all connections, in the direction of the
 * server.
 */

import { once } from 'node:events'
import { createServer, type Socket, connect as tcpConnect } from 'node:net'
import type { Test } from 'tap'

/** `bytes`: the body is cut once so many have passed. `answer`: they all pass, then the server's answer is lost. */
interface Fault {
  readonly kind: 'bytes' | 'answer'
  left: number
  readonly strike: () => void
}

export class CuttingProxy {
  readonly url: string
  /** Bytes that went on to the server. */
  uploaded = 0
  readonly #targetPort: number
  readonly #pairs = new Set<() => void>()
  readonly #waiting: Socket[] = []
  #isHeld = false
  #fault: Fault | undefined

  constructor(url: string, targetPort: number) {
    this.url = url
    this.#targetPort = targetPort
  }

  /** Lets exactly `bytes` more pass to the server, then resets the connection. Resolves when that has happened. */
  cutAfter(bytes: number): Promise<void> {
    return this.#arm('bytes', bytes)
  }

  /** Lets `bytes` more pass, then resets the connection on which the server answers next, without the answer. */
  loseAnswerAfter(bytes: number): Promise<void> {
    return this.#arm('answer', bytes)
  }

  /** Connections made from now on wait, as in the queue of a listening socket. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    for (const client of this.#waiting.splice(0)) this.accept(client)
  }

  close(): void {
    for (const client of this.#waiting.splice(0)) client.destroy()
    for (const cut of this.#pairs) cut()
  }

  accept(client: Socket): void {
    // Either end may go away at any time: that is what the proxy is for.
    client.on('error', () => client.destroy())
    if (this.#isHeld) this.#waiting.push(client)
    else this.#join(client, tcpConnect(this.#targetPort, '127.0.0.1'))
  }

  #arm(kind: Fault['kind'], left: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#fault = { kind, left: Math.floor(left), strike: resolve }
    return promise
  }

  #join(client: Socket, server: Socket): void {
    const cut = () => {
      this.#pairs.delete(cut)
      client.resetAndDestroy()
      server.destroy()
    }
    this.#pairs.add(cut)
    client.on('data', (bytes: Buffer) => this.#send(bytes, client, server, cut))
    server.on('data', (bytes: Buffer) => this.#answer(bytes, client, server, cut))
    client.on('drain', () => server.resume())
    server.on('drain', () => client.resume())
    client.on('end', () => server.end())
    server.on('end', () => client.end())
    client.on('close', cut)
    server.on('error', cut)
  }

  #send(bytes: Buffer, client: Socket, server: Socket, cut: () => void): void {
    const fault = this.#fault
    const passing = fault?.kind === 'bytes' ? bytes.subarray(0, fault.left) : bytes
    this.uploaded += passing.length
    if (!server.write(passing)) client.pause()
    if (fault === undefined) return
    fault.left -= passing.length
    if (fault.kind === 'bytes' && fault.left === 0) this.#strike(fault, cut)
  }

  #answer(bytes: Buffer, client: Socket, server: Socket, cut: () => void): void {
    const fault = this.#fault
    if (fault?.kind === 'answer' && fault.left <= 0) this.#strike(fault, cut)
    else if (!client.write(bytes)) server.pause()
  }

  #strike(fault: Fault, cut: () => void): void {
    this.#fault = undefined
    cut()
    fault.strike()
  }
}

/** A proxy before this port that the test's end closes. */
export async function startProxy(
  t: Pick<Test, 'teardown'>,
  targetPort: number,
): Promise<CuttingProxy> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const proxy = new CuttingProxy(`http://127.0.0.1:${port}`, targetPort)
  server.on('connection', client => proxy.accept(client))
  t.teardown(() => {
    proxy.close()
    server.close()
  })
  return proxy
}
