/**
 * Backups as an operator takes, checks and restores them.
 */

import { cp } from 'node:fs/promises'
import type { Test } from 'tap'
import { type ServerProcess, startServer } from './server-process.ts'
import { runTool, type ToolEnd } from './tool.ts'

/** `copied`: how many blobs it says it copied. */
export async function backup(
  from: string,
  to: string,
): Promise<ToolEnd & { readonly copied: number }> {
  const end = await runTool('backup', ['--data-dir', from, to])
  const [, copied] = /^copied +(\d+),/m.exec(end.stdout) ?? []
  return { ...end, copied: Number(copied) }
}

/** A copy of the backup, which is what restoring is, and what fsck says of it. */
export async function restore(t: Test, to: string, restored: string): Promise<ServerProcess> {
  await cp(to, restored, { recursive: true })
  const { code, stdout, stderr } = await runTool('fsck', ['--scrub', '--data-dir', restored])
  t.equal(code, 0, 'the restored directory is sound', { stdout, stderr })
  return startServer(t, { dataDir: restored })
}
