/** `files.createDownload`, and the download itself, which asks for nothing but its token (§8.1). */

import { sendBytes } from '../../http/object-bytes.ts'
import type { DownloadItem, ReadItems } from './control-body.ts'
import { type Call, sendJson } from './door.ts'
import { fileNameOf, resolvePath } from './drive-path.ts'
import { refuse } from './refusal.ts'

/** As long as an upload may take: a link is not worth less than what it points to. */
const TOKEN_LIFE_MS = 48 * 3_600_000

export async function createDownloads(call: Call, read: ReadItems<DownloadItem>): Promise<unknown> {
  const { door, engine, request, reply } = call
  const paths = (await read(call)).map(({ id }) => resolvePath(door.drives, id))
  const responses: { endpoint: string }[] = []
  for (const path of paths) {
    const token = await engine.objects.grant(path, TOKEN_LIFE_MS)
    const endpoint = `${door.base(request)}/ucloud/${door.provider}/download?token=${token}`
    responses.push({ endpoint })
  }
  return sendJson(reply, { responses })
}

export async function download({ engine, query, reply }: Call): Promise<unknown> {
  const opened = await engine.objects.openGranted(query.get('token') ?? '')
  if (opened === undefined) {
    throw refuse(404, 'NOT_FOUND', 'There is no download with this token, or it has expired.')
  }
  const { name, size } = opened.object
  reply.headers({
    'content-type': 'application/octet-stream',
    'content-length': size,
    // RFC 8187; whatever it is called, a browser saves it and looks for nothing in it.
    'content-disposition': `attachment; filename*=UTF-8''${extendedValue(fileNameOf(name))}`,
    'x-content-type-options': 'nosniff',
  })
  return sendBytes(reply, opened, opened.read(0, size))
}

/** RFC 8187 §3.2.1: of what encodeURIComponent leaves alone, these are no `attr-char`. */
function extendedValue(text: string): string {
  return encodeURIComponent(text).replace(
    /['()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
