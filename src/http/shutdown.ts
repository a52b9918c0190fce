/**
 * The way out (design P11), hung into Fastify's `close`: no new connections; uploads keep what arrived and are answered;
 * connections end, or are ended when time is up; then storage and catalog close.
 */

import { setTimeout as after } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Engine } from '../engine/engine.ts'

/** Connections get this part of the time there is; storage and catalog close in the rest. */
const CONNECTIONS_SHARE = 0.75

export function shutDownInOrder(app: FastifyInstance, engine: Engine, drainMs: number): void {
  let isClosing = false

  // Requests on their way when the end began are the last on their connections.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (isClosing) reply.header('connection', 'close')
    done(null, payload)
  })

  app.addHook('preClose', async () => {
    isClosing = true
    const time = new AbortController()
    const isUp = after(drainMs * CONNECTIONS_SHARE, undefined, { signal: time.signal }).catch(
      () => {},
    )
    const closed = new Promise<void>(resolve => app.server.close(() => resolve()))
    await Promise.race([engine.drain(), isUp])
    app.server.closeIdleConnections()
    await Promise.race([closed, isUp])
    time.abort()
    app.server.closeAllConnections()
  })

  app.addHook('onClose', () => engine.close())
}
