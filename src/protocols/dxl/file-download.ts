/** `GET /dxl/files/{name…}`: a stored file, whole (DXL-36). Ranges and conditions are what the GCS APIs are for. */

import { headerText } from '../../http/header-text.ts'
import { sendBytes } from '../../http/object-bytes.ts'
import type { Call } from './door.ts'
import { parseFileName } from './file-name.ts'

export async function sendFile(
  { door, engine, request, reply }: Call,
  path: string,
): Promise<unknown> {
  const { bucket } = door
  const opened = await engine.objects.open({ bucket, name: parseFileName(path) })
  const { size, metadata, updatedAt } = opened.object
  const { contentType = 'application/octet-stream', contentEncoding } = metadata
  reply.headers({
    'content-type': headerText(contentType),
    ...(contentEncoding && { 'content-encoding': headerText(contentEncoding) }),
    'content-length': size,
    'last-modified': new Date(updatedAt).toUTCString(),
  })
  if (request.method !== 'HEAD' && size > 0) return sendBytes(reply, opened, opened.read(0, size))
  opened.close()
  return reply.send(size === 0 ? '' : undefined)
}
