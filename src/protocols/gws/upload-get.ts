/**
 * get_upload, over HTTP (gws.md §3, §6.1): the end of an upload. It becomes an object when it is first asked for and all of it is
 * there; until then chunks may be sent again. Asked again, or by many at once, the answer is the same.
 */

import { GWS } from '../../engine/door-rules.ts'
import type { Call } from './door.ts'
import { send } from './format.ts'
import type { Members } from './members.ts'
import { Parameters } from './parameters.ts'
import { descriptionOf, findUpload } from './uploads.ts'

export async function uploadGet(call: Call, members: Members): Promise<unknown> {
  const uploadUid = new Parameters(members, ['uploadUid']).text('uploadUid')
  const { session } = await findUpload(call, uploadUid)
  const { fileName, totalSize } = descriptionOf(session)
  await call.engine.finalize(GWS, uploadUid, { total: totalSize })
  const path = pathOfContent(call, uploadUid)
  return send(call.request, call.reply, { uploadUid, fileName, totalSize, path })
}

/** What a client needs to go on: which chunks are there (an extension). */
export async function uploadStatus(call: Call, members: Members): Promise<unknown> {
  const uploadUid = new Parameters(members, ['uploadUid']).text('uploadUid')
  const { state, session } = await findUpload(call, uploadUid)
  const described = descriptionOf(session)
  const finalized = state === 'done'
  const received = finalized
    ? Array.from({ length: described.chunkCount }, (_, number) => number)
    : await call.engine.segmentNumbers(GWS, uploadUid)
  return send(call.request, call.reply, { uploadUid, ...described, received, finalized })
}

/** On this server, as the client reaches it. */
function pathOfContent({ door, request, prefix }: Call, uid: string): string {
  const { pathname } = new URL(door.base(request))
  return `${pathname.replace(/\/$/, '')}${prefix}/uploadContent/uploadUid/${uid}`
}
