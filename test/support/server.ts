/**
 * A real server for tests: real adapters in the test's own directory, a real socket on a free port, a clock that the test
 * sets, and every line it logs.
 */

import { createCipheriv, createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buildApp, type Surroundings } from '../../src/app.ts'
import { type Config, loadConfig } from '../../src/config.ts'
import { Conversation, type Response } from './conversation.ts'
import { ResponseWatch } from './openapi/watch.ts'

/** The part of tap's `t` that is needed here. */
export interface Test {
  testdir(): string
  teardown(handler: () => unknown): void
}

type Headers = Readonly<Record<string, string | number>>
type RunningApp = Awaited<ReturnType<typeof buildApp>>

export class TestServer {
  /** Milliseconds that the server's clock is ahead of the real one. */
  ahead = 0
  readonly log: string[] = []
  /** Every answer is held against openapi.yaml. */
  readonly watch = new ResponseWatch()
  readonly directory: string
  readonly #settings: Partial<Config>
  readonly #surroundings: Surroundings
  #app: RunningApp | undefined
  #kept: Conversation | undefined

  constructor(directory: string, settings: Partial<Config>, surroundings: Surroundings) {
    this.directory = directory
    this.#settings = settings
    this.#surroundings = surroundings
  }

  async start(): Promise<void> {
    const config = loadConfig({
      TIDEMARK_DATA_DIR: join(this.directory, 'data'),
      TIDEMARK_PORT: '0',
      TIDEMARK_BUCKETS: 'bkt',
      TIDEMARK_LOG_LEVEL: 'trace',
    })
    this.#app = await buildApp(
      { ...config, ...this.#settings },
      {
        clock: () => Date.now() + this.ahead,
        logStream: { write: line => this.log.push(line) },
        lingerMs: 2000,
        ...this.#surroundings,
      },
    )
    this.watch.watch(this.#app.server.server)
    await this.#app.server.listen({ host: '127.0.0.1', port: 0 })
  }

  /** Ends as SIGTERM ends the program. */
  async stop(): Promise<void> {
    this.#kept?.close()
    this.#kept = undefined
    await this.#app?.server.close()
    this.#app = undefined
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  get app(): RunningApp {
    if (this.#app === undefined) throw new Error('not started')
    return this.#app
  }

  get port(): number {
    return (this.app.server.server.address() as AddressInfo).port
  }

  get base(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** A new connection. */
  connect(): Promise<Conversation> {
    return Conversation.open(this.port)
  }

  /**
   * One request and its response, on a connection that is kept alive from request to request: one that the server leaves in a
   * bad state makes the next request fail. `target` may be a whole URL.
   */
  async ask(
    requestLine: string,
    headers: Headers = {},
    body?: string | Uint8Array,
  ): Promise<Response> {
    const [method = '', target = ''] = requestLine.split(' ')
    const path = target.replace(/^https?:\/\/[^/]+/, '')
    if (this.#kept === undefined || this.#kept.isEnded) this.#kept = await this.connect()
    const kept = this.#kept
    const hasBody = body !== undefined || method === 'POST' || method === 'PUT'
    const length = hasBody ? { 'Content-Length': Buffer.byteLength(body ?? '') } : {}
    kept.head(`${method} ${path}`, { ...length, ...headers })
    if (body !== undefined && body.length > 0) kept.send(body)
    const response = await kept.response(method === 'HEAD')
    if (response.headers['connection'] === 'close') {
      this.#kept = undefined
      kept.close()
    }
    return response
  }
}

export async function startServer(
  t: Test,
  settings: Partial<Config> = {},
  surroundings: Surroundings = {},
): Promise<TestServer> {
  const server = new TestServer(t.testdir(), settings, surroundings)
  t.teardown(async () => {
    await server.stop()
    const { problems } = server.watch
    if (problems.size > 0) throw new Error(`not as in openapi.yaml:\n${[...problems].join('\n')}`)
  })
  await server.start()
  return server
}

/** Bytes that look random, and are the same for the same seed. */
export function sampleBytes(length: number, seed = 'sample'): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length))
}
