import { test } from 'tap'
import { parseInstruction } from '../../../src/protocols/google/fault-plan.ts'
import { G, initiate, metadata, put, query, read, upload } from '../../support/google.ts'
import { sampleBytes, startServer, type Test, type TestServer } from '../../support/server.ts'

interface Planned {
  readonly id: string
  readonly header: { readonly 'x-retry-test-id': string }
  completed(): Promise<boolean>
}

/** A retry test with these instructions for one method. */
async function plan(server: TestServer, method: string, ...list: string[]): Promise<Planned> {
  const made = await server.ask(
    'POST /retry_test',
    { 'Content-Type': 'application/json' },
    JSON.stringify({ instructions: { [method]: list } }),
  )
  if (made.status !== 200) throw new Error(made.text)
  const { id } = made.json()
  return {
    id,
    header: { 'x-retry-test-id': id },
    completed: async () => (await server.ask(`GET /retry_test/${id}`)).json().completed,
  }
}

const withFaults = (t: Test) => startServer(t, { faults: true })
const INSERT = 'storage.objects.insert'
const GET = 'storage.objects.get'

test('a retry test is made, shown, listed and deleted', async t => {
  const server = await withFaults(t)
  const instructions = { 'storage.buckets.list': ['return-503', 'return-429'], [INSERT]: [] }
  const made = await server.ask('POST /retry_test', {}, JSON.stringify({ instructions }))
  t.equal(made.status, 200)
  const { id } = made.json()
  const resource = { id, instructions, completed: false, transport: 'HTTP' }
  t.strictSame(made.json(), resource)
  t.strictSame((await server.ask(`GET /retry_test/${id}`)).json(), resource)
  t.strictSame((await server.ask('GET /retry_test')).json(), { retry_test: [resource] })
  t.equal((await server.ask(`DELETE /retry_test/${id}`)).status, 200)
  t.equal((await server.ask(`GET /retry_test/${id}`)).status, 404)
  const unknown = await server.ask('GET /storage/v1/b', { 'x-retry-test-id': id })
  t.equal(unknown.status, 404)
  for (const wrong of [
    '{}',
    '{"instructions":{"storage.objects.fly":["return-503"]}}',
    '{"instructions":{"storage.objects.get":"return-503"}}',
    '{"instructions":{"storage.objects.get":["return-nothing"]}}',
    '{"instructions":{},"transport":"GRPC"}',
  ]) {
    t.equal((await server.ask('POST /retry_test', {}, wrong)).status, 400, wrong)
  }
})

test('the instructions of the testbench', t => {
  const cases = {
    'return-408': { kind: 'status', status: 408 },
    'return-503-after-256K': { kind: 'status_after', status: 503, bytes: G },
    'return-reset-connection': { kind: 'reset' },
    'return-broken-stream': { kind: 'break_after', bytes: 4 },
    'return-broken-stream-after-128K': { kind: 'break_after', bytes: G / 2 },
    'return-broken-stream-final-chunk-after-70B': { kind: 'break_final_after', bytes: 70 },
    'stall-for-10s-after-12K': { kind: 'stall_after', ms: 10_000, bytes: 12_288 },
    'stall-at-256KiB': { kind: 'stall_after', ms: 10_000, bytes: G },
  }
  for (const [instruction, fault] of Object.entries(cases)) {
    t.strictSame(parseInstruction(instruction), fault, instruction)
  }
  t.equal(parseInstruction('return-200'), undefined)
  t.end()
})

test('off by default: there is nothing at /retry_test, and the header says nothing', async t => {
  const server = await startServer(t)
  t.equal((await server.ask('POST /retry_test', {}, '{}')).status, 404)
  t.equal((await server.ask('GET /retry_test')).text, 'Not Found')
  t.equal((await server.ask('GET /storage/v1/b', { 'x-retry-test-id': 'x' })).status, 200)
})

