import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { UploadError } from '../../../src/engine/failure.ts'
import { initiate, put, read, upload } from '../../support/google.ts'
import { sampleBytes, startServer } from '../../support/server.ts'

const OF_THE_OBJECT = [
  'content-encoding',
  'cache-control',
  'content-disposition',
  'content-language',
  'etag',
  'last-modified',
  'accept-ranges',
]

const GET = 'GET /storage/v1/b/bkt/o/a?alt=media'

function ofTheObject(headers: Readonly<Record<string, string>>): string[] {
  const isOf = (name: string) => OF_THE_OBJECT.includes(name) || name.startsWith('x-goog-')
  return Object.keys(headers).filter(isOf)
}

test('an error says nothing of the object: 416, and a failure before the first byte', async t => {
  const server = await startServer(t)
  const said = { contentEncoding: 'gzip', cacheControl: 'public', contentLanguage: 'de' }
  await put(server, await initiate(server, 'a', {}, said), undefined, 'hello')
  const headers = { 'Accept-Encoding': 'gzip', Origin: 'https://page.example' }
  t.equal(ofTheObject((await read(server, 'a', headers)).headers).length > 8, true)
  const { objects } = server.app.engine
  const open = objects.open.bind(objects)
  for (const path of ['/storage/v1/b/bkt/o/a?alt=media', '/bkt/a']) {
    const past = await server.ask(`GET ${path}`, { ...headers, Range: 'bytes=100-' })
    t.equal(past.status, 416)
    t.strictSame(ofTheObject(past.headers), [])
    t.equal(past.headers['content-range'], 'bytes */5')

    const failure = new UploadError({ code: 'storage_failed' })
    objects.open = async () => {
      throw failure
    }
    const unopened = await server.ask(`GET ${path}`, headers)
    t.equal(unopened.status, 503)
    t.strictSame(ofTheObject(unopened.headers), [])
    objects.open = async wanted => ({
      ...(await open(wanted)),
      // biome-ignore lint/correctness/useYield: it fails before it has anything.
      async *read() {
        throw failure
      },
    })
    const unread = await server.ask(`GET ${path}`, headers)
    objects.open = open
    t.equal(unread.status, 503)
    t.strictSame(ofTheObject(unread.headers), [])
    t.equal(unread.headers['content-length'], String(unread.body.length))
    t.equal(unread.headers['vary'] !== undefined, true)
  }
  const cors = await server.ask(GET, { ...headers, Range: 'bytes=100-' })
  t.equal(cors.headers['access-control-allow-origin'], 'https://page.example')
})

test('a reader who is gone before the first byte lets the object go', async t => {
  const server = await startServer(t, { faults: true })
  await upload(server, 'a', sampleBytes(3_000_000))
  const { objects } = server.app.engine
  const open = objects.open.bind(objects)
  const faults = JSON.stringify({
    instructions: { 'storage.objects.get': ['return-broken-stream', 'return-broken-stream'] },
  })
  const { id } = (await server.ask('POST /retry_test', {}, faults)).json()
  // With a fault in it, the stream that is sent is another one, and nobody begins to read either of them.
  for (const headers of [{}, { 'x-retry-test-id': id }]) {
    for (const path of ['/storage/v1/b/bkt/o/a?alt=media', '/bkt/a']) {
      const wire = await server.connect()
      const isClosed = Promise.withResolvers<boolean>()
      objects.open = async wanted => {
        const opened = await open(wanted)
        server.log.length = 0
        wire.cut()
        while (!server.log.some(line => line.includes('"gone":true'))) await sleep(5)
        const close = () => {
          opened.close()
          isClosed.resolve(true)
        }
        return { ...opened, close }
      }
      wire.head(`GET ${path}`, headers)
      const isLate = sleep(3000, false, { ref: false })
      t.ok(await Promise.race([isClosed.promise, isLate]), `${path} ${Object.keys(headers)}`)
    }
  }
})
