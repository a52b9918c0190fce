import fc from 'fast-check'
import { test } from 'tap'
import { Budget } from '../../../src/engine/budget.ts'
import { UploadError } from '../../../src/engine/failure.ts'
import type { Body } from '../../../src/engine/ports.ts'
import { FramedBodies } from '../../../src/http/framed-body.ts'
import { boundariesOf } from '../../../src/protocols/google/multipart-boundary.ts'
import { Refusal } from '../../../src/protocols/google/refusal.ts'
import { type Related, readRelated } from '../../../src/protocols/google/related-parser.ts'
import { bodyOf, GatedBody } from '../../support/body.ts'

const IDLE_MS = 1000
const FRAMES = new FramedBodies(new Budget(8 * 1024 * 1024), IDLE_MS)
const MIB = 1024 * 1024

interface Parts {
  readonly resource: string
  readonly type: string | undefined
  readonly content: Buffer
}

/** The parts, or the reason why the request is refused. */
async function read(body: Body, boundaries: readonly string[] = ['B']): Promise<Parts | string> {
  try {
    const related = await readRelated(body, boundaries, FRAMES)
    const content = await contentOf(related)
    if (typeof content === 'string') return content
    return { resource: related.resource.toString(), type: related.contentType, content }
  } catch (error) {
    if (error instanceof UploadError) return error.failure.code
    return reasonOf(error)
  }
}

async function contentOf(related: Related): Promise<Buffer | string> {
  const buffers: Buffer[] = []
  for (;;) {
    const arrival = await related.content.read(IDLE_MS)
    if (arrival === 'end') return Buffer.concat(buffers)
    if (arrival === 'cut' && related.defect !== undefined) return reasonOf(related.defect)
    if (typeof arrival === 'string') return arrival
    buffers.push(...arrival)
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Refusal && error.answer.kind === 'json') return error.answer.reason
  throw error
}

const text = (value: string) => bodyOf(Buffer.from(value, 'latin1'))

/** `{}` and `content` between delimiters. */
function related(content: Buffer, eol = '\r\n', boundary = 'B'): Buffer {
  const open = `--${boundary}${eol}${eol}{}${eol}--${boundary}${eol}Content-Type: a/b${eol}${eol}`
  const close = `${eol}--${boundary}--${eol}`
  return Buffer.concat([Buffer.from(open), content, Buffer.from(close)])
}

test('boundaries in a Content-Type (gcs.md §5.1)', async t => {
  for (const [contentType, boundaries] of [
    ['multipart/related; boundary=0123abc', ['0123abc']],
    ['multipart/related; boundary=__END_OF_PART__1-2__ ; type=x', ['__END_OF_PART__1-2__']],
    ['multipart/related; boundary="===============0123=="', ['===============0123==']],
    [
      `multipart/related; boundary='===============0123=='`,
      ['===============0123==', `'===============0123=='`],
    ],
    ['Multipart/Mixed;BOUNDARY=b', ['b']],
    ['multipart/form-data; type="a; boundary=no"; boundary="a\\"b"', ['a"b']],
    ['multipart/related', undefined],
    ['multipart/related; boundary=', undefined],
    ['multipart/related; boundary=""', undefined],
    ['multipart/related; x-boundary=b', undefined],
    ['application/json; boundary=b', undefined],
    [`multipart/related; boundary=${'b'.repeat(300)}`, undefined],
    [undefined, undefined],
  ] as const) {
    t.same(boundariesOf(contentType), boundaries, contentType ?? 'no Content-Type')
  }
})

