/** What a scene plays on: the program, a proxy with its committed configuration before it, and a client before that, over TLS. */

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, ServerProcess } from '../support/server-process.ts'
import { UploadClient } from '../support/upload-client.ts'
import { type Certificate, FrontProxy, type ProxyName } from './proxy.ts'

export const MIB = 1024 * 1024
/** What has not happened by then never will. */
const PATIENCE_MS = 30_000

export interface Stage {
  readonly server: ServerProcess
  readonly proxy: FrontProxy
  readonly certificate: Certificate
  /** Through the proxy. */
  readonly client: UploadClient
  /** Past it: what the proxy must not have changed. */
  readonly direct: UploadClient
  /** Bytes of blobs in the data directory. */
  stored(): number
  expect(what: string, holds: boolean, found?: unknown): void
}

export interface Setting {
  readonly proxy: ProxyName
  readonly certificate: Certificate
  readonly env?: Readonly<Record<string, string>>
  readonly expect: Stage['expect']
}

export async function play(
  { proxy: name, certificate, env, expect }: Setting,
  scene: (stage: Stage) => Promise<void>,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-data-'))
  const server = new ServerProcess(await freePort(), {
    dataDir,
    env: {
      TIDEMARK_TRUST_PROXY: '127.0.0.1',
      TIDEMARK_LOG_LEVEL: 'warn',
      ...env,
    },
  })
  const proxy = await FrontProxy.start(name, server.port, certificate)
  const client = new UploadClient(proxy.url)
  const direct = new UploadClient(server.url)
  const stored = () => bytesBelow(join(dataDir, 'blobs'))
  try {
    await server.start()
    await scene({ server, proxy, certificate, client, direct, stored, expect })
  } finally {
    client.close()
    direct.close()
    await proxy.stop()
    await server.kill()
    rmSync(dataDir, { recursive: true })
  }
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}

/** Rejects, saying what did not happen. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !(await holds()); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`not so: ${what}`)
  }
}
