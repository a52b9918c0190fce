import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import type { Response } from '../../support/conversation.ts'
import { metadata, upload } from '../../support/google.ts'
import { startServer, type TestServer } from '../../support/server.ts'

type Headers = Readonly<Record<string, string | number>>

interface Inner {
  readonly id: string | undefined
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** As Python frames it: LF between the parts, CRLF inside of them. */
function batchOf(calls: readonly string[]): string {
  const parts = calls.map(
    (call, index) =>
      `--==1==\nContent-Type: application/http\nMIME-Version: 1.0\nContent-ID: <c + ${index}>\n\n${call}\n`,
  )
  return `${parts.join('')}--==1==--\n`
}

async function ask(
  server: TestServer,
  calls: readonly string[],
  headers: Headers = {},
  path = '/batch/storage/v1',
): Promise<readonly Inner[]> {
  const type = { 'Content-Type': 'multipart/mixed; boundary="==1=="' }
  const response = await server.ask(`POST ${path}`, { ...type, ...headers }, batchOf(calls))
  return innerOf(response)
}

function innerOf({ status, headers, text }: Response): readonly Inner[] {
  const [, boundary] =
    /^multipart\/mixed; boundary=(batch_[\w-]+)$/.exec(headers['content-type'] ?? '') ?? []
  if (status !== 200 || boundary === undefined) throw new Error(`${status} ${text}`)
  const [preamble, ...parts] = text.split(`--${boundary}`)
  if (preamble !== '' || parts.pop() !== '--\r\n') throw new Error(`malformed: ${text}`)
  return parts.map(part => {
    const [outer = '', head = '', ...body] = part.slice(2, -2).split('\r\n\r\n')
    const [statusLine = '', ...lines] = head.split('\r\n')
    const [, code] = /^HTTP\/1\.1 (\d{3}) \S/.exec(statusLine) ?? []
    return {
      id: headersOf(outer.split('\r\n'))['content-id'],
      status: Number(code),
      headers: headersOf(lines),
      body: body.join('\r\n\r\n'),
    }
  })
}

function headersOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map(line => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
}

test('GCS-64: three calls, one of which fails', async t => {
  const server = await startServer(t)
  await upload(server, 'dir/a', 'hello')
  await upload(server, 'b', 'hello')
  for (const path of ['/batch/storage/v1', '/batch']) {
    await upload(server, 'b', 'hello')
    const answers = await ask(
      server,
      [
        'GET /storage/v1/b/bkt/o/dir%2Fa HTTP/1.1\r\n\r\n',
        'DELETE https://storage.googleapis.com/storage/v1/b/bkt/o/nope HTTP/1.1\r\n\r\n',
        'DELETE /storage/v1/b/bkt/o/b HTTP/1.1\r\n\r\n',
      ],
      {},
      path,
    )
    t.same(
      answers.map(({ id, status }) => [id, status]),
      [
        ['<response-c + 0>', 200],
        ['<response-c + 1>', 404],
        ['<response-c + 2>', 204],
      ],
    )
    const [found, missing, removed] = answers
    t.equal(found?.headers['content-type'], 'application/json; charset=UTF-8')
    // The address that the client used (§3).
    t.strictSame(JSON.parse(found?.body ?? ''), (await metadata(server, 'dir/a')).json())
    t.equal(JSON.parse(missing?.body ?? '').error.errors[0].reason, 'notFound')
    t.equal(removed?.body, '')
    t.equal((await metadata(server, 'b')).status, 404)
  }
})

test('calls with bodies, and headers of the batch', async t => {
  const server = await startServer(t)
  const insert = (name: string) =>
    `POST /storage/v1/b HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n{"name":"${name}"}`
  const answers = await ask(server, ['one', 'two', 'one', 'NOT'].map(insert))
  t.same(answers.map(({ status }) => status).sort(), [200, 200, 400, 409])
  t.equal((await server.ask('GET /storage/v1/b/two')).status, 200)

  const [etag] = [(await upload(server, 'a', 'hello')).json().etag]
  const get = 'GET /storage/v1/b/bkt/o/a HTTP/1.1\r\n'
  const conditional = await ask(server, [get, `${get}If-None-Match: other\r\n`], {
    'If-None-Match': etag,
  })
  t.same(
    conditional.map(({ status }) => status),
    [304, 200],
  )
  const [named] = await ask(server, [`${get}Host: elsewhere\r\nX-Forwarded-Host: elsewhere\r\n`])
  t.match(named?.body, `"selfLink":"${server.base}/`)
})

test('a hundred calls answer in order; one more is refused', async t => {
  const server = await startServer(t)
  for (let index = 0; index < 10; index += 1) await upload(server, `o${index}`, 'x')
  const calls = Array.from(
    { length: 100 },
    (_, index) => `GET /b/bkt/o/o${index % 20}?fields=name HTTP/1.1\r\n`,
  )
  const answers = await ask(server, calls)
  t.same(
    answers.map(({ id, status }) => `${id} ${status}`),
    calls.map((_, index) => `<response-c + ${index}> ${index % 20 < 10 ? 200 : 404}`),
  )
  await t.rejects(ask(server, [...calls, 'GET /b HTTP/1.1\r\n']), { message: /^400 / })
})

test('media and nested batches are refused inside, alone', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'hello')
  const refused = [
    'GET /storage/v1/b/bkt/o/a?alt=media',
    'GET /storage/v1/b/bkt/o/a?fields=name&alt=Media',
    'GET /download/storage/v1/b/bkt/o/a',
    'GET /storage/v1/download/storage/v1/b/bkt/o/a',
    'POST /upload/storage/v1/b/bkt/o?uploadType=media&name=b',
    'POST /storage/v1/upload/storage/v1/b/bkt/o?uploadType=media&name=b',
    'POST /batch/storage/v1',
    'GET /-/metrics',
    'GET http://elsewhere',
    'OPTIONS *',
    'OPTIONS /b',
    'FOO /b',
  ].map(call => `${call} HTTP/1.1\r\n\r\n`)
  const form =
    'POST /storage/v1/b/bkt/o/a HTTP/1.1\r\nX-HTTP-Method-Override: GET\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nalt=media'
  const good = 'GET /storage/v1/b/bkt/o/a?alt=json HTTP/1.1\r\n\r\n'
  const answers = await ask(server, [...refused, form, 'nonsense', good])
  t.equal(answers.at(-1)?.status, 200)
  for (const { id, status, body } of answers.slice(0, -1)) {
    t.equal(status, 400, id ?? '')
    t.equal(JSON.parse(body).error.errors[0].reason, 'badRequest')
  }
})

