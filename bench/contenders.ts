/**
 * The servers, each as data: how it is started in a directory of its own, which protocol the load client speaks to it,
 * and where what it stored is found.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DriverName } from './load/drivers.ts'
import { NGINX, nginxConfig } from './nginx.ts'
import type { Command } from './server-process.ts'
import { fileStore, objectStore, type Store } from './stored.ts'

export type ContenderName =
  | 'sink'
  | 'nginx'
  | 'nginx, 1 MiB buffer'
  | 'bare node'
  | 'tidemark, md5 off'
  | 'tidemark, md5 on'
  | '@tus/server'
  | '@uploadx/core'

export type Group = 'bulk' | 'small' | 'many'

/** How an upload is sent: created first and its data after, or all in the creating request. */
export type Shape = 'session' | 'one request'

export interface Contender {
  readonly name: ContenderName
  readonly driver: DriverName
  /** What its protocol has. */
  readonly shapes: readonly Shape[]
  /** `directory` exists and holds an empty `data`. */
  readonly command: (directory: string, port: number) => Command
  /** Absent: it is measured in all. */
  readonly groups?: readonly Group[]
  /** Absent: it stores nothing. */
  readonly store?: (directory: string, port: number) => Store
}

export const contenders: readonly Contender[] = [
  { name: 'sink', driver: 'plain', shapes: ['one request'], command: peer('sink.mjs') },
  nginx('nginx', '16k'),
  // With small bodies the buffer changes nothing.
  { ...nginx('nginx, 1 MiB buffer', '1m'), groups: ['bulk', 'many'] },
  {
    name: 'bare node',
    driver: 'append',
    shapes: ['one request'],
    command: peer('bare.mjs'),
    store: filesIn,
  },
  tidemark('tidemark, md5 off', { TIDEMARK_MD5: 'off' }),
  tidemark('tidemark, md5 on', { TIDEMARK_MD5: 'on' }),
  {
    name: '@tus/server',
    driver: 'tus',
    shapes: ['session', 'one request'],
    command: peer('tus.mjs'),
    store: filesIn,
  },
  {
    name: '@uploadx/core',
    driver: 'uploadx',
    shapes: ['session'],
    command: peer('uploadx.mjs'),
    store: filesIn,
  },
]

/** As Debian ships it, the reference; and with the one setting that lets it show what native code can do here. */
function nginx(name: ContenderName, bodyBuffer: string): Contender {
  return {
    name,
    driver: 'plain',
    shapes: ['one request'],
    command(directory, port) {
      const config = join(directory, 'nginx.conf')
      writeFileSync(config, nginxConfig({ directory, port, bodyBuffer }))
      return { file: NGINX, args: ['-p', directory, '-e', 'error.log', '-c', config] }
    },
    store: filesIn,
  }
}

/** All settings but md5 are the defaults. */
function tidemark(name: ContenderName, env: Readonly<Record<string, string>>): Contender {
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
  return {
    name,
    driver: 'tidemark',
    shapes: ['session', 'one request'],
    command: (directory, port) => ({
      file: process.execPath,
      args: [main],
      env: { ...env, TIDEMARK_PORT: String(port), TIDEMARK_DATA_DIR: join(directory, 'data') },
    }),
    store: (_directory, port) => objectStore(`http://127.0.0.1:${port}/storage/v1/b/uploads/o`),
  }
}

function peer(script: string): Contender['command'] {
  const path = fileURLToPath(new URL(`peers/${script}`, import.meta.url))
  return (directory, port) => ({
    file: process.execPath,
    args: [path, String(port), join(directory, 'data')],
    env: { NODE_ENV: 'production' },
  })
}

function filesIn(directory: string): Store {
  return fileStore(join(directory, 'data'))
}
