/**
 * The programs beside the server, as an operator runs them: `node src/fsck.ts`, `node src/backup.ts`.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export interface ToolEnd {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export async function runTool(
  name: 'fsck' | 'backup',
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ToolEnd> {
  const child = startTool(name, args, env)
  const closed = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  await closed
  return { code: child.exitCode, stdout, stderr }
}

export function startTool(
  name: 'fsck' | 'backup',
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const program = fileURLToPath(new URL(`../../src/${name}.ts`, import.meta.url))
  return spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
