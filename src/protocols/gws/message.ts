/**
 * One request's message: the only body that this door ever holds in memory, whole and counted (design P6). What is taken from it
 * is a view, and good only as long as the message is.
 */

import { UploadError } from '../../engine/failure.ts'
import type { Body } from '../../engine/ports.ts'
import type { Frame } from '../../http/framed-body.ts'
import { GunzipBody } from '../../http/gunzip-body.ts'
import { takeBody } from '../../http/request-body.ts'
import type { Call } from './door.ts'
import { requestFormat } from './format.ts'
import { readJsonMembers } from './json-members.ts'
import { Malformed, type Members } from './members.ts'
import { readMsgpackMembers } from './msgpack-members.ts'
import { badRequest, Refusal } from './refusal.ts'

/** Runs `use` on what the request says. */
export async function withMessage<Result>(
  call: Call,
  use: (members: Members) => Promise<Result>,
): Promise<Result> {
  const { request, reply } = call
  const format = requestFormat(request)
  if (format === undefined) {
    throw badRequest('Content-Type must be application/json or application/msgpack')
  }
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding !== 'gzip' && encoding !== 'identity')
    throw badRequest('Content-Encoding must be gzip')
  const body = takeBody(request, reply)
  // §1: Content-Length is required.
  if (!body.length) throw badRequest('empty body, or no Content-Length')

  const frame = await (encoding === 'gzip' ? readCompressed(call, body) : readFrame(call, body))
  try {
    return await use(
      format === 'json' ? read(readJsonMembers, frame) : read(readMsgpackMembers, frame),
    )
  } finally {
    frame.release()
  }
}

async function readFrame({ door: { frames, settings } }: Call, body: Body): Promise<Frame> {
  const limit = frames.most(settings.bodyLimit)
  const frame = await frames.read(body, limit)
  switch (frame) {
    case 'too_large':
      throw new Refusal({ status: 413, info: `a request may have at most ${limit} bytes` })
    case 'no_memory':
      throw new Refusal({ status: 503, info: 'busy', headers: { 'retry-after': '1' } })
    case 'cut':
      throw new UploadError({ code: 'body_cut' })
    case 'idle':
      throw new UploadError({ code: 'body_idle', idleMs: frames.idleMs })
    default:
      return frame
  }
}

async function readCompressed(call: Call, body: Body): Promise<Frame> {
  const limit = call.door.frames.most(call.door.settings.bodyLimit)
  if ((body.length ?? 0) > limit) {
    throw new Refusal({ status: 413, info: `a request may have at most ${limit} bytes` })
  }
  const decoded = new GunzipBody(body)
  try {
    return await readFrame(call, decoded)
  } catch (error) {
    throw decoded.isMalformed ? badRequest('malformed gzip') : error
  } finally {
    decoded.destroy()
  }
}

function read(readMembers: (frame: Buffer) => Members, { bytes }: Frame): Members {
  try {
    return readMembers(bytes)
  } catch (error) {
    throw error instanceof Malformed ? badRequest(`malformed message: ${error.message}`) : error
  }
}
