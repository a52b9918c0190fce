/**
 * openapi.yaml as tests need it: its operations, and which of them a request on the wire means.
 *
 * Three extensions say what OpenAPI cannot: a parameter may span slashes (`x-tidemark-slashes`), a first segment may belong to
 * somebody else (`x-tidemark-not`), and whole trees are answered like others (`x-tidemark-aliases`). What tells operations of
 * one path apart is in their parameters: those they require, and those with an enum.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

export const DOCUMENT_PATH = join(import.meta.dirname, '..', '..', '..', 'openapi.yaml')

export interface Schema {
  readonly [keyword: string]: unknown
}

export interface MediaType {
  readonly schema?: Schema
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}

export interface Header {
  readonly required?: boolean
  readonly schema: Schema
  readonly example?: unknown
}

export interface Response {
  /** Of the component, where it is one: what many operations have in common. */
  readonly component: string | undefined
  readonly description: string
  readonly headers: Readonly<Record<string, Header>>
  readonly content: Readonly<Record<string, MediaType>>
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly schema: Schema
  readonly example?: unknown
  readonly [extension: `x-tidemark-${string}`]: unknown
}

export interface Operation {
  readonly id: string
  /** The first is the one under which it is described. */
  readonly methods: readonly string[]
  readonly template: string
  readonly parameters: readonly Parameter[]
  readonly requestBody: { readonly content: Readonly<Record<string, MediaType>> } | undefined
  /** By status. */
  readonly responses: ReadonlyMap<number, Response>
  /** The answer of every status from 400 on that is not listed. */
  readonly otherwise: Response | undefined
}

interface Alias {
  readonly path: string
  readonly as: readonly string[]
}

/** Whatever the file has. */
export interface Node {
  readonly [name: string]: Node
}

export class ApiDocument {
  readonly source: Node
  readonly operations: readonly Operation[]
  readonly aliases: readonly Alias[]
  readonly #matchers: readonly (readonly [Operation, (path: string) => boolean])[]
  readonly #byId: ReadonlyMap<string, Operation>

