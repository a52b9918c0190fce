/**
 * Is this response what openapi.yaml says? Stricter than OpenAPI: a field, a status, a media type that is not described is
 * a mistake. Schemas are compiled once, when the first response needs them.
 */

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { ApiDocument, Header, MediaType, Operation, Response, Schema } from './document.ts'
import { readXml } from './xml.ts'

/** One request and its whole answer, as they were on the wire. */
export interface Exchange {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** The client asked for some fields only: what a schema requires may be missing. */
  readonly isMasked: boolean
}

/** What was matched with what, for tests that want to know what they have seen. */
export interface Match {
  readonly operation: Operation | undefined
  readonly response: Response
  readonly mediaType: string | undefined
}

const JSON_TYPE = /^application\/(?:.+\+)?json$/

export class Validator {
  readonly #document: ApiDocument
  readonly #whole: Ajv2020
  readonly #masked: Ajv2020
  readonly #compiled = new Map<Ajv2020, Map<Schema, ValidateFunction>>()

  constructor(document: ApiDocument) {
    this.#document = document
    this.#whole = compiler(document, schema => closed(schema))
    this.#masked = compiler(document, schema => withoutRequired(closed(schema)))
  }

  /** What the exchange is an example of, or else what is wrong with it. */
  check(exchange: Exchange): Match | string {
    const { method, url, status } = exchange
    const operations = this.#document.candidates(method, url)
    const possible: (readonly [Operation | undefined, Response])[] = []
    for (const operation of operations) {
      const response =
        operation.responses.get(status) ?? (status >= 400 ? operation.otherwise : undefined)
      if (response !== undefined) possible.push([operation, response])
      // A door that can be switched off, and is.
      if (operation.otherwise !== undefined && status === 404) possible.push(this.#nobody())
    }
    if (operations.length === 0 || this.#document.refuses(method, url)) {
      const others = this.#document.otherwise(method).filter(([code]) => code === status)
      possible.push(...others.map(([, response]) => [undefined, response] as const))
    }
    const names = operations.map(({ id }) => id).join(' or ') || 'no operation'
    let problem: string | undefined
    for (const [operation, response] of possible) {
      const wrong = this.#compare(exchange, response)
      if (wrong === undefined) {
        return { operation, response, mediaType: typeIn(response, exchange.headers) }
      }
      problem ??= `${names}, ${status}: ${wrong}`
    }
    return `${method} ${url}: ${problem ?? `${names} has no ${status}`}`
  }

  /** What is wrong with a value; undefined where it is what the schema says. */
  checkValue(schema: Schema, value: unknown, isMasked = false): string | undefined {
    const validate = this.#validator(isMasked ? this.#masked : this.#whole, schema)
    if (validate(value)) return undefined
    return validate.errors
      ?.map(({ instancePath, message, params }) => {
        return `${instancePath || 'body'} ${message} ${JSON.stringify(params)}`
      })
      .join('; ')
  }

  /** The value that a text of this media type stands for. */
  parse(mediaType: string, schema: Schema, text: string): unknown {
    if (JSON_TYPE.test(mediaType)) return JSON.parse(text)
    if (mediaType !== 'application/xml') return text
    const target = this.#target(schema)
    const named = target['xml'] as { readonly name: string } | undefined
    return readXml(text, named?.name ?? '', target)
  }

  #nobody(): readonly [undefined, Response] {
    const reference = { $ref: '#/components/responses/Elsewhere' }
    return [undefined, this.#document.response(reference as never)]
  }

  #compare(exchange: Exchange, response: Response): string | undefined {
    return this.#compareHeaders(exchange, response) ?? this.#compareBody(exchange, response)
  }

