/** Messages in both encodings: what is one, what is none, and how it is answered. */

import msgpack from '@ygoe/msgpack'
import { test } from 'tap'
import { readJsonMembers } from '../../../src/protocols/gws/json-members.ts'
import { Malformed, type Members } from '../../../src/protocols/gws/members.ts'
import { readMsgpackMembers } from '../../../src/protocols/gws/msgpack-members.ts'
import {
  AXIOS_ACCEPT,
  chunk,
  command,
  JSON_TYPE,
  jsonCommand,
  MSGPACK_TYPE,
  packed,
  Upload,
  unpacked,
} from '../../support/gws.ts'
import { sampleBytes, startServer, type TestServer } from '../../support/server.ts'

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

/** Chunk requests made by hand. */
function post(server: TestServer, body: Uint8Array | string, headers = {}) {
  const all = { 'Content-Type': MSGPACK_TYPE, ...headers }
  return server.ask('POST /gws/_/uploadChunk', all, body)
}

/** `values` without one key. */
function without(values: object, key: string): object {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== key))
}

test('GWS-01, GWS-03, GWS-23: a padded MessagePack chunk is answered with a uid and nothing else', async t => {
  const server = await startServer(t)
  const body = packed(chunk())
  t.equal(Math.log2(body.length) % 1, 0, 'the body is padded to a power of two')
  t.equal(body.at(-1), 0)
  const answer = await post(server, body, { Accept: AXIOS_ACCEPT })
  t.equal(answer.status, 200)
  t.match(answer.headers['content-type'], /^application\/json/)
  t.strictSame(Object.keys(answer.json()), ['uploadUid'])
  t.match(answer.json().uploadUid, /^[A-Za-z0-9]{64}$/)
})

test('GWS-02: JSON content is a list of numbers, or text', async t => {
  const server = await startServer(t)
  for (const [content, bytes] of [
    [[1, 2, 255], Buffer.from([1, 2, 255])],
    ['ä', Buffer.from('ä')],
    ['a"\\\u0000\n\ud83d\ude00€', Buffer.from('a"\\\u0000\n\ud83d\ude00€')],
    ['', Buffer.alloc(0)],
    [[], Buffer.alloc(0)],
    [{}, Buffer.alloc(0)],
    [[...EVERY_BYTE], EVERY_BYTE],
  ] as const) {
    const values = chunk({ content, totalSize: bytes.length })
    const answer = await jsonCommand(server, 'uploadChunk', values)
    t.equal(answer.status, 200)
    const upload = new Upload(server, {})
    upload.uid = answer.json().uploadUid
    t.equal((await upload.get()).status, 200)
    t.same((await upload.content()).body, bytes)
  }
})

test('GWS-20: every key is required, and no other is known but the common ones', async t => {
  const server = await startServer(t)
  for (const key of ['fileName', 'totalSize', 'chunkCount', 'chunkNumber', 'content']) {
    t.equal((await command(server, 'uploadChunk', without(chunk(), key))).status, 400, key)
    t.equal((await command(server, 'uploadChunk', chunk({ [key]: null }))).status, 400, key)
    t.equal(
      (await jsonCommand(server, 'uploadChunk', chunk({ content: 'abc', [key]: null }))).status,
      400,
    )
  }
  t.equal((await command(server, 'uploadChunk', without(chunk(), 'uploadUid'))).status, 200)
  t.equal((await command(server, 'uploadChunk', chunk({ uploadUid: null }))).status, 200)
  for (const key of ['chunk', '__proto__', 'constructor', '']) {
    const values = Object.assign(
      JSON.parse(`{${JSON.stringify(key)}: 1}`),
      chunk({ content: 'abc' }),
    )
    t.equal((await jsonCommand(server, 'uploadChunk', values)).status, 400, key)
    const map = Buffer.concat([Buffer.from([0x81]), msgpack.serialize(key), Buffer.from([1])])
    t.equal((await post(server, map)).status, 400, key)
  }
  for (const common of [
    { uid: 'x', projectUid: null, localeUid: 'de_DE' },
    { uid: { a: [1, { b: 2 }] }, projectUid: 'p' },
    { uid: [1.5, true, null], localeUid: null },
    { uid: 3 },
  ]) {
    t.equal((await command(server, 'uploadChunk', chunk(common))).status, 200)
    const values = chunk({ content: 'abc', ...common })
    t.equal((await jsonCommand(server, 'uploadChunk', values)).status, 200)
  }
  t.equal((await command(server, 'uploadChunk', chunk({ projectUid: 3 }))).status, 400)
})

