/**
 * A chunk (gws.md §2, §4): a numbered segment, in any order, in parallel, again. All that can be wrong with it is refused before
 * anything is stored, and a first one that is refused leaves no upload behind.
 */

import { GWS } from '../../engine/door-rules.ts'
import { UploadError } from '../../engine/failure.ts'
import { bytesBody } from '../../http/bytes-body.ts'
import type { Call } from './door.ts'
import { send } from './format.ts'
import type { Members } from './members.ts'
import { Parameters } from './parameters.ts'
import { badRequest } from './refusal.ts'
import { newUid } from './upload-uid.ts'
import { type Description, descriptionOf, findUpload, intentOf, nameInLog } from './uploads.ts'

const KEYS = ['uploadUid', 'fileName', 'totalSize', 'chunkCount', 'chunkNumber', 'content']

/** §6.5. All chunks of an upload are published in one transaction. */
const MOST_CHUNKS = 100_000
/** Metadata, kept beside the upload: any text, but not a whole message of it. */
const LONGEST_FILE_NAME = 16 * 1024

interface GwsChunk extends Description {
  readonly chunkNumber: number
  readonly content: Buffer
}

export async function uploadChunk(call: Call, members: Members): Promise<unknown> {
  const parameters = new Parameters(members, KEYS)
  const chunk = chunkOf(parameters)
  const uid = parameters.optionalText('uploadUid')
  const own = uid === '' ? await begin(call, chunk) : await goOn(call, uid, chunk)
  return send(call.request, call.reply, { uploadUid: own })
}

function chunkOf(parameters: Parameters): GwsChunk {
  const fileName = parameters.text('fileName')
  const totalSize = parameters.int('totalSize')
  const chunkCount = parameters.int('chunkCount')
  const chunkNumber = parameters.int('chunkNumber')
  const content = parameters.content()
  if (Buffer.byteLength(fileName) > LONGEST_FILE_NAME) throw badRequest('fileName is too long')
  if (totalSize < 0) throw badRequest('totalSize is negative')
  if (chunkCount < 1 || chunkCount > MOST_CHUNKS) {
    throw badRequest(`chunkCount must be from 1 to ${MOST_CHUNKS}`)
  }
  if (chunkNumber < 0 || chunkNumber >= chunkCount) throw badRequest('invalid chunk number')
  if (content.length > totalSize) throw badRequest('content is longer than totalSize')
  return { fileName, totalSize, chunkCount, chunkNumber, content }
}

/** The client knows nothing of the upload before this chunk is answered: without the one there is no use for the other. */
async function begin(call: Call, chunk: GwsChunk): Promise<string> {
  const { engine, request } = call
  const uid = newUid()
  nameInLog(call, uid)
  await engine.create(GWS, intentOf(call.door.settings, uid, chunk), uid)
  try {
    await append(call, uid, chunk)
  } catch (error) {
    await engine.cancel(GWS, uid).catch((err: unknown) => {
      request.log.warn({ err }, 'an upload that nobody knows is left to expire')
    })
    throw error
  }
  return uid
}

/** The first chunk's word counts; a later one must agree, but for the file's name (§4). */
async function goOn(call: Call, uid: string, chunk: GwsChunk): Promise<string> {
  const { session } = await findUpload(call, uid).catch(unknownUpload)
  const { totalSize, chunkCount } = descriptionOf(session)
  if (chunk.totalSize !== totalSize) throw badRequest('totalSize is not that of the upload')
  if (chunk.chunkCount !== chunkCount) throw badRequest('chunkCount is not that of the upload')
  await append(call, uid, chunk)
  return uid
}

async function append({ engine }: Call, uid: string, chunk: GwsChunk): Promise<void> {
  const { chunkNumber: segment, content } = chunk
  const body = bytesBody(content)
  await engine.append(GWS, uid, { segment, body, offset: 0, last: false }).catch(unknownUpload)
}

/** §6.3: 400 in a chunk, as in the reference; it is 404 everywhere else. */
function unknownUpload(error: unknown): never {
  const code = error instanceof UploadError ? error.failure.code : undefined
  if (code === 'session_not_found' || code === 'session_cancelled') {
    throw badRequest('unknown uploadUid')
  }
  throw error
}
