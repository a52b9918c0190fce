/** What the shipped web client sends (§4): from another origin, with the header set of its XHR, and with no way to ask the server. */

import { test } from 'tap'
import { sampleBytes, startServer, type TestServer } from '../../support/server.ts'
import { CHUNKED, contentOf, createUpload, sendChunk } from '../../support/ucloud.ts'

const ORIGIN = 'https://cloud.example.org'
const CHUNK = 16_000_000

/** What the browser adds, whatever a page does. */
const BROWSER = {
  Origin: ORIGIN,
  Referer: `${ORIGIN}/`,
  Accept: '*/*',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Accept-Language': 'da-DK,da;q=0.9,en;q=0.8',
  'Sec-Fetch-Dest': 'empty',
  'Sec-Fetch-Mode': 'cors',
  'Sec-Fetch-Site': 'cross-site',
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
}

/** Local storage: what a client knows of an upload after a pause. */
interface Strategy {
  readonly endpoint: string
  readonly protocol: string
  readonly token: string
}

async function begin(server: TestServer, name: string): Promise<Strategy> {
  const item = {
    id: `/1/${name}`,
    supportedProtocols: ['CHUNKED', 'WEBSOCKET', 'WEBSOCKET_V2'],
    conflictPolicy: 'RENAME',
    type: 'FILE',
  }
  const headers = { ...BROWSER, 'Content-Type': 'application/json; charset=utf-8' }
  const body = JSON.stringify({ items: [item] })
  const response = await server.ask('POST /api/files/upload', headers, body)
  return response.json().responses[0]
}

/** One chunk, without a Content-Type; answers whether it is acknowledged. */
async function sendOne(
  server: TestServer,
  { endpoint, token }: Strategy,
  file: Buffer,
  offset: number,
): Promise<boolean> {
  const headers = {
    ...BROWSER,
    'Chunked-Upload-Offset': offset,
    'Chunked-Upload-Token': token,
    'Chunked-Upload-Total-Size': file.length,
    'UCloud-Username': Buffer.from('user#1234').toString('base64'),
  }
  const chunk = file.subarray(offset, offset + CHUNK)
  // The port is another after a restart; a real server keeps its own.
  const path = new URL(endpoint).pathname
  const { status } = await server.ask(`POST ${path}`, headers, chunk)
  return status >= 200 && status < 300
}

test('UCLOUD-36: chunks of 16 000 000 bytes, a pause, a restart, and on from the stored offset', async t => {
  const server = await startServer(t)
  const file = sampleBytes(3 * CHUNK + 1_234_567)
  const strategy = await begin(server, 'film.mp4')
  t.equal(strategy.protocol, 'CHUNKED')
  let stored = 0
  const proceed = async (to: number) => {
    while (stored < to) {
      t.ok(await sendOne(server, strategy, file, stored))
      stored += Math.min(CHUNK, file.length - stored)
    }
  }
  await proceed(2 * CHUNK)
  t.equal(await contentOf(server, 'film.mp4'), undefined)
  await server.restart()
  server.ahead = 47 * 3_600_000
  await proceed(file.length)
  t.ok((await contentOf(server, 'film.mp4'))?.equals(file))
})

test('UCLOUD-36: a chunk whose answer was lost is sent again from the stored offset', async t => {
  const server = await startServer(t)
  const file = sampleBytes(CHUNK + 5)
  const strategy = await begin(server, 'a')
  for (const offset of [0, 0, CHUNK, CHUNK]) t.ok(await sendOne(server, strategy, file, offset))
  t.ok((await contentOf(server, 'a'))?.equals(file))
})

test('UCLOUD-36: five files at a time', async t => {
  const server = await startServer(t)
  const files = Array.from({ length: 5 }, (_, n) => sampleBytes(100_000 + n, String(n)))
  const strategies = await Promise.all(files.map((_, n) => begin(server, `${n}`)))
  for (const [n, file] of files.entries()) {
    t.ok(await sendOne(server, strategies[n] as Strategy, file, 0))
  }
  for (const [n, file] of files.entries()) {
    t.ok((await contentOf(server, `${n}`))?.equals(file))
  }
})

test('UCLOUD-36: an empty file is there, though no chunk is ever sent', async t => {
  const server = await startServer(t)
  await begin(server, 'empty.txt')
  t.equal((await contentOf(server, 'empty.txt'))?.length, 0)
})

test('UCLOUD-33: the preflight', async t => {
  const server = await startServer(t)
  const asked = [
    'chunked-upload-offset',
    'chunked-upload-token',
    'chunked-upload-total-size',
    'ucloud-username',
    'upload-name',
    'authorization',
  ]
  for (const path of [
    CHUNKED,
    '/ucloud/ucloud/chunked',
    '/api/files/upload',
    '/api/files/download',
  ]) {
    for (const headers of [asked.join(','), '']) {
      const response = await server.ask(`OPTIONS ${path}`, {
        Origin: ORIGIN,
        'Access-Control-Request-Method': 'POST',
        ...(headers && { 'Access-Control-Request-Headers': headers }),
      })
      t.equal(response.status, 204)
      t.equal(response.headers['access-control-allow-origin'], ORIGIN)
      t.match(response.headers['access-control-allow-methods'], 'POST')
      const allowed = response.headers['access-control-allow-headers']?.split(', ') ?? []
      t.strictSame(
        asked.filter(name => !allowed.includes(name)),
        [],
      )
      t.equal(response.headers['vary'], 'Origin')
    }
  }
})

test('UCLOUD-33: a page may read answers and errors', async t => {
  const server = await startServer(t)
  const token = await createUpload(server)
  const headers = { Origin: ORIGIN }
  const good = await sendChunk(server, token, 0, 'x', { headers })
  const bad = await sendChunk(server, token, 99, 'x', { headers })
  const unknown = await sendChunk(server, 'nobody', 0, 'x', { headers })
  const long = await server.connect()
  long.head(`POST ${CHUNKED}`, {
    ...headers,
    'Chunked-Upload-Token': token,
    'Chunked-Upload-Offset': 0,
    'Content-Length': 32_000_001,
  })
  for (const response of [good, bad, unknown, await long.response()]) {
    t.equal(response.headers['access-control-allow-origin'], ORIGIN)
  }
  const plain = await sendChunk(server, token, 1, 'x')
  t.notOk('access-control-allow-origin' in plain.headers)
})
