/**
 * The whole server, composed by hand: adapters, engine, HTTP, doors, in the order in which one needs the other. Nothing
 * lives at module level, so two of them can run in one process.
 */

import { statfs } from 'node:fs/promises'
import type { Server } from 'node:http'
import { type FastifyHttpOptions, type FastifyInstance, fastify } from 'fastify'
import { BackupHold } from './catalog/backup-hold.ts'
import { lockDataDirectory } from './catalog/data-directory.ts'
import { SqliteCatalog } from './catalog/sqlite.ts'
import type { OptionalDoor } from './config/doors.ts'
import { DXL_MQTT_FILES } from './config/dxl.ts'
import type { Config } from './config.ts'
import { Access } from './engine/access.ts'
import { Budget } from './engine/budget.ts'
import type { Engine } from './engine/engine.ts'
import { UploadError } from './engine/failure.ts'
import { ObservedEngine } from './engine/observed-engine.ts'
import type { Clock, Hold, Log, Observer } from './engine/ports.ts'
import { EVERYONE } from './engine/principal.ts'
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
import { asDoor, entranceOf, serveMetrics } from './http/metrics.ts'
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
import { Bridge } from './protocols/dxl/bridge.ts'
import type { Door as DxlDoor } from './protocols/dxl/door.ts'
import { dxlHttp } from './protocols/dxl/http.ts'
import { MqttDoor } from './protocols/dxl/mqtt.ts'
import { SegmentStore } from './protocols/dxl/store-segment.ts'
import { readCredentials } from './protocols/dxl/tls-credentials.ts'
import { googleJson } from './protocols/google/json.ts'
import { retryTest } from './protocols/google/retry-test.ts'
import { googleXml } from './protocols/google/xml.ts'
import { gws } from './protocols/gws/gws.ts'
import type { Drives } from './protocols/ucloud/drive-path.ts'
import { ucloud } from './protocols/ucloud/ucloud.ts'
import { defaultReserve } from './storage/disk/free-space.ts'
import { DiskStorage } from './storage/disk.ts'

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
    const isOpen = (door: OptionalDoor) => config.doors.includes(door)
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
    if (isOpen('gws')) {
      await server.register(async door =>
        gws(asDoor(door, 'gws'), { settings: config.gws, frames, base }),
      )
    }
    await server.register(async door => googleJson(asDoor(door, 'google'), google))
    if (isOpen('ucloud')) {
      const { provider } = config.ucloud
      const parts = { base, frames, provider, drives: drivesOf(config) }
      await server.register(async door => ucloud(asDoor(door, 'ucloud'), parts))
    }
    await server.register(async door => googleXml(asDoor(door, 'google'), google))
    if (isOpen('dxl')) {
      const dxl = { frames, store: new SegmentStore(config.dxl.bucket), ...config.dxl }
      await server.register(async door => dxlHttp(asDoor(door, 'dxl'), dxl))
      for (const listener of await openMqtt(config, dxl, engine, keys, budget, server.log)) {
        listeners.push(listener)
        server.addHook('onReady', () => listener.listen())
      }
    }
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

/** OpenDXL over MQTT: the server's own broker, somebody else's, or none. */
async function openMqtt(
  config: Config,
  door: DxlDoor,
  engine: Engine,
  keys: KeyRing | undefined,
  budget: Budget,
  log: Log,
): Promise<ReadonlyArray<MqttDoor | Bridge>> {
  const { mqtt } = config.dxl
  if (mqtt === undefined) return []
  // A certificate of the CA is what its clients have instead of a token.
  const accessOf = (commonName: string): Access | undefined => {
    const principal = keys === undefined ? EVERYONE : keys.findByCertificate(commonName)
    return principal && new Access(engine, principal)
  }
  const { port, broker } = mqtt
  const { host, bodyIdleMs: idleMs } = config
  const credentials = await readCredentials(mqtt, DXL_MQTT_FILES)
  const parts = { credentials, accessOf, budget, log }
  const own = port !== undefined && (await MqttDoor.open(door, { ...parts, host, port, idleMs }))
  const bridge = broker !== undefined && new Bridge(door, { ...parts, url: broker })
  return [...(own ? [own] : []), ...(bridge ? [bridge] : [])]
}

interface EngineSurroundings {
  readonly config: Config
  readonly directory: string
  readonly hold: Hold
  readonly budget: Budget
  readonly log: Log
  readonly observer: Observer
  readonly clock: Clock
  readonly onFatal: (error: Error) => void
}

async function openEngine(surroundings: EngineSurroundings): Promise<Engine> {
  const { config, directory, clock } = surroundings
  const reserveBytes = config.reserveBytes ?? (await reserveOf(directory))
  const parts = { ...surroundings, durability: config.durability, reserveBytes }
  const catalog = await SqliteCatalog.open(parts)
  const storage = await DiskStorage.open(parts).catch(async (error: unknown) => {
    await catalog.close()
    throw error
  })
  return new ObservedEngine({
    ...parts,
    storage,
    catalog,
    uptime: uptimeBy(clock),
    settings: config,
  })
}

/** The system's clock may be set; how long this server runs is told by one that cannot, unless a test sets the time. */
function uptimeBy(clock: Clock): () => number {
  const now = clock === Date.now ? () => performance.now() : clock
  const startedAt = now()
  return () => now() - startedAt
}

/** The catalog's ballast and the uploads' reserve go by one figure. */
async function reserveOf(directory: string): Promise<number> {
  const { blocks, bsize } = await statfs(directory)
  return defaultReserve(blocks * bsize)
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

/** Those that are asked for, and those that a door puts its files into. */
function bucketsOf(config: Config): Set<string> {
  const { buckets, doors, gws } = config
  const drives = doors.includes('ucloud') ? Object.values(drivesOf(config)) : []
  const uploads = doors.includes('gws') ? [gws.bucket] : []
  return new Set([...buckets, ...drives.map(({ bucket }) => bucket), ...uploads])
}

/** UCloud's; without a word about them there is one, for a newcomer's first upload. */
function drivesOf({ buckets: [bucket], ucloud }: Config): Drives {
  const only: Drives = bucket === undefined ? {} : { 1: { bucket, prefix: '' } }
  return ucloud.drives ?? only
}

async function createBuckets(engine: Engine, names: Iterable<string>): Promise<void> {
  for (const name of names) {
    await engine.buckets.create(name).catch((error: unknown) => {
      if (error instanceof UploadError && error.failure.code === 'bucket_exists') return
      throw error
    })
  }
}
