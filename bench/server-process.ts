/**
 * One measured server as a process: started on its cores, watched through /proc, ended by its pid.
 *
 * The bench works on Linux only: cores are given by `taskset`, CPU time and peak memory are read from /proc.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endWithBench } from './children.ts'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const START_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 15_000
/** Linux counts CPU time in hundredths of a second, whatever the kernel's own clock. */
const TICKS_PER_SECOND = 100
/** Writing this to clear_refs sets the peak memory back to what is resident now. */
const RESET_PEAK = '5'

export class ServerProcess {
  readonly port: number
  readonly #child: ChildProcess
  readonly #logPath: string

  private constructor(child: ChildProcess, port: number, logPath: string) {
    this.#child = child
    this.port = port
    this.#logPath = logPath
  }

  /** Start the command on `cores`, writing to `log` in `directory`; resolves when it accepts connections. */
  static async start(options: {
    readonly command: (port: number) => Command
    readonly cores: string
    readonly directory: string
  }): Promise<ServerProcess> {
    const port = await freePort()
    const { file, args, env } = options.command(port)
    const logPath = join(options.directory, 'log')
    const log = openSync(logPath, 'w')
    // taskset becomes the server: the pid is the server's own.
    const child = spawn('taskset', ['--cpu-list', options.cores, file, ...args], {
      cwd: options.directory,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    const server = new ServerProcess(child, port, logPath)
    child.once('error', cause => writeFileSync(logPath, String(cause)))
    endWithBench(child)
    await server.#accepting()
    return server
  }

  /** CPU seconds spent until now, by all threads. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8')
    // The name, in parentheses, may contain spaces; utime and stime are fields 14 and 15, the state is field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  }

  resetPeakMemory(): void {
    writeFileSync(`/proc/${this.#child.pid}/clear_refs`, RESET_PEAK)
  }

  /** The most memory that was resident at once since the last reset. */
  peakMemory(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
    return Number(kib) * 1024
  }

  async stop(): Promise<void> {
    if (this.#ended) return
    const exited = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timer)
  }

  /** The end of what the server wrote, for an error message. */
  logTail(): string {
    return readFileSync(this.#logPath, 'utf8').slice(-2000)
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  async #accepting(): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS
    while (!(await accepts(this.port))) {
      if (this.#ended || performance.now() > deadline) {
        await this.stop()
        throw new Error(`the server did not start:\n${this.logTail()}`)
      }
      await sleep(50)
    }
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        address !== null && typeof address === 'object'
          ? resolve(address.port)
          : reject(new Error('no free port')),
      )
    })
  })
}
