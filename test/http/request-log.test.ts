import { setTimeout as after } from 'node:timers/promises'
import { test } from 'tap'
import { describeError, requestIds } from '../../src/http/request-log.ts'
import { begin, G, initiate, put, query, tokenOf } from '../support/google.ts'
import { sampleBytes, startServer } from '../support/server.ts'

test('P9: no line of a full run holds an upload_id', async t => {
  const server = await startServer(t, { bodyIdleMs: 100, tombstoneTtlMs: 1000 })
  const tokens: string[] = []
  const open = async (name: string, headers = {}): Promise<string> => {
    const session = await initiate(server, name, headers)
    tokens.push(tokenOf(session))
    return session
  }
  const done = await open('done')
  await put(server, done, `0-${G - 1}/*`, sampleBytes(G))
  await query(server, done)
  await put(server, done, `*/${G}`)
  await query(server, done)
  await server.ask(`DELETE ${await open('cancelled')}`)

  const failing = await open('failing', { Origin: 'https://app.example' })
  await put(server, failing, '9-9/*', 'x')
  await put(server, failing, 'nonsense', 'x')
  await put(server, failing, '0-9/10', 'x')
  await put(server, failing, '0-0/1', 'x', { 'x-goog-hash': 'crc32c=AAAAAA==' })
  await query(server, failing)
  await server.ask(`GET ${failing}`)
  await server.ask(`OPTIONS ${failing}`, { Origin: 'https://app.example' })

  const cut = await open('cut')
  for (const how of ['cut', 'close'] as const) {
    const wire = await server.connect()
    wire.head(`PUT ${cut}`, { 'Content-Length': 5 * G, Referer: `http://x${cut}` })
    wire.send(sampleBytes(G))
    await after(50)
    wire[how]()
  }
  const silent = await server.connect()
  silent.head(`PUT ${cut}`, { 'Content-Length': 5 * G })
  await silent.response()

  // Where no route, no parser and no HTTP is.
  const [token = ''] = tokens
  for (const target of [
    `/nope?upload_id=${token}`,
    `/${token}`,
    `/upload/storage/v1/b/%ZZ/o?upload_id=${token}`,
  ]) {
    await server.ask(`GET ${target}`)
  }
  const broken = await server.connect()
  broken.send(`PUT ${done} NONSENSE\r\nX-Session: ${token}\r\n\r\n`)
  await broken.ended()
  const framed = await server.connect()
  framed.head(`PUT ${cut}`, { 'Transfer-Encoding': 'chunked' }).send(`zz${token}\r\n`)
  await framed.ended()

  await server.restart()
  await query(server, done)
  server.ahead = 100 * 3_600_000
  await server.app.engine.sweep()
  tokens.push(tokenOf((await begin(server, 'last')).headers['location'] ?? ''))
  await server.stop()

  t.equal(new Set(tokens).size, 5)
  t.ok(server.log.length > 30, `${server.log.length} lines`)
  const log = server.log.join('')
  for (const token of tokens) {
    t.match(token, /^[A-Za-z0-9_-]{43}$/)
    t.notOk(log.includes(token))
    // Nor as bytes, which is how a packet would be serialised.
    t.notOk(log.includes([...Buffer.from(token.slice(0, 8))].join(',')))
  }
  t.notOk(log.includes('upload_id'))
})

test('one line per response, with what an operator asks for', async t => {
  const server = await startServer(t, { logLevel: 'info' })
  const session = await initiate(server)
  await put(server, session, undefined, 'x')
  await server.ask('GET /nope')
  const wire = await server.connect()
  wire.head(`PUT ${session}`, { 'Content-Length': 5 })
  await after(50)
  wire.cut()
  await after(50)
  const lines = server.log.map(line => JSON.parse(line)).filter(({ msg }) => msg === 'response')
  t.match(lines, [
    { method: 'POST', route: '/upload/storage/v1/b/*', status: 200, session: /^.{10}$/ },
    { method: 'PUT', route: '/upload/storage/v1/b/*', status: 200, session: /^.{10}$/ },
    { method: 'GET', status: 404 },
    { method: 'PUT', route: '/upload/storage/v1/b/*', gone: true },
  ])
  t.equal(lines[0].session, lines[1].session)
  t.equal(new Set(lines.map(({ request }) => request)).size, lines.length)
  for (const line of lines) t.type(line.ms, 'number')
})

test('errors are described without what a client sent', t => {
  const error = Object.assign(new Error('outer', { cause: new Error('inner') }), {
    code: 'E_OUTER',
    rawPacket: Buffer.from('secret'),
  })
  t.match(describeError(error), {
    type: 'Error',
    message: 'outer',
    code: 'E_OUTER',
    cause: { message: 'inner' },
  })
  t.notMatch(JSON.stringify(describeError(error)), 'rawPacket')
  t.match(describeError('text'), { message: 'text' })
  t.end()
})

test('request ids differ, between two servers, too', t => {
  const [one, two] = [requestIds(), requestIds()]
  t.equal(new Set([one(), one(), two(), two()]).size, 4)
  t.end()
})
