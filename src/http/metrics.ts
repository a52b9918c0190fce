/**
 * `/-/metrics`, for Prometheus, and the counting of answers by the door that gave them.
 */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Engine } from '../engine/engine.ts'
import type { DoorName } from '../engine/ports.ts'
import type { Entrance } from '../metrics/instruments.ts'
import type { Metrics } from '../metrics/metrics.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whose route it is; see `asDoor`. */
    door?: DoorName
  }
}

export function serveMetrics(app: FastifyInstance, metrics: Metrics, engine: Engine): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/-/metrics',
    config: { access: 'operator' },
    handler: async (_request, reply) =>
      reply.type(metrics.contentType).send(await metrics.exposition(() => engine.measure())),
  })
}

/** Whatever routes are added to this plugin from now on are this door's. */
export function asDoor(app: FastifyInstance, door: DoorName): FastifyInstance {
  app.addHook('onRoute', route => {
    route.config = { ...route.config, door }
  })
  return app
}

/** Whose answer it is. What has a route, but no door, is the server's own. */
export function entranceOf({ is404, routeOptions }: FastifyRequest): Entrance {
  return routeOptions.config.door ?? (is404 ? 'none' : 'operations')
}
