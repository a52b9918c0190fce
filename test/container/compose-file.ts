/** The compose files, read as compose reads them: with what the environment says, or the default. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

const FOLDER = join(import.meta.dirname, '..', '..', 'docker')

export interface Service {
  readonly image: string
  readonly build?: { readonly context: string; readonly args: Readonly<Record<string, string>> }
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes: readonly string[]
  readonly read_only: boolean
  readonly cap_drop: readonly string[]
  readonly security_opt: readonly string[]
  readonly stop_grace_period: string
  readonly restart: string
  readonly networks?: readonly string[]
}

/** `${NAME:-default}` as compose reads it. */
function filledIn(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(
    /\$\{(\w+):-([^}]*)\}/g,
    (_, name: string, value: string) => env[name] ?? value,
  )
}

export function composed(
  file: string,
  env: Readonly<Record<string, string>>,
): Record<string, Service> {
  return parse(filledIn(readFileSync(join(FOLDER, file), 'utf8'), env)).services
}