test('GWS-21: types are strict', async t => {
  const server = await startServer(t)
  const json = (values: object) => JSON.stringify(chunk({ content: 'abc', ...values }))
  for (const key of ['totalSize', 'chunkCount', 'chunkNumber']) {
    for (const value of ['0', true, [1], {}, 1.5]) {
      t.equal((await command(server, 'uploadChunk', chunk({ [key]: value }))).status, 400)
      t.equal((await jsonCommand(server, 'uploadChunk', json({ [key]: value }))).status, 400)
    }
    // A number that JavaScript cannot tell from an integer, but that is none.
    for (const value of ['3.0', '3e0', '9007199254740993', '1e400']) {
      const text = json({ [key]: '@' }).replace('"@"', value)
      t.equal((await jsonCommand(server, 'uploadChunk', text)).status, 400, value)
    }
  }
  const float = Buffer.concat([
    Buffer.from([0x81, 0xa9]),
    Buffer.from('totalSize'),
    Buffer.from([0xca, 0x40, 0x40, 0, 0]),
  ])
  t.match(readMsgpackMembers(float).get('totalSize'), { kind: 'other' })
  t.equal((await command(server, 'uploadChunk', chunk({ fileName: 7 }))).status, 400)
  t.equal((await command(server, 'uploadChunk', chunk({ uploadUid: 7 }))).status, 400)
  for (const content of [
    5,
    1.5,
    true,
    { a: 1 },
    { 0: 97, 1: 98 },
    [256],
    [-1],
    [1.5],
    ['a'],
    [[1]],
  ]) {
    t.equal((await command(server, 'uploadChunk', chunk({ content }))).status, 400)
    t.equal((await jsonCommand(server, 'uploadChunk', chunk({ content }))).status, 400)
  }
})

test('GWS-22, GWS-24: the answer has the format of Accept, else of the request; errors as well', async t => {
  const server = await startServer(t)
  const rows = [
    [MSGPACK_TYPE, AXIOS_ACCEPT, 'json'],
    [MSGPACK_TYPE, MSGPACK_TYPE, 'msgpack'],
    [MSGPACK_TYPE, '*/*', 'msgpack'],
    [JSON_TYPE, MSGPACK_TYPE, 'msgpack'],
    [JSON_TYPE, '*/*', 'json'],
    ['application/json; charset=utf-8', 'text/html', 'json'],
  ] as const
  for (const [type, accept, format] of rows) {
    for (const [values, status] of [
      [chunk({ content: 'abc' }), 200],
      [chunk({ content: 'abcd' }), 400],
    ] as const) {
      const body = type === MSGPACK_TYPE ? packed(values) : JSON.stringify(values)
      const answer = await post(server, body, { 'Content-Type': type, Accept: accept })
      t.equal(answer.status, status)
      t.match(answer.headers['content-type'], format === 'json' ? JSON_TYPE : MSGPACK_TYPE)
      const message = format === 'json' ? answer.json() : unpacked(answer)
      if (status === 200) t.match(message, { uploadUid: String })
      else t.strictSame(message, { status, error: { code: status, info: message.error.info } })
    }
  }
})

