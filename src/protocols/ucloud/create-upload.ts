/** `files.createUpload` (§2): one session for each item, or none at all. */

import { UCLOUD } from '../../engine/door-rules.ts'
import { openSession } from './conflict-policy.ts'
import type { ReadItems, UploadItem } from './control-body.ts'
import { type Call, sendJson } from './door.ts'
import { type DrivePath, resolvePath } from './drive-path.ts'
import { refuse } from './refusal.ts'

interface Upload {
  readonly token: string
  /** Under which name it will be found: a rename is not told otherwise (§8.2). */
  readonly id: string
}

export async function createUploads(call: Call, read: ReadItems<UploadItem>): Promise<unknown> {
  const { door, engine, request, reply } = call
  const items = await read(call)
  // All that can be seen to be wrong is refused before anything is made.
  const paths = items.map(item => targetOf(call, item))
  const uploads: Upload[] = []
  try {
    for (const [index, path] of paths.entries()) {
      uploads.push(await openSession(engine, path, items[index]?.conflictPolicy))
    }
  } catch (error) {
    // Nobody will ever have their tokens, but their names would be taken for two days.
    for (const { token } of uploads) await engine.cancel(UCLOUD, token)
    throw error
  }
  const endpoint = `${door.base(request)}/ucloud/${door.provider}/chunked/upload`
  return sendJson(reply, {
    responses: uploads.map(({ token, id }) => ({ endpoint, protocol: 'CHUNKED', token, id })),
  })
}

/** We have one protocol, and it knows no folders. */
function targetOf({ door }: Call, { id, type, supportedProtocols }: UploadItem): DrivePath {
  if (type === 'FOLDER' || !supportedProtocols.includes('CHUNKED')) {
    const what = type === 'FOLDER' ? 'Folders' : 'These protocols'
    throw refuse(400, 'UNSUPPORTED_PROTOCOL', `${what} are not supported; CHUNKED is, for files.`)
  }
  return resolvePath(door.drives, id)
}