test('what clients send (gcs.md §5.1)', async t => {
  const plain = { resource: '{"a":1}', type: 'text/plain', content: 'hello' }
  const CRLF =
    '--B\r\nContent-Type: application/json\r\n\r\n{"a":1}\r\n--B\r\nContent-Type: text/plain\r\n\r\nhello\r\n--B--\r\n'
  const LF = CRLF.replaceAll('\r\n', '\n')
  for (const [what, sent, expected] of [
    ['CRLF', CRLF, plain],
    ['LF', LF, plain],
    ['no line end behind the last delimiter', CRLF.slice(0, -2), plain],
    ['a preamble and an epilogue', `pre\r\n--B2\r\n${CRLF}epi\r\n--B\r\n\r\n`, plain],
    ['an empty line first', `\r\n${CRLF}`, plain],
    ['a preamble in LF before CRLF', `pre\n${CRLF}`, plain],
    ['blanks behind delimiters', CRLF.replaceAll(/--B(--)?/g, '$& \t '), plain],
    ['header names in any case', CRLF.replaceAll('Content-Type', 'content-TYPE'), plain],
    [
      'other headers',
      LF.replace('Content-Type: text', 'MIME-Version: 1.0\nContent-Transfer-Encoding: binary\n$&'),
      plain,
    ],
    [
      'a folded header',
      CRLF.replace('text/plain', 'text/plain;\r\n\tcharset=x'),
      {
        ...plain,
        type: 'text/plain; charset=x',
      },
    ],
    [
      'parts without headers',
      '--B\r\n\r\n{}\r\n--B\r\n\r\nx\r\n--B--',
      {
        resource: '{}',
        type: undefined,
        content: 'x',
      },
    ],
    [
      'empty parts',
      '--B\r\n\r\n\r\n--B\r\n\r\n\r\n--B--',
      {
        resource: '',
        type: undefined,
        content: '',
      },
    ],
    [
      'empty parts without line ends of their own',
      '--B\n\n--B\n\n--B--',
      {
        resource: '',
        type: undefined,
        content: '',
      },
    ],
    [
      'LF: one line feed goes',
      '--B\n\n{}\n--B\n\nx\n\r\n--B--',
      {
        resource: '{}',
        type: undefined,
        content: 'x\n\r',
      },
    ],
    [
      'CRLF: a line feed alone ends nothing',
      '--B\r\n\r\n{}\r\n--B\r\n\r\nx\n--B--\r\n--B--',
      {
        resource: '{}',
        type: undefined,
        content: 'x\n--B--',
      },
    ],
    [
      'near-delimiters',
      '--B\r\n\r\n{}\r\n--B\r\n\r\n\r\n--\r\n--A\r\n--Bx\r\n--B-\r\n--B--x\r\r\n -- --B\r\n--B--',
      {
        resource: '{}',
        type: undefined,
        content: '\r\n--\r\n--A\r\n--Bx\r\n--B-\r\n--B--x\r\r\n -- --B',
      },
    ],
  ] as const) {
    for (const piece of [1, 2, 7, 1000]) {
      const got = await read(bodyOf(Buffer.from(sent), { piece }))
      t.same(got, { ...expected, content: Buffer.from(expected.content) }, `${what} by ${piece}`)
    }
  }
})

test('a single-quoted boundary is read as the body has it (gcs.md §5.1)', async t => {
  const boundaries = boundariesOf(`multipart/related; boundary='=='`) ?? []
  for (const boundary of ['==', `'=='`]) {
    const got = await read(bodyOf(related(Buffer.from('x\r'), '\n', boundary)), boundaries)
    t.same(got, { resource: '{}', type: 'a/b', content: Buffer.from('x\r') }, boundary)
  }
})

