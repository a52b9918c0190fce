/**
 * An upload's object name: in the query, in the resource, or in both if they agree, as Go sends it (gcs.md §5.1, §6.1).
 */

import type { Query } from '../../http/query.ts'
import type { JsonObject } from './json-object.ts'
import { textOf } from './metadata.ts'
import { invalid, required } from './refusal.ts'

export function nameOf(query: Query, resource: JsonObject): string {
  const inBody = textOf(resource, 'name')
  const inQuery = query.get('name')
  if (inBody && inQuery && inBody !== inQuery) {
    throw invalid(
      `Value '${inBody}' in content does not agree with value '${inQuery}'. This can happen when a value set through a parameter is inconsistent with a value set in the request.`,
    )
  }
  const name = inQuery || inBody
  if (!name) throw required('name')
  return name
}
