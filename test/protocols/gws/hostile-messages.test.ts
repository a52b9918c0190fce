/** Messages that nobody meant: any bytes at all, and real messages with a few of them changed. */

import msgpack from '@ygoe/msgpack'
import fc from 'fast-check'
import { test } from 'tap'
import { readJsonMembers } from '../../../src/protocols/gws/json-members.ts'
import { Malformed, type Member, type Members } from '../../../src/protocols/gws/members.ts'
import { readMsgpackMembers } from '../../../src/protocols/gws/msgpack-members.ts'
import { chunk } from '../../support/gws.ts'

/** Members, or undefined where the bytes are no message. Anything else that is thrown is a mistake. */
function read(readMembers: (frame: Buffer) => Members, bytes: Uint8Array): Members | undefined {
  try {
    return readMembers(Buffer.from(bytes))
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

/** Is what was found within the bytes that came? */
function isInside(members: Members | undefined, length: number): boolean {
  const found = [...(members?.values() ?? [])]
  return found.every(member => !('bytes' in member) || member.bytes.length <= length)
}

const SAMPLES: ReadonlyArray<readonly [(frame: Buffer) => Members, Buffer]> = [
  [readMsgpackMembers, Buffer.from(msgpack.serialize(chunk()))],
  [readMsgpackMembers, Buffer.from(msgpack.serialize(chunk({ content: [1, 200, 3] })))],
  [readJsonMembers, Buffer.from(JSON.stringify(chunk({ content: [1, 200, 3], uid: { a: [1] } })))],
  [readJsonMembers, Buffer.from('{"content":"a\\u00e4\\n","totalSize":3,"fileName":null}')],
]

test('any bytes are a message or none, and nobody reads beyond them', t => {
  for (const [readMembers] of SAMPLES) {
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), bytes =>
      isInside(read(readMembers, bytes), bytes.length),
    )
    fc.assert(property, { numRuns: 3000 })
  }
  t.end()
})

test('a message with some bytes changed, left out or doubled', t => {
  const change = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'drop', 'add')), {
    minLength: 1,
    maxLength: 4,
  })
  for (const [readMembers, sample] of SAMPLES) {
    const property = fc.property(change, changes => {
      const bytes = [...sample]
      for (const [at, value, how] of changes) {
        const index = at % bytes.length
        bytes.splice(index, how === 'add' ? 0 : 1, ...(how === 'drop' ? [] : [value]))
      }
      return isInside(read(readMembers, Uint8Array.from(bytes)), bytes.length)
    })
    fc.assert(property, { numRuns: 3000 })
  }
  t.end()
})

test('both encodings of a message say the same', t => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 })
  const values = fc.dictionary(
    fc.constantFrom('content', 'fileName', 'totalSize', 'uid', '__proto__'),
    fc.oneof(text, fc.maxSafeInteger(), fc.constant(null), fc.array(fc.nat(255)), fc.constant({})),
  )
  const property = fc.property(values, said => {
    const plain = (members: Members | undefined) =>
      [...(members ?? [])].map(([key, member]) => [key, plainOf(member)])
    const inJson = plain(read(readJsonMembers, Buffer.from(JSON.stringify(said))))
    t.same(plain(read(readMsgpackMembers, msgpack.serialize(said))), inJson)
    t.equal(inJson.length, Object.keys(said).length)
  })
  fc.assert(property, { numRuns: 300 })
  t.end()
})

function plainOf(member: Member): unknown {
  return 'bytes' in member ? { ...member, bytes: member.bytes.toString('hex') } : member
}