  #compareHeaders({ headers }: Exchange, response: Response): string | undefined {
    for (const [name, { required, schema }] of Object.entries<Header>(response.headers)) {
      const value = headers[name.toLowerCase()]
      if (value === undefined && required) return `the header ${name} is missing`
      if (value === undefined) continue
      const wrong = this.checkValue(schema, schema['type'] === 'integer' ? Number(value) : value)
      if (wrong !== undefined) return `the header ${name}: ${value}: ${wrong}`
    }
    return undefined
  }

  #compareBody(exchange: Exchange, response: Response): string | undefined {
    const { method, headers, body, isMasked } = exchange
    if (method === 'HEAD') return undefined
    if (Object.keys(response.content).length === 0) {
      return body.length === 0 ? undefined : `a body of ${body.length} bytes`
    }
    const mediaType = typeIn(response, headers)
    if (mediaType === undefined) return `the media type is ${headers['content-type']}`
    const { schema } = response.content[mediaType] as MediaType
    // Bytes are nobody's to describe.
    if (schema === undefined || schema['format'] === 'binary') return undefined
    try {
      return this.checkValue(schema, this.parse(mediaType, schema, body.toString('utf8')), isMasked)
    } catch (error) {
      return `${error} in ${JSON.stringify(body.toString('utf8').slice(0, 200))}`
    }
  }

  #target(schema: Schema): Schema {
    const { $ref } = schema
    if (typeof $ref !== 'string') return schema
    const name = $ref.split('/').at(-1) ?? ''
    const { components } = this.#document.source
    const target = components?.['schemas']?.[name] as unknown as Schema
    return { xml: { name }, ...target }
  }

  #validator(ajv: Ajv2020, schema: Schema): ValidateFunction {
    const compiled = this.#compiled.get(ajv) ?? new Map<Schema, ValidateFunction>()
    this.#compiled.set(ajv, compiled)
    const known = compiled.get(schema)
    if (known !== undefined) return known
    const { $ref } = schema
    const made =
      typeof $ref === 'string'
        ? ajv.compile({ $ref: `openapi${$ref}` })
        : ajv.compile(closed(schema))
    compiled.set(schema, made)
    return made
  }
}

/** The media type of the response under which the headers' one is described. */
function typeIn(
  { content }: Response,
  { 'content-type': type = '' }: Exchange['headers'],
): string | undefined {
  const [essence = ''] = type.split(';')
  return [essence.trim().toLowerCase(), '*/*'].find(name => name in content)
}

function compiler(document: ApiDocument, change: (schema: Schema) => Schema): Ajv2020 {
  const { components } = document.source
  const schemas = Object.entries(components?.['schemas'] ?? {}).map(
    ([name, schema]) => [name, change(schema as unknown as Schema)] as const,
  )
  const ajv = new Ajv2020({ strict: false, allErrors: true, formats: FORMATS })
  return ajv.addSchema({ components: { schemas: Object.fromEntries(schemas) } }, 'openapi')
}

const FORMATS = {
  int32: true,
  int64: true,
  uint64: true,
  double: true,
  binary: true,
  byte: /^[A-Za-z0-9+/]*={0,2}$/,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/,
  uri: /^https?:\/\/[^\s]+$/,
} as const

/** An object whose fields are listed has no others. Clients should not insist on that; the document's tests do. */
function closed<T>(node: T): T {
  const shut = mapped(node, closed)
  const isOpen = !isRecord(shut) || !('properties' in shut) || 'additionalProperties' in shut
  return isOpen ? shut : { ...shut, additionalProperties: false }
}

function withoutRequired<T>(node: T): T {
  const rest = mapped(node, withoutRequired)
  if (!isRecord(rest) || !Array.isArray(rest['required'])) return rest
  const { required: _, ...kept } = rest
  return kept as T
}

function mapped<T>(node: T, change: <U>(child: U) => U): T {
  if (Array.isArray(node)) return node.map(change) as T
  if (!isRecord(node)) return node
  return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, change(child)])) as T
}

function isRecord(node: unknown): node is Record<string, unknown> {
  return typeof node === 'object' && node !== null && !Array.isArray(node)
}
