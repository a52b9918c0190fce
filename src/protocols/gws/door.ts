/**
 * What every route of this door has at hand. The protocol is gws.md: chunks with numbers, each in a message of its own, in
 * MessagePack or JSON.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Access } from '../../engine/access.ts'
import type { BaseUrl } from '../../http/base-url.ts'
import type { FramedBodies } from '../../http/framed-body.ts'

export interface GwsSettings {
  /** Where finished uploads are published. */
  readonly bucket: string
  /** What their names begin with. */
  readonly folder: string
  /** Where the door's paths begin: `/_` and its like. */
  readonly prefixes: readonly string[]
  /** The commands under which chunks are taken: each application has its own name for it. */
  readonly chunkCommands: readonly string[]
  /** Most bytes of one message, decompressed. */
  readonly bodyLimit: number
}

export interface Door {
  readonly settings: GwsSettings
  readonly frames: FramedBodies
  readonly base: BaseUrl
}

/** One request. */
export interface Call {
  readonly door: Door
  /** As far as it is open to who asks. */
  readonly engine: Access
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** The one of the door's prefixes that it came under. */
  readonly prefix: string
}
