/**
 * A server with TIDEMARK_AUTH=keys, and its keys by name.
 */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Surroundings } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'
import { SCOPES } from '../../src/engine/principal.ts'
import { formatKeyFile, type KeyEntry } from '../../src/keys/key-file.ts'
import { hashOfKeyToken, newKeyToken } from '../../src/keys/token.ts'
import { startServer, type Test, type TestServer } from './server.ts'

/** What a key may do; its name is its property's. */
export type Rights = Omit<KeyEntry, 'name' | 'sha256'>

export const ALL: Rights = { scopes: SCOPES }

export interface GuardedServer<Name extends string> {
  readonly server: TestServer
  /** The headers that present a key. */
  readonly as: Readonly<Record<Name, { readonly Authorization: string }>>
  readonly tokens: Readonly<Record<Name, string>>
  readonly keysFile: string
  /** Changes the file, and says so to the server. */
  rewrite(keys: Readonly<Record<string, Rights>>): Promise<void>
}

export async function startGuarded<Name extends string>(
  t: Test,
  keys: Readonly<Record<Name, Rights>>,
  settings: Partial<Config> = {},
  surroundings: Surroundings = {},
): Promise<GuardedServer<Name>> {
  const directory = t.testdir()
  const { keysFile, tokens, as, write } = writeKeys(directory, keys)
  const server = await startServer(
    { testdir: () => join(directory, 'server'), teardown: handler => t.teardown(handler) },
    { auth: 'keys', keysFile, ...settings },
    surroundings,
  )
  return {
    server,
    tokens,
    keysFile,
    as,
    rewrite: async rights => {
      write(rights)
      await server.app.keys?.reload()
    },
  }
}

/** A file of keys in a directory, and what goes with it. */
export function writeKeys<Name extends string>(
  directory: string,
  keys: Readonly<Record<Name, Rights>>,
) {
  const keysFile = join(directory, 'keys.json')
  const names = Object.keys(keys) as Name[]
  const tokens = recordOf(names, () => newKeyToken())
  const as = recordOf(names, name => ({ Authorization: `Bearer ${tokens[name]}` }))
  const write = (rights: Readonly<Record<string, Rights>>) => {
    writeFileSync(keysFile, formatKeyFile(entriesOf(rights, tokens)), { mode: 0o600 })
  }
  write(keys)
  return { keysFile, tokens, as, write }
}

export function entriesOf(
  keys: Readonly<Record<string, Rights>>,
  tokens: Readonly<Record<string, string>>,
): readonly KeyEntry[] {
  return Object.entries(keys).map(([name, rights]) => {
    const sha256 = hashOfKeyToken(tokens[name] ?? '')
    return { name, ...(rights.certificate === undefined && sha256 && { sha256 }), ...rights }
  })
}

function recordOf<Name extends string, Value>(
  names: readonly Name[],
  make: (name: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map(name => [name, make(name)])) as Record<Name, Value>
}
