/**
 * XML as the XML API writes it (elements and text, no attributes that matter), as the value that a schema describes. What a
 * schema has as a list is one, however many there are; numbers and booleans are read where it says so.
 */

import type { Schema } from './document.ts'

const ELEMENT = /<(\w+)(?:\s[^>]*)?>([\s\S]*?)<\/\1>/g

/** The root's content; undefined where the root has another name. */
export function readXml(text: string, root: string, schema: Schema): unknown {
  const [, content] =
    new RegExp(`^<\\?xml [^>]*\\?><${root}(?:\\s[^>]*)?>([\\s\\S]*)</${root}>$`).exec(text) ?? []
  return content === undefined ? undefined : read(content, schema)
}

function read(content: string, schema: Schema): unknown {
  switch (schema['type']) {
    case 'object':
      return readObject(content, schema['properties'] as Record<string, Schema>)
    case 'integer':
      return /^-?\d+$/.test(content) ? Number(content) : content
    case 'boolean':
      return content === 'true' || (content === 'false' ? false : content)
    default:
      return content.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
  }
}

function readObject(content: string, properties: Readonly<Record<string, Schema>>): object {
  const object: Record<string, unknown> = {}
  for (const [, name = '', inner = ''] of content.matchAll(ELEMENT)) {
    const { [name]: schema = { type: 'string' } } = properties
    if (schema['type'] !== 'array') object[name] = read(inner, schema)
    else
      object[name] = [
        ...((object[name] as unknown[]) ?? []),
        read(inner, schema['items'] as Schema),
      ]
  }
  return object
}
