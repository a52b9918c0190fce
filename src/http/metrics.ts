/**
 * `/-/metrics`, for Prometheus, and the counting of answers by the door that gave them.
 */

import type { FastifyInstance } from 'fastify'
import type { Engine } from '../engine/engine.ts'
import type { DoorName } from '../engine/ports.ts'
import type { Entrance } from '../metrics/instruments.ts'
import type { Metrics } from '../metrics/metrics.ts'

export function serveMetrics(app: FastifyInstance, metrics: Metrics, engine: Engine): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/-/metrics',
    config: { access: 'operator' },
    handler: async (_request, reply) =>
      reply.type(metrics.contentType).send(await metrics.exposition(() => engine.measure())),
  })
}

/** Doors whose routes are below their own name; what is left is Google's. */
const OWN_TREES: readonly DoorName[] = ['ucloud', 'gws', 'dxl', 'tus', 'ietf']
/** First segments of routes that are no door's name. */
const OTHER_TREES: Readonly<Record<string, DoorName>> = { api: 'ucloud', _: 'gws' }

/** Whose a route is, by its pattern. */
export function entranceOf(pattern: string | undefined): Entrance {
  if (pattern === undefined) return 'none'
  const [, first] = pattern.split('/', 2)
  if (first === '-') return 'operations'
  return OWN_TREES.find(door => door === first) ?? OTHER_TREES[first ?? ''] ?? 'google'
}
