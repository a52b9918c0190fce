/**
 * What becomes of an upload whose name is taken (§2, §8.2). A name that must be free is claimed for as long as the session is
 * open, so that two uploads never agree on the same one.
 */

import type { Access } from '../../engine/access.ts'
import { UCLOUD } from '../../engine/door-rules.ts'
import { UploadError } from '../../engine/failure.ts'
import type { UploadItem } from './control-body.ts'
import { type DrivePath, renamed } from './drive-path.ts'

/** §2: `name(1).ext` and so on, up to so many. */
const MOST_NAMES = 9999

/** Without a policy nobody's file is harmed. `precondition_failed` where no name is free. */
export async function openSession(
  engine: Access,
  path: DrivePath,
  policy: UploadItem['conflictPolicy'] = 'RENAME',
): Promise<{ readonly token: string; readonly id: string }> {
  switch (policy) {
    case 'REPLACE':
      return open(engine, path, false)
    case 'REJECT':
      return open(engine, path, true)
    case 'RENAME':
    case 'MERGE_RENAME':
      return openFree(engine, path)
  }
}

async function openFree(engine: Access, path: DrivePath) {
  for (let k = 0; ; k += 1) {
    try {
      return await open(engine, k === 0 ? path : renamed(path, k), true)
    } catch (error) {
      const isTaken = error instanceof UploadError && error.failure.code === 'precondition_failed'
      if (!isTaken || k === MOST_NAMES) throw error
    }
  }
}

async function open(engine: Access, { id, bucket, name }: DrivePath, mustBeFree: boolean) {
  const preconditions = mustBeFree ? { generationMatch: 0 } : {}
  const intent = { bucket, name, metadata: {}, preconditions, checksums: {}, doorData: {} }
  const { token } = await engine.create(UCLOUD, intent, undefined, { claims: mustBeFree })
  return { token, id }
}
