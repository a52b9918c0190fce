import { join } from 'node:path'
import { test } from 'tap'
import { Budget } from '../../src/engine/budget.ts'
import { Metrics } from '../../src/metrics/metrics.ts'
import { growth, parseExposition, scrape } from '../support/exposition.ts'
import { begin, G, initiate, put, query, read, tokenOf, upload } from '../support/google.ts'
import { startGuarded } from '../support/keys.ts'
import { sampleBytes, startServer, type TestServer } from '../support/server.ts'

const HOUR = 3_600_000
const MIB = 1024 * 1024

/** What the requests of `talk` change. The scrapes themselves are left out. */
async function changes(server: TestServer, talk: () => Promise<unknown>) {
  const before = await scrape(server)
  await talk()
  const grown = growth(before, await scrape(server))
  delete grown['tidemark_http_responses_total{class="2xx",door="operations"}']
  return grown
}

/** Resolves when the series has the value. */
async function shows(server: TestServer, key: string, value: number): Promise<void> {
  while ((await scrape(server)).get(key) !== value) {}
}

test('it is Prometheus text, and HEAD has its headers', async t => {
  const server = await startServer(t)
  const answer = await server.ask('GET /-/metrics')
  t.equal(answer.status, 200)
  t.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  parseExposition(answer.text)
  const head = await server.ask('HEAD /-/metrics')
  t.equal(head.status, 200)
  t.equal(head.headers['content-type'], answer.headers['content-type'])
})

test('every series of an open door is there from the start', async t => {
  const server = await startServer(t, { doors: ['gws'] })
  const series = await scrape(server)
  for (const door of ['google', 'gws']) {
    for (const outcome of ['published', 'cancelled', 'expired', 'invalid', 'failed']) {
      t.equal(series.get(`tidemark_uploads_total{door="${door}",outcome="${outcome}"}`), 0)
    }
    t.equal(series.get(`tidemark_received_bytes_total{door="${door}"}`), 0)
    t.equal(series.get(`tidemark_open_sessions{door="${door}"}`), 0)
    t.equal(series.get(`tidemark_oldest_session_age_seconds{door="${door}"}`), 0)
    t.equal(series.get(`tidemark_chunk_duration_seconds_count{door="${door}"}`), 0)
    t.equal(series.get(`tidemark_http_responses_total{class="gone",door="${door}"}`), 0)
  }
  for (const reason of ['no_space', 'body_cut', 'superseded', 'storage_failed']) {
    t.equal(series.get(`tidemark_refusals_total{reason="${reason}"}`), 0)
  }
  t.notOk(
    [...series.keys()].some(key => key.includes('door="dxl"')),
    'that one is closed',
  )
})

test('how things stand: disk, memory, process, version', async t => {
  const server = await startServer(t, { reserveBytes: 12_345, bufferBytes: 64 * MIB })
  const series = await scrape(server)
  t.equal(series.get('tidemark_disk_reserve_bytes'), 12_345)
  t.equal(series.get('tidemark_buffer_limit_bytes'), 64 * MIB)
  t.equal(series.get('tidemark_buffer_bytes'), 0)
  t.equal(series.get('tidemark_hasher_lag_bytes'), 0)
  const { free, capacity } = await server.app.engine.measure().then(({ space }) => space)
  t.equal(series.get('tidemark_disk_capacity_bytes'), capacity)
  t.ok(free > 0 && free <= capacity)
  t.ok((series.get('process_resident_memory_bytes') ?? 0) > 0)
  const build = [...series].find(([key]) => key.startsWith('tidemark_build_info'))
  t.match(build, [/node="v\d+.*version="\d+\.\d+\.\d+"/, 1])
})

test('a session: opened, fed, published', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(2 * G + 100)
  let session = ''
  const opened = await changes(server, async () => {
    session = await initiate(server)
  })
  t.strictSame(opened, {
    'tidemark_sessions_opened_total{door="google"}': 1,
    'tidemark_http_responses_total{class="2xx",door="google"}': 1,
  })
  t.equal((await scrape(server)).get('tidemark_open_sessions{door="google"}'), 1)

  const first = await changes(server, () =>
    put(server, session, `0-${2 * G - 1}/${bytes.length}`, bytes.subarray(0, 2 * G)),
  )
  t.strictSame(first, {
    'tidemark_received_bytes_total{door="google"}': 2 * G,
    'tidemark_acknowledged_bytes_total{door="google"}': 2 * G,
    'tidemark_http_responses_total{class="3xx",door="google"}': 1,
  })

  // One granule is sent again: it arrives, but is promised already.
  const last = await changes(server, () =>
    put(server, session, `${G}-${bytes.length - 1}/${bytes.length}`, bytes.subarray(G)),
  )
  t.strictSame(last, {
    'tidemark_received_bytes_total{door="google"}': G + 100,
    'tidemark_acknowledged_bytes_total{door="google"}': 100,
    'tidemark_uploads_total{door="google",outcome="published"}': 1,
    'tidemark_http_responses_total{class="2xx",door="google"}': 1,
  })
  const series = await scrape(server)
  t.equal(series.get('tidemark_open_sessions{door="google"}'), 0)
  t.equal(series.get('tidemark_chunk_duration_seconds_count{door="google"}'), 2)
  t.equal(series.get('tidemark_finalize_duration_seconds_count'), 1)
  t.ok((series.get('tidemark_sync_duration_seconds_count{what="data"}') ?? 0) >= 2)
  t.ok((series.get('tidemark_sync_duration_seconds_count{what="entries"}') ?? 0) >= 1)
  t.ok((series.get('tidemark_commit_duration_seconds_count') ?? 0) >= 3)
  t.ok((series.get('tidemark_commit_steps_sum') ?? 0) >= 3)
})

test('the other ends of an upload', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(1000)
  t.match(await changes(server, () => upload(server, 'whole', bytes)), {
    'tidemark_uploads_total{door="google",outcome="published"}': 1,
    'tidemark_acknowledged_bytes_total{door="google"}': 1000,
  })
  const wrong = { 'x-goog-hash': 'crc32c=AAAAAA==' }
  t.strictSame(await changes(server, () => upload(server, 'wrong', bytes, wrong)), {
    'tidemark_received_bytes_total{door="google"}': 1000,
    'tidemark_uploads_total{door="google",outcome="failed"}': 1,
    'tidemark_refusals_total{reason="checksum_mismatch"}': 1,
    'tidemark_http_responses_total{class="4xx",door="google"}': 1,
  })
  const cancelled = await initiate(server)
  t.match(await changes(server, () => server.ask(`DELETE ${cancelled}`)), {
    'tidemark_uploads_total{door="google",outcome="cancelled"}': 1,
    'tidemark_http_responses_total{class="4xx",door="google"}': 1,
  })
  await shows(server, 'tidemark_sweeper_sweeps_total{outcome="complete"}', 1)
  const tooSmall = await initiate(server)
  t.strictSame(await changes(server, () => put(server, tooSmall, '0-999/1000000', bytes)), {
    'tidemark_uploads_total{door="google",outcome="invalid"}': 1,
    'tidemark_refusals_total{reason="chunk_too_small"}': 1,
    'tidemark_http_responses_total{class="4xx",door="google"}': 1,
  })
})