test('GWS-27: what is no message is 400, and harms nobody', async t => {
  const server = await startServer(t)
  const whole = packed(chunk()).subarray(0, msgpack.serialize(chunk()).length)
  const bin = (length: number[]) =>
    Buffer.concat([Buffer.from([0x81, 0xa7]), Buffer.from('content'), Buffer.from(length)])
  const bodies: Buffer[] = [
    ...[1, 2, 10, 50, whole.length - 1].map(end => whole.subarray(0, end)),
    Buffer.from([0x93, 1, 2, 3]),
    Buffer.from([0x07]),
    Buffer.from([0xc0]),
    Buffer.from([0xc1]),
    Buffer.from([0x81, 0x01, 0x01]),
    Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
    bin([0xc6, 0xff, 0xff, 0xff, 0xff]),
    bin([0xc4, 0x05, 1, 2]),
    bin([0xdd, 0xff, 0xff, 0xff, 0xff, 1]),
    bin([0xdb, 0xff, 0xff, 0xff, 0xff]),
    bin([0xc9, 0xff, 0xff, 0xff, 0xff, 1]),
    // Lists in lists, each a byte, as many as there is room for.
    Buffer.concat([bin([]), Buffer.alloc(1_000_000, 0x91)]),
    Buffer.concat([Buffer.from([0x81, 0xa3]), Buffer.from('uid'), Buffer.alloc(1_000_000, 0x91)]),
    Buffer.alloc(1_000_000, 0xff),
  ]
  for (const body of bodies) t.equal((await post(server, body)).status, 400)
  for (const text of [
    '{',
    '[]',
    '"a"',
    'null',
    '{"fileName":"a"',
    '{"fileName":}',
    '{"fileName":"a",}',
    '{"a":1}{"b":2}',
    "{'fileName':1}",
    '{"fileName":"\\x"}',
    '{"fileName":"a\nb"}',
    '{"uid":[1,,2]}',
    '{"uid":tru}',
    '{"totalSize":01}',
    '{"content":[1,2}',
    '{"content":[01]}',
    '{"content":[1 2]}',
    '{"content":[',
    `{"content":${'['.repeat(1_000_000)}`,
    `{"uid":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`,
    `{"uid":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
  ]) {
    const answer = await jsonCommand(server, 'uploadChunk', text)
    t.match(answer.json(), { status: 400, error: { code: 400 } }, text.slice(0, 30))
  }
  const notUtf8 = Buffer.concat([
    Buffer.from('{"fileName":"'),
    Buffer.from([0xff]),
    Buffer.from('"}'),
  ])
  t.equal((await post(server, notUtf8, { 'Content-Type': JSON_TYPE })).status, 400)
  t.equal((await command(server, 'uploadChunk', chunk())).status, 200, 'the server goes on')
})

test('GWS-35: every byte survives, in binaries and texts of every length', async t => {
  const server = await startServer(t)
  const lengthOf = { 196: 1, 197: 2, 198: 4, 217: 1, 218: 2, 219: 4 }
  for (const length of [10, 300, 70_000]) {
    const bytes = Buffer.concat(Array.from({ length: Math.ceil(length / 256) }, () => EVERY_BYTE))
    const content = bytes.subarray(0, length)
    for (const [type, size] of Object.entries(lengthOf)) {
      if (length >= 2 ** (8 * size)) continue
      const head = Buffer.alloc(1 + size)
      head[0] = Number(type)
      head.writeUIntBE(length, 1, size)
      const message = msgpack.serialize(chunk({ totalSize: length, content: 'abc' }))
      const at = Buffer.from(message).indexOf('content') + 'content'.length
      const body = Buffer.concat([message.subarray(0, at), head, content])
      const answer = await post(server, body, { Accept: AXIOS_ACCEPT })
      t.equal(answer.status, 200)
      const upload = new Upload(server, {})
      upload.uid = answer.json().uploadUid
      await upload.get()
      t.same((await upload.content()).body, content, `${type} ${length}`)
    }
  }
})

test('content is a view of the message, in both encodings', t => {
  const content = sampleBytes(5000)
  const frames: Array<[Buffer, (frame: Buffer) => Members]> = [
    [Buffer.from(msgpack.serialize({ content })), readMsgpackMembers],
    [Buffer.from(msgpack.serialize({ content: [...content] })), readMsgpackMembers],
    [Buffer.from(JSON.stringify({ content: [...content] })), readJsonMembers],
  ]
  for (const [frame, read] of frames) {
    const member = read(frame).get('content')
    if (member?.kind !== 'bytes') throw new Error('not bytes')
    t.ok(member.bytes.equals(content))
    t.equal(member.bytes.buffer, frame.buffer)
  }
  const text = Buffer.from('{"content":"a\\u00e4\\ud83d\\ude00z"}')
  const member = readJsonMembers(text).get('content')
  if (member?.kind !== 'text') throw new Error('not text')
  t.equal(member.bytes.toString(), 'aä\u{1f600}z')
  t.equal(member.bytes.buffer, text.buffer)
  t.end()
})

test('integers of every form', t => {
  const values = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]
  for (const value of [...values, ...values.map(value => -value)]) {
    const frame = Buffer.from(msgpack.serialize({ value }))
    t.match(readMsgpackMembers(frame).get('value'), { kind: 'int', value }, String(value))
    t.match(readJsonMembers(Buffer.from(`{"value": ${value}}`)).get('value'), {
      kind: 'int',
      value,
    })
  }
  const int64 = (type: number, bytes: string) =>
    Buffer.concat([Buffer.from([0x81, 0xa1, 0x76, type]), Buffer.from(bytes, 'hex')])
  t.match(readMsgpackMembers(int64(0xcf, '0000000000000005')).get('v'), { kind: 'int', value: 5 })
  t.match(readMsgpackMembers(int64(0xd3, 'fffffffffffffffb')).get('v'), { kind: 'int', value: -5 })
  t.match(readMsgpackMembers(int64(0xcf, 'ffffffffffffffff')).get('v'), { kind: 'other' })
  t.match(readMsgpackMembers(int64(0xd3, '0020000000000001')).get('v'), { kind: 'other' })
  t.throws(() => readMsgpackMembers(int64(0xcf, '00')), Malformed)
  t.end()
})
