/**
 * The members of one message, read where they lie. A message is flat and has few of them, but its content may be all of 16 MiB:
 * it stays a view into the frame. What a general decoder would build from the same bytes (a million nested lists, a list of
 * sixteen million numbers) is never built, and whether a number was written as an integer is not lost.
 */

export type Member =
  | { readonly kind: 'null' }
  /** Safe, and written as one: `1.0` is none. */
  | { readonly kind: 'int'; readonly value: number }
  /** Its UTF-8, or what was sent as such. */
  | { readonly kind: 'text'; readonly bytes: Buffer }
  /** Binary, or a list of numbers from 0 to 255. */
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** A map without members. */
  | { readonly kind: 'empty' }
  /** Anything else that is well-formed. */
  | { readonly kind: 'other' }

export type Members = ReadonlyMap<string, Member>

/** The member whose lists are bytes. */
export const CONTENT = 'content'

/** Not a message. Says nothing of what was sent. */
export class Malformed extends Error {
  override readonly name = 'Malformed'
}