test('sessions that time ends, and what the sweeper does', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  await put(server, session, `0-${G - 1}/${2 * G}`, sampleBytes(G))
  server.ahead = 40 * HOUR
  const age = (await scrape(server)).get('tidemark_oldest_session_age_seconds{door="google"}') ?? 0
  t.ok(age >= 40 * 3600 && age < 41 * 3600, `${age} s`)
  server.ahead = 49 * HOUR
  t.strictSame(await changes(server, () => server.app.engine.sweep()), {
    'tidemark_uploads_total{door="google",outcome="expired"}': 1,
    'tidemark_sweeper_sweeps_total{outcome="complete"}': 1,
    tidemark_sweeper_expired_sessions_total: 1,
    tidemark_sweeper_freed_blobs_total: 1,
  })
  server.ahead = 49 * HOUR + 8 * 24 * HOUR
  t.match(await changes(server, () => server.app.engine.sweep()), {
    tidemark_sweeper_purged_records_total: 1,
  })
  const series = await scrape(server)
  t.equal(series.get('tidemark_sweeper_duration_seconds_count'), 2)
  const last = series.get('tidemark_sweeper_last_complete_timestamp_seconds') ?? 0
  t.ok(Math.abs(last - (Date.now() + server.ahead) / 1000) < 600)
})

test('a take-over, and a body that is cut off', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const before = await scrape(server)
  const wire = await server.connect()
  wire.head(`PUT ${session}`, {
    'Content-Range': `bytes 0-${3 * G - 1}/*`,
    'Content-Length': 3 * G,
    Expect: '100-continue',
  })
  t.equal((await wire.response()).status, 100)
  wire.send(sampleBytes(G))
  await shows(server, 'tidemark_bodies', 1)
  t.equal((await put(server, session, `0-${G - 1}/*`, sampleBytes(G))).status, 308)
  t.equal((await wire.response()).status, 503)
  wire.close()
  const taken = growth(before, await scrape(server))
  t.equal(taken['tidemark_takeovers_total'], 1)
  t.equal(taken['tidemark_refusals_total{reason="superseded"}'], 1)

  const broken = await server.connect()
  broken.head(`PUT ${session}`, {
    'Content-Range': `bytes ${G}-${3 * G - 1}/*`,
    'Content-Length': 2 * G,
    Expect: '100-continue',
  })
  t.equal((await broken.response()).status, 100)
  broken.send(sampleBytes(1000))
  await shows(server, 'tidemark_bodies', 1)
  broken.cut()
  await shows(server, 'tidemark_http_responses_total{class="gone",door="google"}', 1)
  await shows(server, 'tidemark_refusals_total{reason="body_cut"}', 1)
})

