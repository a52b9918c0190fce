/**
 * The README as something that can be run: its blocks, its commands in one shell, and what it shows against what came.
 */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const readme = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8')

export interface Block {
  readonly language: string
  readonly text: string
}

/** The fenced blocks below a heading. */
export function blocksOf(heading: string): Block[] {
  const [, section = ''] = readme.split(`\n## ${heading}\n`)
  const [own = ''] = section.split('\n## ')
  return [...own.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
    language,
    text,
  }))
}

/** The shown lines that do not occur in the output, in their order; `…` stands for anything. */
export function missingFrom(output: string, shown: string): string[] {
  const lines = output.split(/\r?\n/)
  return shown.split('\n').filter(line => {
    const pieces = line.split('…').map(piece => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    const at = lines.findIndex(text => new RegExp(`^${pieces.join('.*')}$`).test(text))
    if (at >= 0) lines.splice(0, at + 1)
    return at < 0
  })
}

/** Runs the blocks in one shell, as a reader does; answers what each printed. */
export async function inOneShell(
  commands: readonly string[],
  cwd: string,
  env = process.env,
): Promise<string[]> {
  const mark = '--- the next block ---'
  const script = ['exec 2>&1', ...commands.map(text => `${text}\necho; echo '${mark}'`)].join('\n')
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd, env })
  return stdout.split(`${mark}\n`)
}
