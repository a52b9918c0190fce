/** dxl.md §5: the bytes of messages, by its vectors, and what hostile bytes come to. */

import { isDeepStrictEqual } from 'node:util'
import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { errorTo, responseTo } from '../../../src/protocols/dxl/answer.ts'
import {
  type DxlMessage,
  type DxlRequest,
  decodeMessage,
  encodeMessage,
} from '../../../src/protocols/dxl/message.ts'
import { MalformedMessage } from '../../../src/protocols/dxl/msgpack.ts'

/** §5.2, the request of version 2. */
const VECTOR = `
  02 00
  da0026 7b30303030303030302d303030302d303030302d303030302d3030303030303030303030317d a0 a0 90 90
  a4 000102ff
  da0035 2f6d63616665652f636c69656e742f7b30303030303030302d303030302d303030302d303030302d3030303030303030303061617d a0
  9a ae7365676d656e745f6e756d626572 a131 a6726573756c74 a573746f7265 a46e616d65 a5612e62696e a473697a65 a134
  ab686173685f736861323536 da0040 33643166353763393834393738656639386131383337386338313636633163623865646530326330336565623661656537653266313231646665656533653536
  a0 90`
const REQUEST = bytesOf(VECTOR)
const MESSAGE: DxlRequest = {
  version: 2,
  type: 'request',
  messageId: '{00000000-0000-0000-0000-000000000001}',
  sourceClientId: '',
  sourceBrokerId: '',
  brokerIds: [],
  clientIds: [],
  payload: Buffer.from([0, 1, 2, 0xff]),
  replyTo: '/mcafee/client/{00000000-0000-0000-0000-0000000000aa}',
  serviceId: '',
  otherFields: new Map([
    ['segment_number', '1'],
    ['result', 'store'],
    ['name', 'a.bin'],
    ['size', '4'],
    ['hash_sha256', '3d1f57c984978ef98a18378c8166c1cb8ede02c03eeb6aee7e2f121dfeee3e56'],
  ]),
  sourceTenant: '',
  destinationTenants: [],
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')
}

test('DXL-27: the vectors of all versions', t => {
  t.strictSame(decodeMessage(REQUEST), MESSAGE)
  t.equal(encodeMessage(MESSAGE).toString('hex'), REQUEST.toString('hex'))
  const version1 = Buffer.concat([Buffer.from([1]), REQUEST.subarray(1, -2)])
  t.strictSame(decodeMessage(version1), { ...MESSAGE, version: 1 })
  t.same(encodeMessage({ ...MESSAGE, version: 1 }), version1)
  const head = REQUEST.subarray(1, REQUEST.indexOf(bytesOf('9aae')))
  const version0 = Buffer.concat([Buffer.from([0]), head])
  t.strictSame(decodeMessage(version0), { ...MESSAGE, version: 0, otherFields: new Map() })
  t.same(encodeMessage({ ...MESSAGE, version: 0 }), version0)
  // A version to come adds something behind.
  const version3 = Buffer.concat([Buffer.from([3]), REQUEST.subarray(1), Buffer.from('more')])
  t.strictSame(decodeMessage(version3), MESSAGE)
  t.end()
})

test('DXL-27, 33: the response and the error of the vectors', t => {
  const json = '{"file_id": "f", "segments_received": 1, "result": "store"}'
  const response = responseTo(MESSAGE, Buffer.from(json))
  const id = response.subarray(5, 5 + 38)
  t.match(id.toString(), /^\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}$/)
  id.write('{00000000-0000-0000-0000-000000000002}')
  const expected = bytesOf(`
    02 01
    da0026 7b30303030303030302d303030302d303030302d303030302d3030303030303030303030327d a0 a0 90 90
    da003b 7b2266696c655f6964223a202266222c20227365676d656e74735f7265636569766564223a20312c2022726573756c74223a202273746f7265227d
    da0026 7b30303030303030302d303030302d303030302d303030302d3030303030303030303030317d a0 90 a0 90`)
  t.equal(response.toString('hex'), expected.toString('hex'))

  const text = 'x'.repeat(48)
  const error = errorTo(MESSAGE, 0, text)
  error.write('{00000000-0000-0000-0000-000000000003}', 5)
  const refused = bytesOf(`
    02 03
    da0026 7b30303030303030302d303030302d303030302d303030302d3030303030303030303030337d a0 a0 90 90 a0
    da0026 7b30303030303030302d303030302d303030302d303030302d3030303030303030303030317d a0 00
    da0030 ${'78'.repeat(48)} 90 a0 90`)
  t.equal(error.toString('hex'), refused.toString('hex'))
  t.end()
})