test('bytes of a long body are counted at its checkpoints', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  const wire = await server.connect()
  wire.head(`PUT ${session}`, {
    'Content-Range': `bytes 0-${64 * MIB - 1}/${64 * MIB}`,
    'Content-Length': 64 * MIB,
  })
  wire.send(sampleBytes(40 * MIB))
  const door = '{door="google"}'
  let series = await scrape(server)
  while ((series.get(`tidemark_acknowledged_bytes_total${door}`) ?? 0) < 32 * MIB) {
    series = await scrape(server)
  }
  const [received = 0, acknowledged = 0] = ['received', 'acknowledged'].map(what =>
    series.get(`tidemark_${what}_bytes_total${door}`),
  )
  t.ok(received >= acknowledged, `${received} received, ${acknowledged} acknowledged`)
  wire.close()
  await shows(server, 'tidemark_refusals_total{reason="body_cut"}', 1)
  t.equal((await scrape(server)).get(`tidemark_received_bytes_total${door}`), 40 * MIB)
  t.equal((await query(server, session)).headers['range'], `bytes=0-${40 * MIB - 1}`)
  t.equal((await scrape(server)).get(`tidemark_acknowledged_bytes_total${door}`), 40 * MIB)
})

test('a question that names the total is no refusal', async t => {
  const server = await startServer(t)
  const session = await initiate(server)
  await put(server, session, `0-${G - 1}/${2 * G}`, sampleBytes(G))
  const asked = await changes(server, () => put(server, session, `*/${2 * G}`))
  t.strictSame(asked, { 'tidemark_http_responses_total{class="3xx",door="google"}': 1 })
})

test('what is refused before it reaches the engine is counted, too', async t => {
  const rate = { count: 1, perMs: HOUR }
  const server = await startServer(t, { maxBodies: 0, requestRate: rate, chunkRate: rate })
  const refused = await changes(server, async () => {
    t.equal((await upload(server, 'a', 'x')).status, 503)
    await read(server, 'a')
    t.equal((await read(server, 'a')).status, 429)
  })
  t.match(refused, {
    'tidemark_refusals_total{reason="too_many_bodies"}': 1,
    'tidemark_refusals_total{reason="too_many_requests"}': 1,
  })
})

test('with keys it is for operators, and denials are counted', async t => {
  const { server, as } = await startGuarded(t, {
    operator: { scopes: ['admin'] },
    reader: { scopes: ['read'] },
  })
  t.equal((await server.ask('GET /-/metrics')).status, 401)
  t.equal((await server.ask('GET /-/metrics', as.reader)).status, 403)
  t.equal((await upload(server, 'a', 'x', as.reader)).status, 403)
  const answer = await server.ask('GET /-/metrics', as.operator)
  t.equal(answer.status, 200)
  const series = parseExposition(answer.text)
  t.equal(series.get('tidemark_refusals_total{reason="access_denied"}'), 1)
})

test('nothing that a client said is in it', async t => {
  const server = await startServer(t)
  const session = await initiate(server, 'secret-name')
  await upload(server, 'secret-name', 'x')
  await read(server, 'secret-name')
  await begin(server, '\n')
  await server.ask('GET /no-such-bucket-of-mine/x?secret=1')
  await server.ask('GET /-/nothing-here')
  const { text } = await server.ask('GET /-/metrics')
  for (const word of ['secret', tokenOf(session), 'bkt', 'no-such', 'nothing-here']) {
    t.notOk(text.includes(word), word)
  }
})

test('two servers in one process count for themselves', async t => {
  const one = await startServer(t)
  const two = await startServer({
    testdir: () => join(one.directory, 'two'),
    teardown: f => t.teardown(f),
  })
  await upload(one, 'a', 'one')
  const published = 'tidemark_uploads_total{door="google",outcome="published"}'
  t.equal((await scrape(one)).get(published), 1)
  t.equal((await scrape(two)).get(published), 0)
})

test('what cannot be measured is not known, and the rest is said', async t => {
  const metrics = new Metrics({
    doors: ['google'],
    budget: new Budget(MIB),
    clock: Date.now,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  metrics.tookOver()
  const text = await metrics.exposition(() => Promise.reject(new Error('no disk')))
  const series = parseExposition(text)
  t.equal(series.get('tidemark_takeovers_total'), 1)
  for (const name of ['tidemark_disk_free_bytes', 'tidemark_open_sessions{door="google"}']) {
    t.ok(Number.isNaN(series.get(name)), name)
  }
})

test('every answer is counted for the door that gave it', async t => {
  const server = await startServer(t, { doors: ['ucloud', 'gws', 'dxl'] })
  const counted = async (request: string, door: string) => {
    const grown = await changes(server, () => server.ask(request))
    const doors = Object.keys(grown).map(key => /http_responses.*door="(\w+)"/.exec(key)?.[1])
    t.ok(doors.includes(door), `${request}: ${JSON.stringify(grown)}`)
  }
  await counted('GET /storage/v1/b/bkt/o', 'google')
  await counted('GET /bkt/a', 'google')
  await counted('POST /api/files/upload', 'ucloud')
  await counted('POST /ucloud/ucloud/chunked/upload', 'ucloud')
  await counted('GET /gws/_', 'gws')
  await counted('GET /_', 'gws')
  await counted('GET /dxl/uploads/x', 'dxl')
  await counted('GET /-/nothing', 'none')
})
