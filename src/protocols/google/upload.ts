/**
 * The upload paths (gcs.md §1, R1–R4): which kind of upload a request is, and what all kinds have in common.
 */

import type { Call } from './door.ts'
import { initiate } from './initiate.ts'
import { putMedia } from './media.ts'
import { invalid, methodNotAllowed, notImplemented, required } from './refusal.ts'
import { answerSession } from './session.ts'

const PREDEFINED_ACLS: ReadonlySet<string> = new Set([
  'authenticatedRead',
  'bucketOwnerFullControl',
  'bucketOwnerRead',
  'private',
  'projectPrivate',
  'publicRead',
])

export async function answerUpload(call: Call, bucket: string): Promise<unknown> {
  const { door, request, query } = call
  // Possession of the session's URI is enough, and its id alone identifies it (§2, §6.1).
  const token = query.get('upload_id')
  if (token !== undefined) return answerSession(call, token)
  if (request.method !== 'POST') throw methodNotAllowed('POST')
  refuseCustomerKeys(call)
  refuseUnknownAcl(call)

  const uploadType = query.get('uploadType')
  switch (uploadType) {
    case 'media':
      return putMedia(call, bucket)
    case 'resumable':
      return initiate(call, bucket)
    case 'multipart':
      await door.engine.buckets.find(bucket)
      throw notImplemented('uploadType=multipart')
    case undefined:
    case '':
      throw required('uploadType')
    default:
      throw invalid(`Invalid argument: uploadType ${uploadType}.`, {
        type: 'parameter',
        name: 'uploadType',
      })
  }
}

/** gcs.md §9.3: stored in clear while pretending otherwise would be the worst answer. */
function refuseCustomerKeys({ request }: Call): void {
  for (const header of ['x-goog-encryption-algorithm', 'x-goog-encryption-key']) {
    if (request.headers[header] !== undefined) {
      throw invalid(`Customer-supplied encryption keys are not supported: ${header}.`, {
        type: 'header',
        name: header,
      })
    }
  }
}

function refuseUnknownAcl({ query }: Call): void {
  const acl = query.get('predefinedAcl')
  if (acl !== undefined && acl !== '' && !PREDEFINED_ACLS.has(acl)) {
    throw invalid(`Invalid argument: predefinedAcl ${acl}.`, {
      type: 'parameter',
      name: 'predefinedAcl',
    })
  }
}