test('GCS-08: malformed bodies are refused', async t => {
  const one = '--B\r\n\r\n{}\r\n'
  for (const [what, sent] of [
    ['nothing', ''],
    ['no delimiter', 'hello\r\n'],
    ['no parts', '--B--\r\n'],
    ['one part', `${one}--B--\r\n`],
    ['one part, not closed', `${one}`],
    ['three parts', `${one}--B\r\n\r\nx\r\n--B\r\n\r\ny\r\n--B--`],
    ['a third delimiter', `${one}--B\r\n\r\nx\r\n--B\r\n`],
    ['not closed', `${one}--B\r\n\r\nx\r\n`],
    ['half closed', `${one}--B\r\n\r\nx\r\n--B-`],
    ['a delimiter and the end', `${one}--B\r\n\r\nx\r\n--B`],
    ['no headers', `${one}--B\r\n`],
    ['a header without a colon', `${one}--B\r\nx\r\n\r\nx\r\n--B--`],
    ['a continuation of nothing', `${one}--B\r\n x\r\n\r\nx\r\n--B--`],
    ['too much before', `${`${'x'.repeat(100)}\n`.repeat(700)}${one}--B\r\n\r\nx\r\n--B--`],
    ['a line too long before', `${'x'.repeat(70_000)}\n${one}--B\r\n\r\nx\r\n--B--`],
    ['too many headers', `--B\r\n${'a: b\r\n'.repeat(20_000)}\r\n{}\r\n--B--`],
    ['too much behind', `${one}--B\r\n\r\nx\r\n--B--\r\n${'x'.repeat(MIB + 1)}`],
    ['too many blanks', `${one}--B\r\n\r\nx\r\n--B--${' '.repeat(200)}\r\n`],
  ] as const) {
    t.equal(await read(text(sent)), 'badRequest', what)
    const piece = sent.length > 1000 ? 1000 : 3
    t.equal(await read(bodyOf(Buffer.from(sent), { piece })), 'badRequest', `${what} by ${piece}`)
  }
  t.equal(await read(text(`--B\r\n\r\n${' '.repeat(MIB + 1)}\r\n--B--`)), 'uploadTooLarge')
})

/** Bytes of which the pieces of a delimiter are a large part. */
const nearDelimiters = (boundary: string) =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom('\r', '\n', '\r\n', '-', '--', '\r\n--', '\n--', ' ', boundary),
        fc.constantFrom(`\r\n--${boundary}`, `\n--${boundary}`, `\r\n--${boundary}--`),
        fc.string({ maxLength: 4 }),
      ),
      { maxLength: 40 },
    )
    .map(pieces => pieces.join(''))
    // Only what a client may send: no whole delimiter line (RFC 2046 §5.1.1). `|` behind each keeps them apart.
    .map(sent => `${sent}|`.replaceAll(boundary, `${boundary}|`).slice(0, -1))
    .map(sent => Buffer.from(sent))

