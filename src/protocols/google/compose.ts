/**
 * Compose (gcs.md §10.2): up to 32 objects of one bucket, one after the other, as a new one. No bytes are copied.
 */

import { UploadError } from '../../engine/failure.ts'
import type { SourceName } from '../../engine/objects.ts'
import type { Checksums } from '../../engine/ports.ts'
import { refuseUnknownAcl } from './access-control.ts'
import type { Call } from './door.ts'
import { readJsonObject } from './json-body.ts'
import { isObject, type JsonObject } from './json-object.ts'
import { assertedChecksums, metadataOf, textOf } from './metadata.ts'
import { sendObject } from './objects.ts'
import { int64Of, parsePreconditions } from './preconditions.ts'
import { invalid, required } from './refusal.ts'
import type { Named } from './resource-path.ts'

const SOURCES = 32

export async function compose(call: Call, { bucket, name }: Named): Promise<unknown> {
  const { engine, query } = call
  refuseUnknownAcl(query)
  const preconditions = parsePreconditions(query)
  const request = await readJsonObject(call)
  const sources = await pinned(call, sourcesOf(request, bucket), request)
  const resource = isObject(request['destination']) ? request['destination'] : {}
  const composed = await engine.objects.compose(
    sources,
    { bucket, name, preconditions, checksums: assertionsOf(resource) },
    metadataOf(resource),
  )
  if (isToDelete(request)) await removeSources(call, sources, name)
  return sendObject(call, composed)
}

/** Python sends back all it knew of the object that it overwrites: with a generation, that is an echo and asserts nothing. */
function assertionsOf(resource: JsonObject): Checksums {
  return resource['generation'] === undefined ? assertedChecksums(resource) : {}
}

function sourcesOf(request: JsonObject, bucket: string): readonly SourceName[] {
  const sources = request['sourceObjects']
  if (!Array.isArray(sources) || sources.length === 0) {
    throw invalid('You must provide at least one source component.')
  }
  if (sources.length > SOURCES) {
    throw invalid(
      `The number of source components provided (${sources.length}) exceeds the maximum (${SOURCES})`,
    )
  }
  return sources.map(source => sourceOf(source, bucket))
}

function sourceOf(source: unknown, bucket: string): SourceName {
  const name = isObject(source) ? textOf(source, 'name') : undefined
  if (!isObject(source) || !name) throw required('sourceObjects[].name')
  const conditions = source['objectPreconditions']
  const generationMatch = int64Of(
    isObject(conditions) ? conditions['ifGenerationMatch'] : undefined,
    'ifGenerationMatch',
  )
  return {
    bucket,
    name,
    generation: int64Of(source['generation'], 'generation'),
    preconditions: generationMatch === undefined ? {} : { generationMatch },
  }
}

function isToDelete(request: JsonObject): boolean {
  return request['deleteSourceObjects'] === true
}

/** What is to be deleted afterwards has to be what was composed. */
async function pinned(
  { engine }: Call,
  sources: readonly SourceName[],
  request: JsonObject,
): Promise<readonly SourceName[]> {
  if (!isToDelete(request)) return sources
  return Promise.all(
    sources.map(async source => {
      // Before anything is made that could not be finished.
      await engine.objects.mayDelete(source)
      const { generation } = await engine.objects.find(source)
      return { ...source, generation }
    }),
  )
}

/** A source that somebody replaced meanwhile is not the one that was composed, and stays. */
async function removeSources(
  { engine }: Call,
  sources: readonly SourceName[],
  destination: string,
): Promise<void> {
  for (const source of sources) {
    if (source.name === destination) continue
    await engine.objects.delete(source, {}).catch((error: unknown) => {
      if (error instanceof UploadError && error.failure.code === 'object_not_found') return
      throw error
    })
  }
}
