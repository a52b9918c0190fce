/**
 * The bytes of a finished upload (gws.md §6.1), by its uid: exactly what was published then, whatever became of the name since.
 */

import { sendBytes } from '../../http/object-bytes.ts'
import type { Query } from '../../http/query.ts'
import type { Call } from './door.ts'
import { contentDisposition, safeName } from './object-name.ts'
import { badRequest, conflict } from './refusal.ts'
import { descriptionOf, findUpload } from './uploads.ts'

export async function uploadContent(call: Call): Promise<unknown> {
  const { reply } = call
  const uid = uidOf(call)
  const found = await findUpload(call, uid)
  if (found.state === 'open') throw conflict('the upload is not finished')
  const { bucket, name, generation, size } = found.object
  const opened = await call.engine.objects.open({ bucket, name, generation })
  reply.headers({
    'content-type': 'application/octet-stream',
    'content-length': size,
    'content-disposition': contentDisposition(safeName(descriptionOf(found.session).fileName, uid)),
    // It came from anyone: no browser should see more in it than bytes.
    'x-content-type-options': 'nosniff',
  })
  return sendBytes(reply, opened, opened.read(0, size))
}

/** As a pair in the path, which is how this protocol writes a GET, or as a parameter. */
function uidOf({ request }: Call): string {
  const { uid } = request.params as { readonly uid?: string }
  const inQuery = (request.query as Query).get('uploadUid')
  if (uid !== undefined && inQuery !== undefined) throw badRequest('uploadUid is there twice')
  return uid ?? inQuery ?? ''
}
