/**
 * The HTTP layer without an engine: what src/http promises every door, on a real socket.
 */

import type { AddressInfo } from 'node:net'
import { fastify, type RouteHandlerMethod } from 'fastify'
import { answerUnparsable, routeExpectations, serverOptions } from '../../src/http/connection.ts'
import { answerEarly } from '../../src/http/early-answer.ts'
import { handOverRawBodies } from '../../src/http/raw-body.ts'
import { answerTheRest, routerOptions, routingUrl } from '../../src/http/routing.ts'
import { Conversation } from './conversation.ts'
import type { Test } from './server.ts'

/** Every request goes to `handler`. */
export async function serveBare(
  t: Test,
  handler: RouteHandlerMethod,
  { lingerMs = 2000 } = {},
): Promise<{ connect(): Promise<Conversation> }> {
  const app = fastify({
    http: serverOptions,
    rewriteUrl: routingUrl,
    routerOptions,
    forceCloseConnections: true,
    clientErrorHandler: (error, socket) => answerUnparsable(app.log, error, socket),
  })
  routeExpectations(app.server)
  answerEarly(app, { lingerMs })
  handOverRawBodies(app)
  answerTheRest(app)
  app.all('/*', handler)
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { connect: () => Conversation.open(port) }
}
