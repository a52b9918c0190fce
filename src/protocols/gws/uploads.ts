/** An upload as its session keeps it: what its first chunk said, and what later ones are held against. */

import { GWS } from '../../engine/door-rules.ts'
import type { Found } from '../../engine/engine.ts'
import { UploadError } from '../../engine/failure.ts'
import type { Intent, Session } from '../../engine/ports.ts'
import { keyOf, shortKey } from '../../engine/session-key.ts'
import type { Call, GwsSettings } from './door.ts'
import { contentDisposition, objectName, safeName } from './object-name.ts'
import { isUid } from './upload-uid.ts'

/** What every chunk says of the whole. */
export interface Description {
  readonly fileName: string
  readonly totalSize: number
  readonly chunkCount: number
}

export function intentOf(settings: GwsSettings, uid: string, described: Description): Intent {
  const { fileName, totalSize, chunkCount } = described
  return {
    bucket: settings.bucket,
    name: objectName(settings.folder, uid, fileName),
    metadata: { contentDisposition: contentDisposition(safeName(fileName, uid)) },
    preconditions: {},
    checksums: {},
    total: totalSize,
    segmentCount: chunkCount,
    doorData: { fileName },
  }
}

export function descriptionOf({ intent }: Session): Description {
  return {
    fileName: intent.doorData['fileName'] ?? '',
    totalSize: intent.total ?? 0,
    chunkCount: intent.segmentCount ?? 0,
  }
}

/** `session_not_found` for what cannot be a uid, too: it opens nothing and touches nothing. */
export async function findUpload(call: Call, uid: string): Promise<Found> {
  if (!isUid(uid)) throw new UploadError({ code: 'session_not_found' })
  nameInLog(call, uid)
  return call.engine.find(GWS, uid)
}

export function nameInLog({ request }: Call, uid: string): void {
  request.sessionKey = shortKey(keyOf(GWS.door, uid))
}
