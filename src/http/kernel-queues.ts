/**
 * What the kernel holds of each connection that its other end has not acknowledged (Linux only; nowhere else is it known).
 *
 * Node hears from a socket again only after a good part of the kernel's buffer has left, which may be a megabyte and more: for
 * a reader of a few KiB per second that is minutes of what looks like silence, and is not.
 */

import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'

const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6']

/** Number, local address, remote address, state, bytes not acknowledged. */
const ROW = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]{8}):/

/** By ports alone: where two clients have the same one, both move when one does. */
export type KernelQueues = ReadonlyMap<string, string>

export async function readKernelQueues(): Promise<KernelQueues> {
  const queues = new Map<string, string>()
  for (const table of TABLES) {
    // Another system, or no such protocol: what Node says has to do.
    const rows = await readFile(table, 'latin1').catch(() => '')
    for (const row of rows.split('\n')) {
      const [, local = '', remote = '', queued] = ROW.exec(row) ?? []
      if (queued === undefined) continue
      const key = keyOf(Number.parseInt(local, 16), Number.parseInt(remote, 16))
      queues.set(key, `${queues.get(key) ?? ''} ${queued}`)
    }
  }
  return queues
}

export function queueOf(queues: KernelQueues, { localPort, remotePort }: Socket): string {
  return queues.get(keyOf(localPort, remotePort)) ?? ''
}

function keyOf(local: number | undefined, remote: number | undefined): string {
  return `${local} ${remote}`
}