test('return-<status>: one instruction a request, for the method it is, and for nobody else', async t => {
  const server = await withFaults(t)
  await upload(server, 'dir/a', 'hello')
  const requests = {
    'storage.buckets.list': ['GET /storage/v1/b', 'GET /b'],
    'storage.buckets.get': ['GET /storage/v1/b/bkt', 'HEAD /bkt'],
    'storage.objects.list': ['GET /storage/v1/b/bkt/o?prefix=x', 'GET /bkt?prefix=x'],
    [GET]: ['GET /storage/v1/b/bkt/o/dir%2Fa', 'GET /bkt/dir/a', 'GET /b/bkt/o/dir%2Fa?alt=media'],
    'storage.objects.delete': ['DELETE /storage/v1/b/bkt/o/none', 'DELETE /bkt/none'],
    'storage.objects.patch': ['PATCH /storage/v1/b/bkt/o/dir%2Fa'],
    'storage.objects.compose': ['POST /storage/v1/b/bkt/o/c/compose'],
    'storage.objects.rewrite': ['POST /storage/v1/b/bkt/o/dir%2Fa/rewriteTo/b/bkt/o/c'],
    [INSERT]: ['POST /upload/storage/v1/b/bkt/o?uploadType=resumable&name=b'],
  }
  for (const [method, targets] of Object.entries(requests)) {
    for (const target of targets) {
      const { header, completed } = await plan(server, method, 'return-503', 'return-429')
      const answers: number[] = []
      for (const headers of [header, {}, header, header] as Record<string, string>[]) {
        answers.push((await server.ask(target, headers)).status)
      }
      const [first, other = 0, second, last = 0] = answers
      t.strictSame([first, second], [503, 429], target)
      t.notOk([503, 429].includes(other) || [503, 429].includes(last), target)
      t.ok(await completed(), target)
    }
  }
  const { header } = await plan(server, GET, 'return-504')
  t.equal((await server.ask('GET /storage/v1/b', header)).status, 200)
  const json = await server.ask('GET /storage/v1/b/bkt/o/a', { ...header, Origin: 'http://x' })
  t.equal(json.json().error.errors[0].reason, 'backendError')
  t.equal(json.headers['access-control-allow-origin'], 'http://x')
})

test('return-503-after-256K: what came before it is kept, and the upload goes on', async t => {
  const server = await withFaults(t)
  const bytes = sampleBytes(6 * G + 1000)
  const session = await initiate(server)
  const { header, completed } = await plan(
    server,
    INSERT,
    'return-503-after-256K',
    'return-500-after-1000K',
    'return-408-after-1024K',
  )
  const send = (from: number) =>
    put(
      server,
      session,
      `${from}-${bytes.length - 1}/${bytes.length}`,
      bytes.subarray(from),
      header,
    )
  const persisted = async () => (await query(server, session)).headers['range']
  const first = await send(0)
  t.equal(first.status, 503)
  t.match(first.json().error.message, 'return-503-after-256K')
  t.equal(await persisted(), `bytes=0-${G - 1}`)
  t.equal((await send(G)).status, 500)
  t.equal(await persisted(), `bytes=0-${3 * G - 1}`, 'whole granules of 1000 KiB')
  t.notOk(await completed())
  // A chunk that lies wholly beyond it is answered so at once; one wholly before it does not meet it.
  const before = `${3 * G}-${4 * G - 1}/*`
  t.equal((await put(server, session, before, bytes.subarray(3 * G, 4 * G))).status, 308)
  t.equal((await send(4 * G)).status, 408)
  t.equal(await persisted(), `bytes=0-${4 * G - 1}`)
  t.ok(await completed())
  t.equal((await send(4 * G)).status, 200)
  t.ok((await read(server, 'a.bin')).body.equals(bytes))
})

test('a fault at the very end of the last chunk, and Go’s way: the same chunk again', async t => {
  const server = await withFaults(t)
  const bytes = sampleBytes(2 * G)
  const session = await initiate(server)
  const { header } = await plan(server, INSERT, 'return-503-after-512K')
  const range = `0-${2 * G - 1}/${2 * G}`
  t.equal((await put(server, session, range, bytes, header)).status, 503)
  t.equal((await metadata(server, 'a.bin')).status, 404)
  t.equal((await put(server, session, range, bytes, header)).status, 200)
  t.ok((await read(server, 'a.bin')).body.equals(bytes))
})