test('a call never reaches another object than the one it names', async t => {
  const server = await startServer(t)
  const names = ['b', 'a/../b', 'a/%2e%2e/b', 'b#c', 'a\\b', 'a/b']
  for (const name of names) await upload(server, name, 'hello')
  for (const raw of ['a/../b', 'a/%2E./b', './b', 'b#c', 'x/..', 'a\\b', 'ä']) {
    const [answer] = await ask(server, [`DELETE /storage/v1/b/bkt/o/${raw} HTTP/1.1\r\n`])
    t.equal(answer?.status, 400, raw)
  }
  for (const name of names) t.equal((await metadata(server, name)).status, 200, name)
  const encoded = await ask(
    server,
    names.map(name => `DELETE /storage/v1/b/bkt/o/${encodeURIComponent(name)} HTTP/1.1\r\n`),
  )
  t.same(
    encoded.map(({ status }) => status),
    names.map(() => 204),
  )
})

test('the batch as a whole', async t => {
  const server = await startServer(t)
  const type = { 'Content-Type': 'multipart/mixed; boundary="==1=="' }
  const body = batchOf(['GET /b HTTP/1.1\r\n'])
  t.equal((await server.ask('POST /batch', {}, body)).status, 400)
  t.equal((await server.ask('POST /batch', type, '')).status, 400)
  t.equal((await server.ask('POST /batch', type, body.slice(0, -4))).status, 400)
  t.equal((await server.ask('GET /batch')).status, 405)
  const gzip = { ...type, 'Content-Encoding': 'gzip' }
  t.equal(innerOf(await server.ask('POST /batch', gzip, gzipSync(body))).length, 1)
  t.equal((await server.ask('POST /batch', gzip, body)).status, 400)
})
