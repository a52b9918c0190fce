/**
 * A JSON merge patch (RFC 7386), which is what PATCH means in Google's APIs: objects are merged, `null` deletes, all else
 * replaces, arrays too.
 */

import { isObject, type JsonObject } from './json-object.ts'

/** A new value; neither argument is changed. */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged = new Map(Object.entries(target))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else if (isObject(value)) merged.set(key, mergePatch(objectAt(merged, key), value))
    else merged.set(key, value)
  }
  // Not by assignment: `__proto__` is a name like any other.
  return Object.fromEntries(merged)
}

function objectAt(values: ReadonlyMap<string, unknown>, key: string): JsonObject {
  const value = values.get(key)
  return isObject(value) ? value : {}
}
