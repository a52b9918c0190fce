/**
 * The program: environment, configuration, server, signals. Everything else is in app.ts.
 */

import { setFlagsFromString } from 'node:v8'
import type { FastifyInstance } from 'fastify'
import { buildApp } from './app.ts'
import { loadConfig } from './config.ts'

// Bodies are memory outside a small heap, and by default V8 collects the whole heap for every 27 MiB of them: a third of the time
// of a bulk upload (bench/). Let the heap grow further first, and the short-lived stay where they are cheap to collect.
setFlagsFromString('--semi-space-growth-factor=1')
setFlagsFromString('--heap-growing-percent=1000')

try {
  const config = loadConfig(process.env)

  let server: FastifyInstance | undefined
  let isStopping = false
  const stop = (signal: NodeJS.Signals) => {
    // The second signal does not wait for anyone.
    if (isStopping) process.exit(1)
    // There is no server yet: what this start has done so far, the next one does again.
    if (server === undefined) process.exit(0)
    isStopping = true
    server.log.info({ signal }, 'stopping')
    setTimeout(() => process.exit(0), config.drainMs)
    server.close().then(
      () => process.exit(0),
      error => {
        server?.log.error({ err: error }, 'not stopped in order')
        process.exit(1)
      },
    )
  }
  // First of all: in a container this is process 1, for which the kernel drops a signal that has no handler.
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  const app = await buildApp(config, { onFatal: () => process.exit(1) })
  server = app.server
  // For who does not want to wait until the file of keys is looked at again. Without keys it ends the program, as ever.
  const { keys } = app
  if (keys !== undefined) process.on('SIGHUP', () => void keys.reload())
  await server.listen({
    host: config.host,
    port: config.port,
    listenTextResolver: address => `listening on ${address}`,
  })
} catch (error) {
  // For the operator: what is wrong and where to change it, one mistake a line, no stack.
  const message = error instanceof Error ? error.message : String(error)
  for (const line of message.split('\n')) process.stderr.write(`tidemark: ${line}\n`)
  process.exit(1)
}