test('DXL-28: all bytes, in every form that a payload can have', t => {
  const payload = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const forms: ReadonlyArray<readonly [string, Buffer]> = [
    ['d9', Buffer.from([0xd9, 255])],
    ['da', Buffer.from([0xda, 1, 0])],
    ['db', Buffer.from([0xdb, 0, 0, 1, 0])],
    ['c4', Buffer.from([0xc4, 255])],
    ['c5', Buffer.from([0xc5, 1, 0])],
    ['c6', Buffer.from([0xc6, 0, 0, 1, 0])],
  ]
  for (const [form, head] of forms) {
    const bytes = head.length === 2 ? payload.subarray(1) : payload
    t.same(decodeMessage(withPayload(head, bytes)).payload, bytes, form)
  }
  for (let from = 0; from < 256; from += 31) {
    const bytes = payload.subarray(from, from + 31)
    const head = Buffer.from([0xa0 + bytes.length])
    t.same(decodeMessage(withPayload(head, bytes)).payload, bytes, 'fixstr')
  }
  t.same(decodeMessage(withPayload(Buffer.from([0xc0]), Buffer.alloc(0))).payload, Buffer.alloc(0))
  t.end()
})

test('DXL-29: what Python and what JavaScript write is the same message', t => {
  const python = encodeMessage({ ...MESSAGE, payload: Buffer.alloc(70_000, 1) })
  t.match(python.toString('hex'), 'db00011170')
  t.equal(decodeMessage(python).payload.length, 70_000)
  const fields = [...MESSAGE.otherFields].flat()
  const values = [
    2,
    0,
    MESSAGE.messageId,
    '',
    '',
    [],
    [],
    MESSAGE.payload,
    MESSAGE.replyTo,
    '',
    fields,
    '',
    [],
  ]
  const javascript = Buffer.concat(values.map(value => encode(value)))
  t.match(javascript.toString('hex'), 'd926', 'str8')
  t.match(javascript.toString('hex'), 'c404000102ff', 'bin8')
  t.strictSame(decodeMessage(javascript), MESSAGE)
  t.end()
})

test('DXL-30: cut off at every byte', t => {
  for (const whole of [REQUEST, errorTo(MESSAGE, 0x8000_0001, 'text')]) {
    for (let length = 0; length < whole.length; length += 1) refuses(t, whole.subarray(0, length))
  }
  t.end()
})

test('DXL-30: lengths that promise what is not there', t => {
  const head = REQUEST.subarray(0, 2)
  const bombs = [
    'dbffffffff',
    'c6ffffffff',
    'ddffffffff',
    'daffff',
    'c5ffff',
    'dcffff',
    'd9ff',
    'dd00010000',
  ]
  const before = process.memoryUsage()
  for (const bomb of bombs) {
    refuses(t, Buffer.concat([head, bytesOf(bomb), Buffer.alloc(100)]))
    // Where an array is expected.
    const upToArray = REQUEST.subarray(0, REQUEST.indexOf(bytesOf('a0a09090')) + 2)
    refuses(t, Buffer.concat([upToArray, bytesOf(bomb), Buffer.alloc(100)]))
  }
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  const grown = arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed
  t.ok(grown < 64 * 1024 ** 2, 'nothing was allocated for them', { grown })
  t.end()
})

test('DXL-31: bytes behind the message are ignored; fields must be pairs of strings', t => {
  t.strictSame(decodeMessage(Buffer.concat([REQUEST, Buffer.from('whatever')])), MESSAGE)
  const before = REQUEST.subarray(0, REQUEST.indexOf(bytesOf('9aae')))
  const tail = bytesOf('a090')
  const fields = [
    '91a161',
    '93a161a162a163',
    '92a161c0',
    '92a16101',
    '92c0a161',
    '92a161c2',
    '92a16190',
    '80',
    'c0',
    '92a161a1ff',
  ]
  for (const bytes of fields) refuses(t, Buffer.concat([before, bytesOf(bytes), tail]))
  const twice = decodeMessage(Buffer.concat([before, bytesOf('94a161a162a161a163'), tail]))
  t.strictSame([...twice.otherFields], [['a', 'c']])
  t.end()
})

