/**
 * The HTTP layer without an engine: what src/http promises every door, on a real socket.
 */

import type { ServerOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fastify, type RouteHandlerMethod } from 'fastify'
import {
  answerUnparsable,
  boundConnections,
  routeExpectations,
  serverOptions,
} from '../../src/http/connection.ts'
import { answerEarly } from '../../src/http/early-answer.ts'
import { handOverRawBodies } from '../../src/http/raw-body.ts'
import { answerTheRest, routerOptions, routingUrl } from '../../src/http/routing.ts'
import { Conversation } from './conversation.ts'
import type { Test } from './server.ts'

/** Times so short that a test can see them end. */
interface BareOptions {
  readonly lingerMs?: number
  readonly http?: ServerOptions
  readonly keepAliveTimeout?: number
  readonly maxConnections?: number
}

/** Every request goes to `handler`. */
export async function serveBare(
  t: Test,
  handler: RouteHandlerMethod,
  { lingerMs = 2000, http = {}, keepAliveTimeout = 75_000, maxConnections }: BareOptions = {},
): Promise<{ connect(): Promise<Conversation> }> {
  const app = fastify({
    http: { ...serverOptions, ...http },
    keepAliveTimeout,
    rewriteUrl: routingUrl,
    routerOptions,
    forceCloseConnections: true,
    clientErrorHandler: (error, socket) => answerUnparsable(app.log, error, socket),
  })
  routeExpectations(app.server)
  boundConnections(app.server, app.log)
  if (maxConnections !== undefined) app.server.maxConnections = maxConnections
  answerEarly(app, { lingerMs })
  handOverRawBodies(app)
  answerTheRest(app)
  app.all('/*', handler)
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { connect: () => Conversation.open(port) }
}
