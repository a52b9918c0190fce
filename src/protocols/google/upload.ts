/**
 * The upload paths (gcs.md §1, R1–R4): which kind of upload a request is, and what all kinds have in common.
 */

import type { FastifyRequest } from 'fastify'
import type { Query } from '../../http/query.ts'
import type { Traffic } from '../../http/rate-limit.ts'
import { refuseUnknownAcl } from './access-control.ts'
import type { Call, Methods } from './door.ts'
import { checkFields } from './fields.ts'
import { initiate } from './initiate.ts'
import { putMedia } from './media.ts'
import { putMultipart } from './multipart.ts'
import { invalid, methodNotAllowed, required } from './refusal.ts'
import { answerSession } from './session.ts'

const SESSION = 'upload_id'

/** What such a request counts as against the rates of its client. */
export function uploadTraffic(request: FastifyRequest): Traffic {
  const query = request.query as Query
  const isInitiation = !query.has(SESSION) && query.get('uploadType') === 'resumable'
  return isInitiation ? 'requests' : 'chunks'
}

/** Of these paths, what needs no key: possession of the session's URI is enough (§2, §6.1, GCS-41). */
export function isOfSession({ query }: FastifyRequest): boolean {
  return (query as Query).has(SESSION)
}

/** By `uploadType`. */
export const UPLOADS: Methods<string> = {
  media: putMedia,
  multipart: putMultipart,
  resumable: initiate,
}

export async function answerUpload(call: Call, bucket: string): Promise<unknown> {
  const { request, query } = call
  // Its id alone identifies the session (§6.1).
  const token = query.get(SESSION)
  if (token !== undefined) return answerSession(call, token)
  if (request.method !== 'POST') throw methodNotAllowed('POST')
  refuseUnknownAcl(query)
  checkFields(query)

  const uploadType = query.get('uploadType')
  if (uploadType === undefined || uploadType === '') throw required('uploadType')
  const take = Object.hasOwn(UPLOADS, uploadType) ? UPLOADS[uploadType] : undefined
  if (take !== undefined) return take(call, bucket)
  throw invalid(`Invalid argument: uploadType ${uploadType}.`, {
    type: 'parameter',
    name: 'uploadType',
  })
}