const boundary = fc.stringMatching(/^[0-9A-Za-z'()+_,./:=?-]{1,20}$/)

const sending = boundary.chain(chosen =>
  fc.record({
    boundary: fc.constant(chosen),
    content: fc.oneof(
      nearDelimiters(chosen),
      fc.uint8Array({ maxLength: 3000 }).map(bytes => Buffer.from(bytes)),
    ),
    eol: fc.constantFrom('\r\n', '\n'),
    piece: fc.oneof(fc.constantFrom(1, 2, 3), fc.integer({ min: 1, max: 500 })),
    atOnce: fc.integer({ min: 1, max: 4 }),
  }),
)

test('content comes out as it went in, however it arrives', async t => {
  await fc.assert(
    fc.asyncProperty(sending, async ({ boundary, content, eol, piece, atOnce }) => {
      const body = bodyOf(related(content, eol, boundary), { piece, atOnce, isChunked: true })
      const got = await read(body, [boundary])
      return typeof got !== 'string' && got.resource === '{}' && got.content.equals(content)
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

test('a body that ends anywhere before its end is a defect, one that breaks is a cut', async t => {
  await fc.assert(
    fc.asyncProperty(sending, async ({ boundary, content, eol, piece }) => {
      const short = Buffer.concat([content.subarray(0, 60), Buffer.from('|')])
      const whole = related(short, eol, boundary)
      for (let length = 0; length < whole.length - eol.length; length += 1) {
        const ended = await read(bodyOf(whole.subarray(0, length), { piece }), [boundary])
        const cut = await read(bodyOf(whole, { piece, cutAt: length }), [boundary])
        const isCut = cut === 'cut' || cut === 'body_cut'
        if (ended !== 'badRequest' || !isCut) throw new Error(`${length}: ${ended}, ${cut}`)
      }
    }),
    { numRuns: 60 },
  )
  t.pass()
})

test('a connection that breaks behind the last delimiter breaks the upload', async t => {
  const whole = related(Buffer.from('x'))
  t.equal(await read(bodyOf(whole, { cutAt: whole.length })), 'cut')
  t.equal(await read(bodyOf(whole, { idleAt: whole.length })), 'idle')
})

test('silence and a request to stop are handed on, and after a stop the rest comes', async t => {
  const head = Buffer.from('--B\r\n\r\n{}\r\n--B\r\n\r\n')
  t.equal(await read(bodyOf(head, { idleAt: 3 })), 'body_idle')
  t.equal(await read(bodyOf(head, { idleAt: head.length })), 'idle')

  const body = new GatedBody()
  body.push(head, Buffer.from('abc\r\n--'))
  const { content, defect } = await readRelated(body, ['B'], FRAMES)
  const stop = new AbortController()
  t.same(await content.read(IDLE_MS, stop.signal), [Buffer.from('abc')])
  const waiting = content.read(IDLE_MS, stop.signal)
  stop.abort()
  t.equal(await waiting, 'stopped')
  t.equal(await content.read(IDLE_MS, stop.signal), 'stopped')
  body.push(Buffer.from('B-'), Buffer.from('-\r\n'))
  body.end()
  t.equal(await content.read(IDLE_MS), 'end')
  t.equal(await content.read(IDLE_MS), 'end')
  t.equal(defect, undefined)
})

test('content is not copied, and no more is held back than could be a delimiter', async t => {
  const body = new GatedBody()
  body.push(Buffer.from('--B\r\n\r\n{}\r\n--B\r\n\r\n'))
  const { content } = await readRelated(body, ['B'], FRAMES)
  for (const [bytes, held] of [
    [Buffer.alloc(64 * 1024, 'a'), ''],
    [Buffer.concat([Buffer.alloc(64 * 1024, 'b'), Buffer.from('\r\n--')]), '\r\n--'],
  ] as const) {
    body.push(bytes)
    const arrival = await content.read(IDLE_MS)
    if (typeof arrival === 'string') throw new Error(arrival)
    t.same(Buffer.concat(arrival), bytes.subarray(0, bytes.length - held.length))
    t.equal(arrival.at(-1)?.buffer, bytes.buffer, 'the same memory')
  }
  body.push(Buffer.from('x'))
  t.same(await content.read(IDLE_MS), [Buffer.from('\r\n--x')])
})

test('Content-Transfer-Encoding: base64 is decoded (gcs.md §5.1)', async t => {
  const encoded = (content: string) =>
    `--B\n\n{}\n--B\ncontent-transfer-encoding: Base64\n\n${content}\n--B--`
  const bytes = Buffer.from(Array.from({ length: 200 }, (_, index) => index))
  const lines = bytes.toString('base64').replaceAll(/.{76}/g, '$&\r\n')
  for (const [content, decoded] of [
    [lines, bytes],
    [bytes.toString('base64').replaceAll('=', ''), bytes],
    ['', Buffer.alloc(0)],
    ['aGk=\r\n', Buffer.from('hi')],
  ] as const) {
    for (const piece of [1, 5, 1000]) {
      const got = await read(bodyOf(Buffer.from(encoded(content)), { piece }))
      t.same(got, { resource: '{}', type: undefined, content: decoded })
    }
  }
  for (const bad of ['a', 'a===', 'aGk=aGk=', 'aGk=a', 'aGk==', 'aG k*', 'aGk-']) {
    for (const piece of [1, 1000]) {
      t.equal(await read(bodyOf(Buffer.from(encoded(bad)), { piece })), 'badRequest', bad)
    }
  }
  t.equal(await read(text(encoded('aGk=').slice(0, -3))), 'badRequest', 'not closed')
})
