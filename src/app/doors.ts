/**
 * Every door, hung into the server in an order a reader can see: routes that could be taken for a bucket's come before
 * Google's XML API, which takes every path that is left.
 */

import type { FastifyInstance } from 'fastify'
import type { OptionalDoor } from '../config/doors.ts'
import { DXL_MQTT_FILES } from '../config/dxl.ts'
import type { Config } from '../config.ts'
import { Access } from '../engine/access.ts'
import type { Budget } from '../engine/budget.ts'
import type { Engine } from '../engine/engine.ts'
import type { DoorName, Log } from '../engine/ports.ts'
import { EVERYONE } from '../engine/principal.ts'
import type { BaseUrl } from '../http/base-url.ts'
import type { FramedBodies } from '../http/framed-body.ts'
import { asDoor } from '../http/metrics.ts'
import type { Listener } from '../http/shutdown.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { Bridge } from '../protocols/dxl/bridge.ts'
import type { Door as DxlDoor } from '../protocols/dxl/door.ts'
import { dxlHttp } from '../protocols/dxl/http.ts'
import { MqttDoor } from '../protocols/dxl/mqtt.ts'
import { SegmentStore } from '../protocols/dxl/store-segment.ts'
import { readCredentials } from '../protocols/dxl/tls-credentials.ts'
import { googleJson } from '../protocols/google/json.ts'
import { googleXml } from '../protocols/google/xml.ts'
import { gws } from '../protocols/gws/gws.ts'
import type { Drives } from '../protocols/ucloud/drive-path.ts'
import { ucloud } from '../protocols/ucloud/ucloud.ts'

/** What doors stand on. */
export interface Ground {
  readonly config: Config
  readonly engine: Engine
  readonly keys: KeyRing | undefined
  readonly budget: Budget
  readonly base: BaseUrl
  readonly frames: FramedBodies
  readonly log: Log
  /** What listens beside HTTP is added here, and is closed with the server. */
  readonly listeners: Listener[]
}

export async function openDoors(server: FastifyInstance, ground: Ground): Promise<void> {
  const { config, base, frames, listeners } = ground
  const isOpen = (door: OptionalDoor) => config.doors.includes(door)
  /** In a scope of its own, so that its hooks and its errors are no other's. */
  const open = (name: DoorName, routes: (scope: FastifyInstance) => void) =>
    server.register((scope, _options, done) => {
      routes(asDoor(scope, name))
      done()
    })

  if (isOpen('gws')) {
    await open('gws', scope => gws(scope, { settings: config.gws, frames, base }))
  }
  await open('google', scope => googleJson(scope, { base, frames }))
  if (isOpen('ucloud')) {
    const { provider } = config.ucloud
    const drives = drivesOf(config)
    await open('ucloud', scope => ucloud(scope, { base, frames, provider, drives }))
  }
  await open('google', scope => googleXml(scope, { base, frames }))
  if (isOpen('dxl')) {
    const parts = { frames, store: new SegmentStore(config.dxl.bucket), ...config.dxl }
    await open('dxl', scope => dxlHttp(scope, parts))
    for (const listener of await openMqtt(ground, parts)) {
      listeners.push(listener)
      server.addHook('onReady', () => listener.listen())
    }
  }
}

/** Those that are asked for, and those that a door puts its files into. */
export function bucketsOf(config: Config): Set<string> {
  const { doors, gws, dxl } = config
  const buckets = new Set(config.buckets)
  if (doors.includes('ucloud')) {
    for (const { bucket } of Object.values(drivesOf(config))) buckets.add(bucket)
  }
  if (doors.includes('gws')) buckets.add(gws.bucket)
  if (doors.includes('dxl')) buckets.add(dxl.bucket)
  return buckets
}

/** UCloud's; without a word about them there is one, for a newcomer's first upload. */
function drivesOf({ buckets: [bucket], ucloud }: Config): Drives {
  const only: Drives = bucket === undefined ? {} : { 1: { bucket, prefix: '' } }
  return ucloud.drives ?? only
}

/** OpenDXL over MQTT: the server's own broker, somebody else's, or none. */
async function openMqtt(ground: Ground, door: DxlDoor): Promise<ReadonlyArray<MqttDoor | Bridge>> {
  const { config, engine, keys, budget, log } = ground
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
