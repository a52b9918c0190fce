/**
 * A few lines of program in a process of their own, for what only another process can show.
 */

import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

export interface ProgramEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs it to its end. What the test runner preloads into its own processes is left out. */
export async function runProgram(
  source: string,
  args: readonly string[] = [],
): Promise<ProgramEnd> {
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source, '--', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve([code, signal]))
  })
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ])
  return { code, signal, stdout, stderr }
}
