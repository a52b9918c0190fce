import fc from 'fast-check'
import { test } from 'tap'
import { Budget } from '../../../src/engine/budget.ts'
import { UploadError } from '../../../src/engine/failure.ts'
import type { Body } from '../../../src/engine/ports.ts'
import { FramedBodies } from '../../../src/http/framed-body.ts'
import { type BatchCall, readBatch } from '../../../src/protocols/google/batch-parser.ts'
import { Refusal } from '../../../src/protocols/google/refusal.ts'
import { bodyOf } from '../../support/body.ts'

const FRAMES = new FramedBodies(new Budget(8 * 1024 * 1024), 1000)
const MIB = 1024 * 1024

/** Calls as plain data, or the reason why the batch is refused. */
async function read(body: Body): Promise<readonly object[] | string> {
  try {
    return (await readBatch(body, ['B'], FRAMES)).map(plain)
  } catch (error) {
    if (error instanceof UploadError) return error.failure.code
    if (error instanceof Refusal && error.answer.kind === 'json') return error.answer.reason
    throw error
  }
}

function plain({ contentId, request }: BatchCall): object {
  if (request instanceof Refusal) return { contentId, refused: request.answer.status }
  const { method, target, headers, body } = request
  return { contentId, method, target, headers: Object.fromEntries(headers), body: String(body) }
}

const text = (value: string, piece = 1000) => bodyOf(Buffer.from(value), { piece })

test('what clients send (gcs.md §10.4)', async t => {
  const patch = {
    contentId: '<x+1>',
    method: 'PATCH',
    target: '/storage/v1/b/bkt/o/a%2Fb?alt=json',
    headers: { 'content-type': 'application/json', authorization: 'Bearer t' },
    body: '{"metadata":{"k":"ä"}}',
  }
  const remove = {
    contentId: undefined,
    method: 'DELETE',
    target: '/storage/v1/b/bkt/o/c',
    headers: {},
    body: '',
  }
  const part = [
    '--B',
    'Content-Type: application/http',
    'MIME-Version: 1.0',
    'Content-ID: <x+1>',
    '',
    '',
  ]
  const inner = [
    'PATCH /storage/v1/b/bkt/o/a%2Fb?alt=json HTTP/1.1',
    'Content-Type: application/json',
    'authorization: Bearer t',
    '',
    '{"metadata":{"k":"ä"}}',
  ]
  const absolute = [
    '--B',
    'content-type: application/http; msgtype=request',
    '',
    'delete https://storage.googleapis.com/storage/v1/b/bkt/o/c HTTP/1.1',
  ]
  for (const outer of ['\n', '\r\n']) {
    for (const lineEnd of ['\n', '\r\n']) {
      const body = [
        part.join(outer) + inner.join(lineEnd),
        absolute.join(outer) + lineEnd,
        '--B--',
      ].join(outer)
      for (const piece of [1, 1000]) {
        t.same(await read(text(body, piece)), [patch, remove])
      }
    }
  }
})

test('a malformed call is refused alone', async t => {
  const good = { contentId: undefined, method: 'GET', target: '/b', headers: {}, body: '' }
  const call = (type: string, content: string) =>
    `--B\r\nContent-Type: ${type}\r\n\r\n${content}\r\n`
  for (const [type, content] of [
    ['application/http', ''],
    ['application/http', '\r\n\r\n'],
    ['application/http', 'GET'],
    ['application/http', 'GET /a b HTTP/1.1'],
    ['application/http', 'GET /b HTTP/1.1\r\nno colon'],
    ['application/json', '{}'],
  ] as const) {
    const calls = await read(
      text(`${call(type, content)}${call('application/http', 'GET /b')}--B--`),
    )
    t.same(calls, [{ contentId: undefined, refused: 400 }, good], content)
  }
})

test('a malformed batch is refused as a whole', async t => {
  const call = '--B\r\n\r\nGET /b\r\n'
  for (const [what, body, reason] of [
    ['nothing', '', 'badRequest'],
    ['no calls', '--B--', 'badRequest'],
    ['not closed', call, 'badRequest'],
    ['101 calls', `${call.repeat(101)}--B--`, 'badRequest'],
    ['a large call', `--B\r\n\r\n${'x'.repeat(MIB + 1)}\r\n--B--`, 'uploadTooLarge'],
    ['many bytes', `${`--B\r\n\r\n${'x'.repeat(MIB)}\r\n`.repeat(3)}--B--`, 'uploadTooLarge'],
    ['a large epilogue', `${call}--B--\r\n${'x'.repeat(MIB + 1)}`, 'badRequest'],
  ] as const) {
    t.equal(await read(text(body, 64 * 1024)), reason, what)
  }
  t.equal((await read(text(`${call.repeat(100)}--B--`))).length, 100)
  t.equal(await read(bodyOf(Buffer.from(call), { cutAt: 10 })), 'body_cut')
  t.equal(await read(bodyOf(Buffer.from(`${call}--B--`), { idleAt: 20 })), 'body_idle')
})

test('whatever comes is read as calls or refused', async t => {
  const piece = fc.constantFrom(
    ...['--B', '--B--', '\r\n', '\n', '\n\n', 'GET /b HTTP/1.1', 'a: b', ':', ' ', '\0', 'ä', 'x'],
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async pieces => {
      const calls = await read(text(pieces.join(''), 3))
      return typeof calls === 'string' ? calls === 'badRequest' : calls.length > 0
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
