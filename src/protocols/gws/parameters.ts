/**
 * What a command may be told (gws.md §2): types are strict, and a key that nobody knows is refused. Null counts as missing.
 */

import { CONTENT, type Member, type Members } from './members.ts'
import { badRequest, type Refusal } from './refusal.ts'

/** Every object may have them. They say nothing to us; `uid` may be anything at all. */
const COMMON: ReadonlyMap<string, readonly Member['kind'][]> = new Map([
  ['projectUid', ['text', 'null']],
  ['localeUid', ['text', 'null']],
  ['uid', ['null', 'int', 'text', 'bytes', 'empty', 'other']],
  ['cmd', ['text']],
])

export class Parameters {
  readonly #members: Members

  constructor(members: Members, known: readonly string[]) {
    this.#members = members
    for (const [key, { kind }] of members) {
      const kinds = COMMON.get(key)
      if (kinds === undefined && !known.includes(key)) throw badRequest('unknown parameter')
      if (kinds !== undefined && !kinds.includes(kind)) throw wrongType(key)
    }
  }

  text(key: string): string {
    const member = this.#demand(key)
    if (member.kind !== 'text') throw wrongType(key)
    return member.bytes.toString()
  }

  /** Empty where it is missing. */
  optionalText(key: string): string {
    const kind = this.#members.get(key)?.kind ?? 'null'
    return kind === 'null' ? '' : this.text(key)
  }

  int(key: string): number {
    const member = this.#demand(key)
    if (member.kind !== 'int') throw wrongType(key)
    return member.value
  }

  /** A text is its UTF-8, an empty map is no bytes. */
  content(): Buffer {
    const member = this.#demand(CONTENT)
    if (member.kind === 'bytes' || member.kind === 'text') return member.bytes
    if (member.kind === 'empty') return Buffer.alloc(0)
    throw wrongType(CONTENT)
  }

  #demand(key: string): Member {
    const member = this.#members.get(key)
    if (member === undefined || member.kind === 'null') throw badRequest(`${key} is missing`)
    return member
  }
}

function wrongType(key: string): Refusal {
  return badRequest(`${key} has the wrong type`)
}
