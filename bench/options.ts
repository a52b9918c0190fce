/** The command line. */

import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import type { Group } from './contenders.ts'

export interface Options {
  readonly groups: readonly Group[]
  readonly rounds: number
  readonly quick: boolean
  /** The scratch folder is made in here; what is measured is this filesystem. */
  readonly directory: string
  /** Cores as `taskset` takes them. */
  readonly serverCores: string
  readonly clientCore: string
  /** Measure only servers whose name contains one of these; none: all. */
  readonly only: readonly string[]
}

const GROUPS: readonly Group[] = ['bulk', 'small', 'many']

export const USAGE = `npm run bench -- [bulk] [small] [many] [options]

  --quick               less data and 2 rounds: under two minutes
  --rounds <n>          measured rounds, default 5
  --dir <path>          where to write, default the system's temporary directory
  --server-cores <list> cores for each server, default 1 ("0,1" lets it use both)
  --client-core <n>     core for the load client, default 0
  --only <name>         only servers whose name contains this; repeatable`

export function optionsOf(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      dir: { type: 'string', default: tmpdir() },
      'server-cores': { type: 'string', default: '1' },
      'client-core': { type: 'string', default: '0' },
      only: { type: 'string', multiple: true, default: [] },
    },
  })
  const unknown = positionals.filter(name => !GROUPS.some(group => group === name))
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}`)
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 5))
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a number above 0')
  return {
    groups: positionals.length > 0 ? GROUPS.filter(group => positionals.includes(group)) : GROUPS,
    rounds,
    quick: values.quick,
    directory: values.dir,
    serverCores: values['server-cores'],
    clientCore: values['client-core'],
    only: values.only,
  }
}
