/** `files.retrieve` (§8.1): what there is under a path. */

import { type Call, sendJson } from './door.ts'
import { resolvePath } from './drive-path.ts'
import { refuse } from './refusal.ts'

export async function retrieve({ door, engine, query, reply }: Call): Promise<unknown> {
  const id = query.get('id')
  if (id === undefined) throw refuse(400, 'BAD_REQUEST', 'The parameter id is missing.')
  const path = resolvePath(door.drives, id)
  const { size, createdAt, updatedAt } = await engine.objects.find(path)
  const status = { type: 'FILE', sizeInBytes: size, modifiedAt: updatedAt }
  return sendJson(reply, { id: path.id, status, createdAt })
}
