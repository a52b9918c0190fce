/**
 * Every bound on what a client says about an object, at the bound and one beyond it, and answered in the door's form. Those on the
 * request itself (URL, headers, connections) are in test/http/connection.test.ts.
 */

import { test } from 'tap'
import type { Response } from '../../support/conversation.ts'
import { begin, initiate, put, upload } from '../../support/google.ts'
import { startServer, type TestServer } from '../../support/server.ts'

const KIB = 1024
const long = (length: number) => 'x'.repeat(length)

interface Bound {
  readonly what: string
  readonly at: number
  readonly refused: { readonly status: number; readonly reason: string }
  readonly ask: (server: TestServer, size: number) => Promise<Response>
}

const invalid = { status: 400, reason: 'invalid' }
const tooLarge = { status: 413, reason: 'uploadTooLarge' }
const object = '/storage/v1/b/bkt/o/small'

const patch = (server: TestServer, resource: object) =>
  server.ask(`PATCH ${object}`, {}, JSON.stringify(resource))

const BOUNDS: readonly Bound[] = [
  {
    what: 'bytes of an object name, in the query',
    at: 1024,
    refused: invalid,
    ask: (server, size) => begin(server, long(size)),
  },
  {
    what: 'bytes of an object name, percent-encoded',
    at: 341,
    refused: invalid,
    ask: (server, size) => upload(server, `${'€'.repeat(size)}n`, 'x'),
  },
  {
    what: 'bytes of an object name, in the resource',
    at: 1024,
    refused: invalid,
    ask: (server, size) =>
      server.ask(
        'POST /upload/storage/v1/b/bkt/o?uploadType=resumable',
        {},
        JSON.stringify({ name: long(size) }),
      ),
  },
  {
    what: 'characters of a bucket name',
    at: 63,
    refused: invalid,
    ask: (server, size) =>
      server.ask('POST /storage/v1/b', {}, JSON.stringify({ name: long(size) })),
  },
  {
    what: 'bytes of custom metadata, keys and values together (gcs.md §2)',
    at: 8 * KIB,
    refused: invalid,
    ask: (server, size) =>
      patch(server, { metadata: { key: long(4 * KIB), k: long(size - 4100) } }),
  },
  {
    what: 'bytes of custom metadata in headers of the last request (gcs.md §7)',
    at: 8 * KIB,
    refused: invalid,
    ask: async (server, size) => {
      const headers = {
        'X-Goog-Meta-Key': long(4 * KIB),
        'X-Goog-Meta-K': long(size - 4 * KIB - 4),
      }
      return put(server, await initiate(server, 'meta'), '0-0/1', 'x', headers)
    },
  },
  {
    what: 'bytes of a field that comes back as a header',
    at: 4 * KIB,
    refused: invalid,
    ask: (server, size) => patch(server, { contentDisposition: long(size) }),
  },
  {
    what: 'contexts of an object',
    at: 50,
    refused: invalid,
    ask: (server, size) =>
      patch(server, {
        contexts: {
          custom: Object.fromEntries(Array.from({ length: size }, (_, n) => [n, { value: 'v' }])),
        },
      }),
  },
  {
    what: "bytes of a context's value",
    at: 256,
    refused: invalid,
    ask: (server, size) => patch(server, { contexts: { custom: { 0: { value: long(size) } } } }),
  },
  {
    what: 'bytes of a JSON body',
    at: KIB * KIB,
    refused: tooLarge,
    ask: (server, size) => server.ask(`PATCH ${object}`, {}, `{}${' '.repeat(size - 2)}`),
  },
  {
    what: 'bytes of a JSON body without a length',
    at: KIB * KIB,
    refused: tooLarge,
    ask: async (server, size) => {
      const wire = await server.connect()
      wire.head(`PATCH ${object}`, { 'Transfer-Encoding': 'chunked' })
      wire.send(`${size.toString(16)}\r\n{}${' '.repeat(size - 2)}\r\n0\r\n\r\n`)
      const response = await wire.response()
      wire.close()
      return response
    },
  },
  {
    what: 'bytes of the resource in a multipart upload',
    at: KIB * KIB,
    refused: tooLarge,
    ask: (server, size) => {
      const parts = [`{"name":"m"}${' '.repeat(size - 12)}`, 'content']
      const body = parts.map(part => `--b\r\nContent-Type: a/b\r\n\r\n${part}\r\n`).join('')
      const type = { 'Content-Type': 'multipart/related; boundary=b' }
      return server.ask(
        'POST /upload/storage/v1/b/bkt/o?uploadType=multipart',
        type,
        `${body}--b--`,
      )
    },
  },
  {
    what: 'calls in a batch (gcs.md §2)',
    at: 100,
    refused: { status: 400, reason: 'badRequest' },
    ask: (server, size) => {
      const part = `--b\r\nContent-Type: application/http\r\n\r\nGET ${object} HTTP/1.1\r\n\r\n\r\n`
      const type = { 'Content-Type': 'multipart/mixed; boundary=b' }
      return server.ask('POST /batch/storage/v1', type, `${part.repeat(size)}--b--`)
    },
  },
  {
    what: 'sources of a compose (gcs.md §2)',
    at: 32,
    refused: invalid,
    ask: (server, size) =>
      server.ask(
        'POST /storage/v1/b/bkt/o/composed/compose',
        {},
        JSON.stringify({ sourceObjects: Array(size).fill({ name: 'small' }) }),
      ),
  },
  {
    what: "bytes of a bucket's settings",
    at: 64 * KIB,
    refused: invalid,
    ask: (server, size) => {
      const labels = (n: number) => ({ labels: { k: long(n) } })
      const frame = JSON.stringify(labels(0)).length
      return server.ask('PATCH /storage/v1/b/bkt', {}, JSON.stringify(labels(size - frame)))
    },
  },
  {
    what: 'bytes of an object (TIDEMARK_MAX_OBJECT_SIZE)',
    at: 100_000,
    refused: tooLarge,
    ask: (server, size) => upload(server, 'large', long(size)),
  },
]

test('what a client may say, and not more', async t => {
  const server = await startServer(t, { maxObjectSize: 100_000 })
  await upload(server, 'small', 'x')
  for (const { what, at, refused, ask } of BOUNDS) {
    const within = await ask(server, at)
    t.equal(within.status, 200, `${at} ${what}: ${within.text.slice(0, 200)}`)
    const beyond = await ask(server, at + 1)
    t.equal(beyond.status, refused.status, `${at + 1} ${what}`)
    t.equal(beyond.json().error.errors[0].reason, refused.reason, `${at + 1} ${what}`)
  }
})
