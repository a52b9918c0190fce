/** The bodies of the control plane: bulk requests in JSON (§2). Parsed whatever the Content-Type says, and checked by a schema. */

import { Ajv } from 'ajv'
import { UploadError } from '../../engine/failure.ts'
import { SMALL_BODY_LIMIT } from '../../http/framed-body.ts'
import { takeBody } from '../../http/request-body.ts'
import type { Call } from './door.ts'
import { unavailable } from './errors.ts'
import { Refusal, refuse } from './refusal.ts'

/** Items of one request; a browser sends one for each file. */
const MOST_ITEMS = 1000

export interface UploadItem {
  readonly id: string
  readonly type?: 'FILE' | 'FOLDER'
  readonly supportedProtocols: readonly string[]
  readonly conflictPolicy?: 'RENAME' | 'REJECT' | 'REPLACE' | 'MERGE_RENAME'
}

export interface DownloadItem {
  readonly id: string
}

export type ReadItems<Item> = (call: Call) => Promise<readonly Item[]>

export interface ControlBodies {
  readonly upload: ReadItems<UploadItem>
  readonly download: ReadItems<DownloadItem>
}

/** Fields that are not named are ignored: the core adds some (`resolvedCollection`), and clients differ. */
export function controlBodies(): ControlBodies {
  const ajv = new Ajv()
  return {
    upload: bulk(ajv, ['id', 'supportedProtocols'], {
      id: { type: 'string' },
      type: { enum: ['FILE', 'FOLDER'] },
      supportedProtocols: { type: 'array', items: { type: 'string' } },
      conflictPolicy: { enum: ['RENAME', 'REJECT', 'REPLACE', 'MERGE_RENAME'] },
    }),
    download: bulk(ajv, ['id'], { id: { type: 'string' } }),
  }
}

function bulk<Item>(
  ajv: Ajv,
  required: readonly string[],
  properties: Readonly<Record<string, object>>,
): ReadItems<Item> {
  const items = { type: 'object', required, properties }
  const validate = ajv.compile<{ readonly items: readonly Item[] }>({
    type: 'object',
    required: ['items'],
    properties: { items: { type: 'array', maxItems: MOST_ITEMS, items } },
  })
  return async call => {
    const body = parse(await read(call))
    if (validate(body)) return body.items
    throw refuse(400, 'BAD_REQUEST', ajv.errorsText(validate.errors, { dataVar: 'body' }))
  }
}

async function read({ door, request, reply }: Call): Promise<string> {
  const frame = await door.frames.read(takeBody(request, reply), SMALL_BODY_LIMIT)
  switch (frame) {
    case 'too_large':
      throw refuse(413, 'BAD_REQUEST', `The body may have at most ${SMALL_BODY_LIMIT} bytes.`)
    case 'no_memory':
      throw new Refusal(unavailable(503, 'UNAVAILABLE', 1))
    case 'cut':
      throw new UploadError({ code: 'body_cut' })
    case 'idle':
      throw new UploadError({ code: 'body_idle', idleMs: door.frames.idleMs })
    default: {
      const text = frame.bytes.toString('utf8')
      frame.release()
      return text
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw refuse(400, 'BAD_REQUEST', 'The body is not JSON.')
  }
}
