/**
 * Readers that stopped reading (design P8), for all doors: an answer of which nothing has left for TIDEMARK_BODY_IDLE is broken
 * off, because it holds buffers, and of an object the right to its bytes. An answer that waits for us is none of them.
 *
 * One look at all connections now and then, instead of a timer for each answer.
 */

import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { queueOf, readKernelQueues } from './kernel-queues.ts'

/** Looks per idle time. When a reader stops is known to one of them, and so is when its time is up. */
const LOOKS = 8
const LONGEST_PAUSE_MS = 60_000

interface Standing {
  /** Changes with every byte that is written, or acknowledged. */
  readonly mark: string
  readonly since: number
}

export function endStalledReaders(app: FastifyInstance, idleMs: number): void {
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })

  const standings = new WeakMap<Socket, Standing>()
  let isLooking = false
  const look = async () => {
    const waiting = [...sockets].filter(socket => isWaiting(socket))
    if (waiting.length === 0) return
    const queues = await readKernelQueues()
    const now = performance.now()
    for (const socket of waiting) {
      const mark = `${socket.bytesWritten} ${queueOf(queues, socket)}`
      const standing = standings.get(socket)
      if (standing?.mark !== mark) standings.set(socket, { mark, since: now })
      else if (now - standing.since >= idleMs && isWaiting(socket)) end(socket)
    }
  }
  const timer = setInterval(
    () => {
      if (isLooking) return
      isLooking = true
      void look().finally(() => {
        isLooking = false
      })
    },
    Math.min(idleMs / LOOKS, LONGEST_PAUSE_MS),
  )
  timer.unref()
  app.addHook('onClose', async () => clearInterval(timer))

  function end(socket: Socket): void {
    app.log.debug('an answer that nobody reads is broken off')
    // A reset, so that the kernel does not go on keeping what is in its buffers for a reader who may never come back.
    socket.resetAndDestroy()
  }
}

/** Has it more to send than the kernel takes? */
function isWaiting(socket: Socket): boolean {
  return !socket.destroyed && socket.writableLength > 0
}