test('types that no message is made of', t => {
  for (const type of [
    'c1',
    'c2',
    'ca00000000',
    'cf0000000000000001',
    'd0ff',
    'ff',
    '80',
    'c7',
    'e0',
  ]) {
    refuses(t, bytesOf(type))
    refuses(t, Buffer.concat([bytesOf('02'), bytesOf(type), REQUEST.subarray(2)]))
    refuses(t, Buffer.concat([bytesOf('0200'), bytesOf(type), REQUEST.subarray(2)]))
  }
  refuses(t, bytesOf('0204a0a0a09090a0'))
  t.end()
})

test('DXL-32: error codes', t => {
  t.match(errorTo(MESSAGE, 0, '').toString('hex'), /a000a0/)
  t.match(errorTo(MESSAGE, 0x8000_0001, '').toString('hex'), /a0ce80000001a0/)
  for (const errorCode of [0, 127, 128, 255, 256, 65_535, 65_536, 0xffff_ffff]) {
    t.match(decodeMessage(errorTo(MESSAGE, errorCode, 'x')), { errorCode, errorMessage: 'x' })
  }
  t.end()
})

test('DXL-33: an answer goes back where its request came from', t => {
  for (const version of [0, 1, 2]) {
    const asked = { ...MESSAGE, version, sourceClientId: 'c', sourceBrokerId: 'b', serviceId: 's' }
    for (const bytes of [responseTo(asked, Buffer.from('{}')), errorTo(asked, 0, 'no')]) {
      const answer = decodeMessage(bytes)
      t.match(answer, { version, requestId: asked.messageId, serviceId: 's' })
      t.match(answer, { clientIds: ['c'], brokerIds: ['b'], sourceClientId: '' })
      t.not(answer.messageId, asked.messageId)
    }
  }
  t.strictSame(decodeMessage(responseTo(MESSAGE, Buffer.alloc(0))).clientIds, [])
  t.end()
})

const text = fc.string({ unit: 'binary', maxLength: 80 }).filter(made => made.isWellFormed())
const envelope = {
  version: fc.constant(2),
  messageId: text,
  sourceClientId: text,
  sourceBrokerId: text,
  brokerIds: fc.array(text, { maxLength: 20 }),
  clientIds: fc.array(text, { maxLength: 3 }),
  payload: fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
  otherFields: fc.array(fc.tuple(text, text), { maxLength: 20 }).map(pairs => new Map(pairs)),
  sourceTenant: text,
  destinationTenants: fc.array(text, { maxLength: 3 }),
}
const messages: fc.Arbitrary<DxlMessage> = fc.oneof(
  fc.record({ ...envelope, type: fc.constant('event' as const) }),
  fc.record({ ...envelope, type: fc.constant('request' as const), replyTo: text, serviceId: text }),
  fc.record({
    ...envelope,
    type: fc.constant('response' as const),
    requestId: text,
    serviceId: text,
  }),
  fc.record({
    ...envelope,
    type: fc.constant('error' as const),
    requestId: text,
    serviceId: text,
    errorCode: fc.integer({ min: 0, max: 0xffff_ffff }),
    errorMessage: text,
  }),
)

test('whatever is encoded is decoded as it was', t => {
  fc.assert(
    fc.property(messages, message =>
      isDeepStrictEqual(decodeMessage(encodeMessage(message)), { ...message }),
    ),
  )
  t.end()
})

test('DXL-30: hostile bytes are messages, or refused as malformed', t => {
  const decodes = (bytes: Buffer) => {
    try {
      const { payload } = decodeMessage(bytes)
      return payload.length <= bytes.length
    } catch (error) {
      return error instanceof MalformedMessage
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), bytes => decodes(Buffer.from(bytes))))
  // A good message with a few bytes changed gets further.
  const change = fc.tuple(fc.nat(REQUEST.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), changes => {
      const bytes = Buffer.from(REQUEST)
      for (const [at, byte] of changes) bytes[at] = byte
      return decodes(bytes)
    }),
    { numRuns: 2000 },
  )
  t.end()
})

function withPayload(head: Buffer, payload: Buffer): Buffer {
  const at = REQUEST.indexOf(bytesOf('a4000102ff'))
  return Buffer.concat([REQUEST.subarray(0, at), head, payload, REQUEST.subarray(at + 5)])
}

function refuses(t: Test, bytes: Buffer): void {
  t.throws(
    () => decodeMessage(bytes),
    { name: 'MalformedMessage' },
    bytes.toString('hex').slice(0, 80),
  )
}