test('an upload in one request: all of it is refused', async t => {
  const server = await withFaults(t)
  const bytes = sampleBytes(3 * G)
  const { header } = await plan(server, INSERT, 'return-503-after-256K')
  t.equal((await upload(server, 'small', 'x', header)).status, 200, 'it does not get there')
  t.equal((await upload(server, 'a', bytes, header)).status, 503)
  t.equal((await metadata(server, 'a')).status, 404)
  t.equal((await upload(server, 'a', bytes, header)).status, 200)
  t.ok((await read(server, 'a')).body.equals(bytes))
})

test('return-reset-connection: nothing is done', async t => {
  const server = await withFaults(t)
  const { header, completed } = await plan(server, INSERT, 'return-reset-connection')
  await t.rejects(upload(server, 'a', 'x', header), /connection ended/)
  t.equal((await metadata(server, 'a')).status, 404)
  t.ok(await completed())
  t.equal((await upload(server, 'a', 'x', header)).status, 200)
})

test('return-broken-stream: a read breaks off where it was asked to, JSON and XML', async t => {
  const server = await withFaults(t)
  const bytes = sampleBytes(4 * G)
  await upload(server, 'a', bytes)
  for (const path of ['/storage/v1/b/bkt/o/a?alt=media', '/bkt/a']) {
    for (const [instruction, after] of [
      ['return-broken-stream', 4],
      ['return-broken-stream-after-512K', 2 * G],
    ] as const) {
      const { header, completed } = await plan(server, GET, instruction)
      const wire = await server.connect()
      wire.head(`GET ${path}`, header)
      await t.rejects(wire.response(), /connection ended/)
      t.ok(await completed(), instruction)
      const again = await server.ask(`GET ${path}`, { ...header, Range: `bytes=${after}-` })
      t.equal(again.status, 206)
      t.ok(again.body.equals(bytes.subarray(after)))
      wire.close()
    }
  }
})

test('return-broken-stream-final-chunk: the object is there, only its answer was lost', async t => {
  const server = await withFaults(t)
  const bytes = sampleBytes(2 * G)
  const session = await initiate(server)
  const { header, completed } = await plan(
    server,
    INSERT,
    'return-broken-stream-final-chunk-after-70B',
  )
  const first = await put(server, session, `0-${G - 1}/${2 * G}`, bytes.subarray(0, G), header)
  t.equal(first.status, 308)
  const last = put(server, session, `${G}-${2 * G - 1}/${2 * G}`, bytes.subarray(G), header)
  await t.rejects(last, /connection ended/)
  t.ok(await completed())
  const done = await query(server, session)
  t.equal(done.status, 200)
  t.equal(done.json().size, String(2 * G))
  t.ok((await read(server, 'a.bin')).body.equals(bytes))
})

test('stall: silence, then it goes on', async t => {
  const server = await withFaults(t)
  const bytes = sampleBytes(3 * G)
  const session = await initiate(server)
  const writing = await plan(server, INSERT, 'stall-for-1s-after-256K')
  const began = Date.now()
  const range = `0-${bytes.length - 1}/${bytes.length}`
  t.equal((await put(server, session, range, bytes, writing.header)).status, 200)
  t.ok(Date.now() - began >= 950)
  const reading = await plan(server, GET, 'stall-for-1s-after-128K')
  const asked = Date.now()
  t.ok((await read(server, 'a.bin', reading.header)).body.equals(bytes))
  t.ok(Date.now() - asked >= 950)
  t.ok((await writing.completed()) && (await reading.completed()))
})

test('P1: a fault takes back nothing that was acknowledged', async t => {
  const server = await withFaults(t)
  const bytes = sampleBytes(8 * G)
  const session = await initiate(server)
  const faults = [1, 2, 3, 4, 5, 6, 7].map(n => `return-503-after-${n * 256 + 100}K`)
  const { header, completed } = await plan(server, INSERT, ...faults)
  let persisted = 0
  for (let status = 0; status !== 200; ) {
    const range = `${persisted}-${8 * G - 1}/${8 * G}`
    status = (await put(server, session, range, bytes.subarray(persisted), header)).status
    if (status === 200) break
    const { range: kept = 'bytes=0--1' } = (await query(server, session)).headers
    const now = Number(kept.slice('bytes=0-'.length)) + 1
    t.ok(now >= persisted, `${now} after ${persisted}`)
    persisted = now
  }
  t.ok(await completed())
  t.ok((await read(server, 'a.bin')).body.equals(bytes))
})
