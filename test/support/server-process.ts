/**
 * The program as people run it: `node src/main.ts` in a process of its own, on a loopback port that stays the same over
 * restarts, over a data directory that outlives it. For tests that kill it, or that want to see it refuse to start.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const START_UP_MS = 30_000
const ASK_EVERY_MS = 15
/** Outside the range that the system takes from for outgoing connections: one of them could sit on a killed server's port. */
const PORTS = { from: 12_000, to: 32_000 }
/** Of the output of all lives; a campaign of kills writes a lot of log. */
const OUTPUT_KEPT = 4 * 1024 * 1024

export interface ServerOptions {
  readonly dataDir: string
  /** Further TIDEMARK_* settings. */
  readonly env?: Readonly<Record<string, string>>
  /** A command to run the program under, such as strace with its arguments. Signals go to the command. */
  readonly wrapper?: readonly string[]
}

export interface Exit {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export class ServerProcess {
  readonly port: number
  readonly url: string
  readonly #options: ServerOptions
  #child: ChildProcessByStdio<null, Readable, Readable> | undefined
  #output = ''

  constructor(port: number, options: ServerOptions) {
    this.port = port
    this.url = `http://127.0.0.1:${port}`
    this.#options = options
  }

  /** What the program has written to stdout and stderr over all its lives, the last 4 MiB of it. */
  get output(): string {
    return this.#output
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** False once it has exited, for whatever reason. */
  get isRunning(): boolean {
    const child = this.#child
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** Starts it on the same port and data, and waits until it answers. */
  async start(): Promise<void> {
    this.launch()
    const deadline = Date.now() + START_UP_MS
    while (!(await this.#answers())) {
      if (!this.isRunning || Date.now() > deadline) {
        throw new Error(`the server did not start:\n${this.#output.slice(-8000)}`)
      }
      await sleep(ASK_EVERY_MS)
    }
  }

  /** Starts it and waits for nothing. */
  launch(): void {
    const child = spawnProgram(this.port, this.#options)
    this.#child = child
    const collect = (text: Buffer) => {
      this.#output = (this.#output + text).slice(-OUTPUT_KEPT)
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
  }

  /** kill −9, now: nothing is said to anybody. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** SIGTERM; answers the exit code (null where a signal ended it). */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM')
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child
    if (child === undefined) return null
    if (this.isRunning) {
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    }
    return child.exitCode
  }

  async #answers(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/-/livez`)
      await response.arrayBuffer()
      return response.ok
    } catch {
      return false
    }
  }
}

/** A started server that the test's end kills. */
export async function startServer(t: Test, options: ServerOptions): Promise<ServerProcess> {
  const server = new ServerProcess(await freePort(), options)
  t.teardown(() => server.kill())
  await server.start()
  return server
}

/** The program with settings that should end it by itself. One that runs on is killed, and that is an error. */
export async function runToExit(options: ServerOptions, port?: number): Promise<Exit> {
  const child = spawnProgram(port ?? (await freePort()), options)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', text => {
    stdout += text
  })
  child.stderr.on('data', text => {
    stderr += text
  })
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, START_UP_MS)
  await once(child, 'close')
  clearTimeout(timer)
  if (isLate) throw new Error(`the program did not exit:\n${stdout}${stderr}`)
  return { code: child.exitCode, stdout, stderr }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from))
    const probe = createServer().listen(port, '127.0.0.1')
    const isFree = await once(probe, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
}

function spawnProgram(port: number, { dataDir, env, wrapper = [] }: ServerOptions) {
  const [command = process.execPath, ...args] = [...wrapper, process.execPath, MAIN]
  return spawn(command, args, {
    env: {
      PATH: process.env['PATH'] ?? '',
      TIDEMARK_PORT: String(port),
      TIDEMARK_DATA_DIR: dataDir,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
