/**
 * The whole server, composed by hand: adapters, engine, HTTP, doors, in the order in which one needs the other. Nothing
 * lives at module level, so two of them can run in one process.
 */

import type { Server } from 'node:http'
import { type FastifyHttpOptions, type FastifyInstance, fastify } from 'fastify'
import { bucketsOf, openDoors } from './app/doors.ts'
import { openEngine } from './app/engine.ts'
import { BackupHold } from './catalog/backup-hold.ts'
import { lockDataDirectory } from './catalog/data-directory.ts'
import type { Config } from './config.ts'
import { Budget } from './engine/budget.ts'
import type { Engine } from './engine/engine.ts'
import { UploadError } from './engine/failure.ts'
import type { Clock } from './engine/ports.ts'
import { authenticate, demandKeys } from './http/authentication.ts'
import { baseUrl } from './http/base-url.ts'
import { limitBodies } from './http/body-slots.ts'
import {
  answerUnparsable,
  boundConnections,
  KEEP_ALIVE_MS,
  routeExpectations,
  serverOptions,
} from './http/connection.ts'
import { serveDocument } from './http/document.ts'
import { answerEarly } from './http/early-answer.ts'
import { FramedBodies } from './http/framed-body.ts'
import { entranceOf, serveMetrics } from './http/metrics.ts'
import { operations } from './http/ops.ts'
import type { Pace } from './http/paced-body.ts'
import { limitRates } from './http/rate-limit.ts'
import { handOverRawBodies } from './http/raw-body.ts'
import { paceBodies } from './http/request-body.ts'
import { logResponses, logSerializers, quietLogController, requestIds } from './http/request-log.ts'
import { answerTheRest, routerOptions, routingUrl } from './http/routing.ts'
import { type Listener, shutDownInOrder } from './http/shutdown.ts'
import { endStalledReaders } from './http/stalled-readers.ts'
import { refuseTransferCodings } from './http/transfer-coding.ts'
import { KeyRing } from './keys/key-ring.ts'
import { Metrics } from './metrics/metrics.ts'
import { retryTest } from './protocols/google/retry-test.ts'

/** What a test or an embedding program may replace. */
export interface Surroundings {
  readonly clock?: Clock
  /** Where log lines go; standard output by default. */
  readonly logStream?: { write(line: string): void }
  /** The catalog cannot be trusted any more: the process should end. */
  readonly onFatal?: (error: Error) => void
  /** How long a refused client may go on sending before its connection is closed. */
  readonly lingerMs?: number
}

export interface App {
  readonly server: FastifyInstance
  readonly engine: Engine
  /** With TIDEMARK_AUTH=keys. */
  readonly keys: KeyRing | undefined
}

/** A server that is ready to listen. Closing `server` closes everything. */
export async function buildApp(config: Config, surroundings: Surroundings = {}): Promise<App> {
  const { clock = Date.now, logStream, onFatal = () => {}, lingerMs = 10_000 } = surroundings
  const options: FastifyHttpOptions<Server> = {
    logger: {
      level: config.logLevel,
      serializers: logSerializers,
      ...(logStream && { stream: logStream }),
    },
    logController: quietLogController(),
    genReqId: requestIds(),
    trustProxy: config.trustProxy,
    http: serverOptions,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    rewriteUrl: routingUrl,
    routerOptions,
    clientErrorHandler: (error, socket) => answerUnparsable(server.log, error, socket),
  }
  const server = fastify(options)

  const directory = lockDataDirectory(config.dataDir)
  server.addHook('onClose', async () => directory.release())
  const hold = new BackupHold(directory.path)
  server.addHook('onClose', async () => hold.close())
  try {
    const budget = new Budget(config.bufferBytes)
    const doors = ['google', ...config.doors] as const
    const metrics = new Metrics({ doors, budget, clock, log: server.log })
    const engine = await openEngine({
      config,
      directory: directory.path,
      hold,
      budget,
      log: server.log,
      observer: metrics,
      clock,
      onFatal: error => {
        server.log.fatal({ err: error }, 'the catalog cannot be trusted any more')
        onFatal(error)
      },
    })
    const listeners: Listener[] = []
    shutDownInOrder(server, engine, config.drainMs, listeners)
    await engine.start()
    await createBuckets(engine, bucketsOf(config))
    const keys = await openKeys(config, server, clock)

    const base = baseUrl(config.publicUrl)
    const frames = new FramedBodies(budget, config.bodyIdleMs)
    const google = { base, frames }
    // Before the hooks that deal with an answer as it is.
    if (config.faults) retryTest(server, google)

    routeExpectations(server.server)
    boundConnections(server.server, server.log)
    logResponses(server, (request, status) => metrics.responded(entranceOf(request), status))
    authenticate(server, engine, keys)
    // Before early answers, behind which nobody else is asked about an answer.
    limitBodies(server, config.maxBodies, metrics)
    answerEarly(server, { lingerMs })
    endStalledReaders(server, config.bodyIdleMs)
    refuseTransferCodings(server)
    handOverRawBodies(server)
    const rates = { requests: config.requestRate, chunks: config.chunkRate }
    await limitRates(server, rates, metrics)
    if (keys !== undefined) demandKeys(server)
    paceBodies(server, minimumPace(config))
    answerTheRest(server)

    operations(server, engine)
    serveDocument(server, { base, trustProxy: config.trustProxy })
    serveMetrics(server, metrics, engine)
    const { log } = server
    await openDoors(server, { config, engine, keys, budget, base, frames, log, listeners })
    return { server, engine, keys }
  } catch (error) {
    await server.close()
    throw error
  }
}

/** A body may begin with as much silence as may be in its middle, and has as long again to make up for it. */
function minimumPace({ minRate, bodyIdleMs }: Config): Pace {
  const graceMs = 2 * bodyIdleMs
  return { bytesPerSecond: minRate, graceMs, creditMs: graceMs }
}

async function openKeys(
  { auth, keysFile }: Config,
  server: FastifyInstance,
  clock: Clock,
): Promise<KeyRing | undefined> {
  if (auth === 'none') return undefined
  const keys = await KeyRing.open({ path: keysFile, clock, log: server.log })
  server.addHook('onClose', () => keys.close())
  return keys
}

async function createBuckets(engine: Engine, names: Iterable<string>): Promise<void> {
  for (const name of names) {
    await engine.buckets.create(name).catch((error: unknown) => {
      if (error instanceof UploadError && error.failure.code === 'bucket_exists') return
      throw error
    })
  }
}
