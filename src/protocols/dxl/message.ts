/**
 * DXL messages (dxl.md §5): MessagePack values one after the other, of which the first says how many there are. There is no
 * topic in them; where a message goes is the transport's to say.
 */

import { MalformedMessage, Packer, Unpacker } from './msgpack.ts'

/** What all messages have. Ids are empty strings where there is none. */
interface Envelope {
  /** 0, 1 or 2. A newer one is read as 2: what it adds comes behind. */
  readonly version: number
  /** A UUID in braces. */
  readonly messageId: string
  readonly sourceClientId: string
  readonly sourceBrokerId: string
  readonly brokerIds: readonly string[]
  readonly clientIds: readonly string[]
  readonly payload: Buffer
  /** Since version 1. */
  readonly otherFields: ReadonlyMap<string, string>
  /** Since version 2. */
  readonly sourceTenant: string
  readonly destinationTenants: readonly string[]
}

/** What each type adds. */
type Kind =
  | { readonly type: 'request'; readonly replyTo: string; readonly serviceId: string }
  | { readonly type: 'response'; readonly requestId: string; readonly serviceId: string }
  | { readonly type: 'event' }
  | {
      readonly type: 'error'
      readonly requestId: string
      readonly serviceId: string
      readonly errorCode: number
      readonly errorMessage: string
    }

export type DxlMessage = Envelope & Kind
export type DxlRequest = Extract<DxlMessage, { type: 'request' }>

const NEWEST = 2
/** By their numbers on the wire. */
const TYPES = ['request', 'response', 'event', 'error'] as const

/** Throws MalformedMessage. What follows the message is ignored (DXL-31); `payload` is a view of `bytes`. */
export function decodeMessage(bytes: Buffer): DxlMessage {
  const unpacker = new Unpacker(bytes)
  const version = Math.min(unpacker.unsigned(), NEWEST)
  const type = TYPES[unpacker.unsigned()]
  if (type === undefined) throw new MalformedMessage('an unknown type of message')
  const head = {
    messageId: textOf(unpacker),
    sourceClientId: textOf(unpacker),
    sourceBrokerId: textOf(unpacker),
    brokerIds: unpacker.texts(),
    clientIds: unpacker.texts(),
    payload: unpacker.bytes() ?? Buffer.alloc(0),
  }
  const kind = kindOf(type, unpacker)
  const otherFields = version >= 1 ? pairsOf(unpacker.texts()) : new Map<string, string>()
  const sourceTenant = version >= 2 ? textOf(unpacker) : ''
  const destinationTenants = version >= 2 ? unpacker.texts() : []
  return { version, ...head, ...kind, otherFields, sourceTenant, destinationTenants }
}

export function encodeMessage(message: DxlMessage): Buffer {
  const { version } = message
  const packer = new Packer()
    .unsigned(version)
    .unsigned(TYPES.indexOf(message.type))
    .text(message.messageId)
    .text(message.sourceClientId)
    .text(message.sourceBrokerId)
    .texts(message.brokerIds)
    .texts(message.clientIds)
    .bytes(message.payload)
  if (message.type === 'request') packer.text(message.replyTo).text(message.serviceId)
  else if (message.type !== 'event') packer.text(message.requestId).text(message.serviceId)
  if (message.type === 'error') packer.unsigned(message.errorCode).text(message.errorMessage)
  if (version >= 1) packer.texts([...message.otherFields].flat())
  if (version >= 2) packer.text(message.sourceTenant).texts(message.destinationTenants)
  return packer.finish()
}

function kindOf(type: (typeof TYPES)[number], unpacker: Unpacker): Kind {
  switch (type) {
    case 'request':
      return { type, replyTo: textOf(unpacker), serviceId: textOf(unpacker) }
    case 'response':
      return { type, requestId: textOf(unpacker), serviceId: textOf(unpacker) }
    case 'event':
      return { type }
    case 'error':
      return {
        type,
        requestId: textOf(unpacker),
        serviceId: textOf(unpacker),
        errorCode: unpacker.unsigned(),
        errorMessage: textOf(unpacker),
      }
  }
}

/** No id is an empty one, whichever way a client says so. */
function textOf(unpacker: Unpacker): string {
  return unpacker.text() ?? ''
}

/** Of a repeated key the last one counts. */
function pairsOf(flat: readonly string[]): Map<string, string> {
  if (flat.length % 2 !== 0) throw new MalformedMessage('a field without a value')
  const pairs = new Map<string, string>()
  for (let at = 0; at < flat.length; at += 2) pairs.set(flat[at] ?? '', flat[at + 1] ?? '')
  return pairs
}