  constructor(source: Node) {
    this.source = source
    this.aliases = source['x-tidemark-aliases'] as unknown as Alias[]
    this.operations = Object.entries(source['paths'] ?? {}).flatMap(([template, item]) =>
      Object.entries(item).map(([method, operation]) => this.#read(template, method, operation)),
    )
    this.#matchers = this.operations.map(operation => [operation, matcherOf(operation)] as const)
    this.#byId = new Map(this.operations.map(operation => [operation.id, operation]))
  }

  operation(id: string): Operation {
    const operation = this.#byId.get(id)
    if (operation === undefined) throw new Error(`openapi.yaml has no operation ${id}`)
    return operation
  }

  /** What may be answered where no operation is described: to OPTIONS, or to whatever else. */
  otherwise(method: string): readonly (readonly [number, Response])[] {
    const lists = this.source['x-tidemark-otherwise'] as unknown as Record<string, Node[]>
    const list = (method === 'OPTIONS' ? lists['preflight'] : lists['refusals']) ?? []
    return list.map(entry => [Number(entry['status']), this.response(entry['response'])] as const)
  }

  /** A response, resolved. */
  response(node: Node | undefined): Response {
    const { description, headers = {}, content = {} } = this.#resolve(node)
    const entries = Object.entries(headers).map(([name, header]) => [name, this.#resolve(header)])
    return {
      component: referenceOf(node)?.split('/').at(-1),
      description: String(description),
      headers: Object.fromEntries(entries) as Response['headers'],
      content: content as unknown as Response['content'],
    }
  }

  /** The operations that a request may mean; none where it is about nothing that is described. */
  candidates(method: string, url: string): readonly Operation[] {
    const [path = '', query = ''] = url.split('?', 2)
    const paths = [path, ...this.#elsewhere(path)]
    const found = paths.flatMap(one => this.#at(method, one))
    const asked = new URLSearchParams(query)
    const fitting = found.filter(operation => fits(operation, asked))
    return fitting.length > 0 ? fitting : found
  }

  /** Is there a path of this form that has other methods only? An object may be called as a part of another one is. */
  refuses(method: string, url: string): boolean {
    const [path = ''] = url.split('?', 1)
    const matching = [path, ...this.#elsewhere(path)].flatMap(one =>
      this.#matchers.filter(([, matches]) => matches(one)).map(([operation]) => operation),
    )
    return matching.some(({ template }) => {
      const same = matching.filter(operation => operation.template === template)
      return !same.some(({ methods }) => methods.includes(method))
    })
  }

  /** The same path in the trees that its own is answered like. */
  #elsewhere(path: string): string[] {
    return this.aliases
      .filter(alias => path === alias.path || path.startsWith(`${alias.path}/`))
      .flatMap(alias => alias.as.map(tree => tree + path.slice(alias.path.length)))
  }

  #at(method: string, path: string): Operation[] {
    // The API forgives a slash at the end of a collection.
    const bare = path.length > 1 ? path.replace(/\/$/, '') : path
    return this.#matchers
      .filter(
        ([{ methods }, matches]) => methods.includes(method) && (matches(path) || matches(bare)),
      )
      .map(([operation]) => operation)
  }

  #read(template: string, method: string, operation: Node): Operation {
    const parameters = (operation['parameters'] ?? []) as unknown as Node[]
    const { default: otherwise, ...listed } = operation['responses'] ?? {}
    const responses = Object.entries(listed).map(
      ([status, node]) => [Number(status), this.response(node)] as const,
    )
    const also = (operation['x-tidemark-methods'] ?? []) as unknown as string[]
    return {
      id: String(operation['operationId']),
      methods: [method.toUpperCase(), ...also],
      template,
      parameters: parameters.map(node => this.#resolve(node) as unknown as Parameter),
      requestBody: operation['requestBody'] as unknown as Operation['requestBody'],
      responses: new Map(responses),
      otherwise: otherwise && this.response(otherwise),
    }
  }

  #resolve(node: Node | undefined): Node {
    const reference = referenceOf(node)
    if (reference === undefined) return node ?? {}
    const target = reference
      .slice('#/'.length)
      .split('/')
      .reduce<Node | undefined>((at, name) => at?.[name], this.source)
    if (target === undefined) throw new Error(`openapi.yaml has no ${reference}`)
    return this.#resolve(target)
  }
}

function referenceOf(node: Node | undefined): string | undefined {
  return node?.['$ref'] as unknown as string | undefined
}

let read: ApiDocument | undefined

/** The one document, read when somebody first asks. */
export function apiDocument(): ApiDocument {
  read ??= new ApiDocument(parse(readFileSync(DOCUMENT_PATH, 'utf8')))
  return read
}

function matcherOf({ template, parameters }: Operation): (path: string) => boolean {
  const byName = new Map(parameters.map(parameter => [parameter.name, parameter]))
  const names: string[] = []
  const pattern = template
    .replace(/[.*+?^$()|[\]\\]/g, '\\$&')
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      names.push(name)
      const parameter = byName.get(name)
      if (parameter?.['x-tidemark-empty']) return '(.*)'
      return parameter?.['x-tidemark-slashes'] ? '(.+)' : '([^/]+)'
    })
  const regexp = new RegExp(`^${pattern}$`)
  return path => {
    const values = regexp.exec(path)?.slice(1)
    return values?.every((value, at) => !isExcluded(byName.get(names[at] ?? ''), value)) ?? false
  }
}

function isExcluded(parameter: Parameter | undefined, value: string): boolean {
  const excluded = parameter?.['x-tidemark-not']
  return Array.isArray(excluded) && excluded.includes(value)
}

/** Has the request what the operation requires in its query, and nothing that the operation's enums do not have? */
function fits({ parameters }: Operation, asked: URLSearchParams): boolean {
  const inQuery = parameters.filter(parameter => parameter.in === 'query')
  const isKnown = (name: string) => inQuery.some(parameter => parameter.name === name)
  // What the request of a session has, no other request has.
  if (asked.has('upload_id') && !isKnown('upload_id')) return false
  return inQuery.every(({ name, required, schema }) => {
    const value = asked.get(name)
    if (value === null) return !required
    const allowed = schema['enum']
    const isSame = (one: unknown) => String(one).toLowerCase() === value.toLowerCase()
    return !Array.isArray(allowed) || allowed.some(isSame)
  })
}
