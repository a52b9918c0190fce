/**
 * The way out (design P11), hung into Fastify's `close`: no new connections; uploads keep what arrived and are answered;
 * connections end, or are ended when time is up; then storage and catalog close.
 */

import { setTimeout as after } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Engine } from '../engine/engine.ts'

/** Connections get this part of the time there is; storage and catalog close in the rest. */
const CONNECTIONS_SHARE = 0.75

/** What listens beside HTTP. */
export interface Listener {
  /** Takes nothing new; resolves when what it had begun is over and everybody is gone. */
  close(): Promise<void>
}

/** `others` may still be added to until the end begins. */
export function shutDownInOrder(
  app: FastifyInstance,
  engine: Engine,
  drainMs: number,
  others: readonly Listener[] = [],
): void {
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
    const drained = Promise.all([engine.drain(), ...others.map(other => other.close())])
    await Promise.race([drained, isUp])
    app.server.closeIdleConnections()
    await Promise.race([closed, isUp])
    time.abort()
    app.server.closeAllConnections()
  })

  app.addHook('onClose', () => engine.close())
}
