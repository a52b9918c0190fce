/** Getting hold of strace, and running the server under it. */

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort, ServerProcess } from '../support/server-process.ts'
import { type Call, parseTrace } from './trace.ts'

const run = promisify(execFile)

const CALLS = [
  ...['openat', 'mkdir', 'mkdirat', 'write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'],
  ...['fsync', 'fdatasync', 'sendto', 'sendmsg'],
]
const LOG_ENDS_MS = 20_000

/** Installs strace where it is missing and can be had. Answers why there is none, or undefined. */
export async function whyNoStrace(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `strace is Linux's, this is ${process.platform}`
  try {
    await run('strace', ['--version'])
  } catch {
    try {
      await run('apt-get', ['update', '-q'])
      await run('apt-get', ['install', '-y', '-q', 'strace'])
    } catch (error) {
      return `strace is not installed, and apt-get could not install it: ${reason(error)}`
    }
  }
  try {
    // A sandbox may forbid tracing.
    await run('strace', ['-o', '/dev/null', 'true'])
    return undefined
  } catch (error) {
    return `strace cannot trace here: ${reason(error)}`
  }
}

export interface TracedServer {
  readonly server: ServerProcess
  /** Ends the server, with kill −9, and answers what it did. */
  calls(): Promise<Call[]>
}

export async function traceServer(
  dataDir: string,
  logFile: string,
  env: Readonly<Record<string, string>> = {},
): Promise<TracedServer> {
  const server = new ServerProcess(await freePort(), {
    dataDir,
    // libuv would use io_uring for files where it is told to: those calls strace does not see.
    env: { TIDEMARK_LOG_LEVEL: 'warn', TIDEMARK_RESERVE: '64MiB', UV_USE_IO_URING: '0', ...env },
    // -D: the server, not strace, is our child. -yy: whose descriptors they are, peers included.
    wrapper: [
      'strace',
      '-D',
      '-f',
      '-tt',
      '-yy',
      '-s',
      '96',
      '-e',
      `trace=${CALLS}`,
      '-o',
      logFile,
    ],
  })
  await server.start()
  const { pid } = server
  const calls = async () => {
    await server.kill()
    const end = new RegExp(`^${pid} .*\\+\\+\\+ killed`, 'm')
    for (const deadline = Date.now() + LOG_ENDS_MS; Date.now() < deadline; await sleep(50)) {
      const log = await readFile(logFile, 'latin1')
      if (end.test(log)) return parseTrace(log)
    }
    throw new Error(`strace did not finish ${logFile}`)
  }
  return { server, calls }
}

function reason(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}
