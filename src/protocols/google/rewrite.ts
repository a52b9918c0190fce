/**
 * Rewrite, copy and move (gcs.md §10.2): the same content under another name. No bytes are copied, so a rewrite is always
 * done at once and there are no rewrite tokens.
 */

import type { Destination, SourceName } from '../../engine/objects.ts'
import type { StoredObject } from '../../engine/ports.ts'
import { refuseUnknownAcl } from './access-control.ts'
import { type Call, sendJson } from './door.ts'
import { readJsonObject } from './json-body.ts'
import { metadataOf, saysAnything } from './metadata.ts'
import { objectResource } from './object-resource.ts'
import { sendObject } from './objects.ts'
import { parseGeneration, parsePreconditions } from './preconditions.ts'
import type { Named, Resource } from './resource-path.ts'

type Transfer = Extract<Resource, { readonly source: Named }>

export async function answerTransfer(call: Call, transfer: Transfer): Promise<unknown> {
  const { objects } = call.engine
  const [source, destination] = namesOf(call, transfer)
  switch (transfer.kind) {
    case 'rewriteTo':
      return sendRewritten(call, await copy(call, source, destination))
    case 'copyTo':
      return sendObject(call, await copy(call, source, destination))
    case 'moveTo':
      return sendObject(call, await objects.move(source, destination))
  }
}

/** With a body that says something of the object that is all that is said of the new one; otherwise it keeps the source's. */
async function copy(
  call: Call,
  source: SourceName,
  destination: Destination,
): Promise<StoredObject> {
  const resource = await readJsonObject(call)
  const metadata = saysAnything(resource) ? metadataOf(resource) : undefined
  return call.engine.objects.copy(source, destination, metadata)
}

function namesOf(
  { query }: Call,
  { source, destination }: Transfer,
): readonly [SourceName, Destination] {
  refuseUnknownAcl(query)
  return [
    {
      ...source,
      generation: parseGeneration(query, 'sourceGeneration'),
      preconditions: parsePreconditions(query, 'Source'),
    },
    { ...destination, preconditions: parsePreconditions(query) },
  ]
}

function sendRewritten({ door, request, reply, query }: Call, object: StoredObject): unknown {
  const size = String(object.size)
  const answer = {
    kind: 'storage#rewriteResponse',
    totalBytesRewritten: size,
    objectSize: size,
    done: true,
    resource: objectResource(object, door.base(request), query.get('projection')),
  }
  return sendJson(reply, answer, query.get('fields'))
}
