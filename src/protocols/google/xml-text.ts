/**
 * XML as the XML API writes it: elements and text, nothing more.
 */

export const XML_TYPE = 'application/xml; charset=UTF-8'

/** An element's content: text, or what `elements` made. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** One element per entry, in order; several where the value is a list, none where it is undefined. */
export function elements(content: Readonly<Record<string, Content>>): Markup {
  const entries = Object.entries(content)
  return new Markup(entries.map(([name, value]) => written(name, value)).join(''))
}

type Content = string | number | boolean | Markup | undefined | readonly (string | Markup)[]

/** `name` may hold attributes, as the root's namespace does. */
export function xmlDocument(name: string, content: Markup): string {
  return `<?xml version='1.0' encoding='UTF-8'?>${element(name, content)}`
}

function written(name: string, value: Content): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map(one => element(name, one)).join('')
  return element(name, value as Exclude<Content, readonly unknown[] | undefined>)
}

function element(name: string, value: string | number | boolean | Markup): string {
  const text = value instanceof Markup ? value.text : escaped(String(value))
  return `<${name}>${text}</${name.split(' ', 1)[0]}>`
}

/** Control characters are no XML, escaped or not; S3 writes them as references, and its clients read them so. */
function escaped(text: string): string {
  return text.replaceAll(/[&<>"']|\p{Cc}/gu, found => `&#${found.charCodeAt(0)};`)
}
