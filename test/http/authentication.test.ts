import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { type Test, test } from 'tap'
import { newKeyToken } from '../../src/keys/token.ts'
import { G, initiate, put, query } from '../support/google.ts'
import { ALL, startGuarded } from '../support/keys.ts'
import { sampleBytes } from '../support/server.ts'

/** All that answers without a key, why it may, and with what. */
const OPEN: Readonly<Record<string, number>> = {
  // They tell whether the server lives.
  'GET /-/livez': 200,
  'HEAD /-/livez': 200,
  'GET /-/readyz': 200,
  'HEAD /-/readyz': 200,
  // They tell what the API is, to people and to clients that have not begun.
  'GET /-/openapi.yaml': 200,
  'HEAD /-/openapi.yaml': 200,
  'GET /-/docs': 302,
  'HEAD /-/docs': 302,
  'GET /-/docs/*': 404,
  'HEAD /-/docs/*': 404,
  'GET /discovery/v1/apis/storage/v1/rest': 200,
  'GET /$discovery/rest': 200,
}
/** They answer as always that they know no such method: nothing is behind it. */
const ONLY_GET = /^(?!GET |OPTIONS ).* \/(?:discovery\/v1\/apis\/storage\/v1|\$discovery)\/rest$/

/** Collects the routes of every server that is made from now on. */
function routesOf(t: Test): string[] {
  const routes: string[] = []
  const collect = (message: unknown) => {
    const { fastify } = message as { readonly fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url }: RouteOptions) => {
      for (const one of [method].flat()) routes.push(`${one} ${url}`)
    })
  }
  subscribe('fastify.initialization', collect)
  t.teardown(() => unsubscribe('fastify.initialization', collect))
  return routes
}

test('without a key every method of every route answers 401, but for those listed', async t => {
  const collected = routesOf(t)
  const { server } = await startGuarded(t, { all: ALL }, { faults: true })
  // Those of this server. The page of /-/docs is another one, made when it is opened.
  const routes = [...collected]
  t.ok(routes.length > 60, `${routes.length} routes`)
  for (const route of Object.keys(OPEN)) t.ok(routes.includes(route), `${route} is one`)
  for (const route of routes) {
    const [method = '', pattern = ''] = route.split(' ')
    const target = pattern.replace(/:\w+/g, 'x').replace('*', 'bkt/o')
    const { status, headers } = await server.ask(`${method} ${target}`)
    if (route in OPEN) {
      t.equal(status, OPEN[route], route)
    } else if (method === 'OPTIONS') {
      // A question about CORS, which browsers ask without credentials; nothing is done.
      t.match(String(status), /^(?:200|204|404)$/, route)
    } else if (ONLY_GET.test(route)) {
      t.match(String(status), /^4/, route)
    } else {
      t.equal(status, 401, route)
      t.equal(headers['www-authenticate'], 'Bearer realm="tidemark"', route)
    }
  }
})

test('a key is a bearer token or an x-api-key, in the forms that clients write', async t => {
  const { server, tokens } = await startGuarded(t, { one: ALL, two: ALL })
  const { one, two } = tokens
  const status = async (...headers: readonly string[]) => {
    const wire = await server.connect()
    wire.send(`GET /storage/v1/b/bkt HTTP/1.1\r\nHost: x\r\n${headers.join('\r\n')}\r\n\r\n`)
    const response = await wire.response()
    wire.close()
    return response.status
  }
  for (const headers of [
    [`Authorization: Bearer ${one}`],
    [`authorization: bearer ${one}`],
    [`AUTHORIZATION: BEARER    ${one}  `],
    [`x-api-key: ${one}`],
    [`X-API-Key:   ${one}  `],
    // Of a proxy before us.
    ['Authorization: Basic dXNlcjpwYXNz', `x-api-key: ${one}`],
    // The same, said twice.
    [`Authorization: Bearer ${one}`, `x-api-key: ${one}`],
    [`Authorization: Bearer ${one}`, `Authorization: Bearer ${one}`],
  ]) {
    t.equal(await status(...headers), 200, headers.join())
  }
  for (const headers of [
    [],
    ['Authorization:'],
    ['Authorization: Bearer'],
    ['Authorization: Bearer '],
    [`Authorization: ${one}`],
    [`Authorization: Bearer${one}`],
    [`Authorization: Bearer "${one}"`],
    [`Authorization: Bearer ${one},${one}`],
    [`Authorization: Bearer ${one} ${one}`],
    [`Authorization: Bearer ${one}x`],
    [`Authorization: Bearer ${one.slice(0, -1)}`],
    [`Authorization: Bearer ${one.toLowerCase()}`],
    [`Authorization: Bearer ${newKeyToken()}`],
    [`Authorization: Basic ${Buffer.from(`x:${one}`).toString('base64')}`],
    [`Authorization: Firebase ${one}`],
    [`Authorization: GOOG1 ${one}:x`],
    [`Authorization: AWS4-HMAC-SHA256 Credential=${one}/x, SignedHeaders=host, Signature=x`],
    [`Cookie: x-api-key=${one}`],
    // Two different ones: what a proxy before us checked need not be what we would take.
    [`Authorization: Bearer ${one}`, `x-api-key: ${two}`],
    [`Authorization: Bearer ${one}`, `Authorization: Bearer ${two}`],
    [`x-api-key: ${one}`, `x-api-key: ${two}`],
    [`Authorization: Bearer ${one}`, 'x-api-key: '],
  ]) {
    t.equal(await status(...headers), 401, headers.join())
  }
  for (const parameter of ['key', 'access_token', 'oauth_token', 'x-api-key', 'token']) {
    const { status } = await server.ask(`GET /storage/v1/b/bkt?${parameter}=${one}`)
    t.equal(status, 401, `URLs are written down everywhere: ${parameter}`)
  }
})

test('the refusal is in the form of its door, with what browsers need to show it', async t => {
  const { server } = await startGuarded(t, { one: ALL })
  const origin = { Origin: 'https://app.example' }
  const none = await server.ask('GET /storage/v1/b/bkt', origin)
  t.match(none.json(), { error: { code: 401, errors: [{ reason: 'required' }] } })
  t.equal(none.headers['access-control-allow-origin'], 'https://app.example')
  t.equal(none.headers['www-authenticate'], 'Bearer realm="tidemark"')

  const wrong = await server.ask('GET /storage/v1/b/bkt', { Authorization: 'Bearer nonsense' })
  t.equal(wrong.headers['www-authenticate'], 'Bearer realm="tidemark", error="invalid_token"')
  t.strictSame(wrong.json(), {
    error: {
      code: 401,
      message: 'Invalid Credentials',
      errors: [
        {
          message: 'Invalid Credentials',
          domain: 'global',
          reason: 'authError',
          locationType: 'header',
          location: 'Authorization',
        },
      ],
    },
  })

  const xml = await server.ask('GET /bkt/object')
  t.equal(xml.status, 401)
  t.match(xml.headers['content-type'], /^application\/xml/)
  t.match(xml.text, '<Code>AuthenticationRequired</Code>')
  const preflight = await server.ask('OPTIONS /storage/v1/b/bkt/o', {
    ...origin,
    'Access-Control-Request-Method': 'POST',
    'Access-Control-Request-Headers': 'authorization, x-api-key',
  })
  t.match(preflight, {
    status: 204,
    headers: { 'access-control-allow-headers': 'authorization, x-api-key' },
  })
})

test('refused before a byte of the body, and before 100 Continue', async t => {
  const { server, as } = await startGuarded(t, { one: ALL })
  const line = 'POST /upload/storage/v1/b/bkt/o?uploadType=media&name=a'
  const headers = { 'Content-Length': 50_000_000, Expect: '100-continue' }
  const refused = await server.connect()
  refused.head(line, headers)
  t.equal((await refused.response()).status, 401)
  await refused.ended()
  const welcome = await server.connect()
  welcome.head(line, { ...headers, ...as.one })
  t.equal((await welcome.response()).status, 100)
  welcome.cut()
})

test('a cache that many share keeps none of it', async t => {
  const { server, as, tokens } = await startGuarded(t, { one: ALL })
  const key = { 'x-api-key': tokens.one }
  const upload = '/upload/storage/v1/b/bkt/o?uploadType=multipart'
  const resource = { name: 'public', cacheControl: 'public, max-age=60' }
  const parts = `--b\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(resource)}\r\n--b\r\n\r\nx\r\n--b--`
  const related = { 'Content-Type': 'multipart/related; boundary=b' }
  t.equal((await server.ask(`POST ${upload}`, { ...key, ...related }, parts)).status, 200)
  const session = await initiate(server, 'a', as.one)
  await put(server, session, undefined, 'x')
  for (const line of [
    'GET /storage/v1/b/bkt/o/a?alt=media',
    'GET /storage/v1/b/bkt/o/a',
    'GET /storage/v1/b/bkt/o/none',
    'GET /bkt/a',
    'GET /bkt/none',
    'GET /storage/v1/b',
    `PUT ${session}`,
  ]) {
    const { headers } = await server.ask(line, key)
    t.equal(headers['cache-control'], 'private, max-age=0', line)
  }
  for (const line of [
    'GET /storage/v1/b/bkt/o/a',
    'POST /upload/storage/v1/b/bkt/o?uploadType=media',
  ]) {
    const { headers } = await server.ask(line, { 'Content-Length': 0 })
    t.equal(headers['cache-control'], 'private, max-age=0', `refused: ${line}`)
  }
  const { headers } = await server.ask('GET /storage/v1/b/bkt/o/public?alt=media', key)
  t.equal(headers['cache-control'], 'public, max-age=60', 'unless its owner said so')
  t.notOk('cache-control' in (await server.ask('GET /-/livez')).headers)
})

test('who tries keys is counted', async t => {
  const { server } = await startGuarded(
    t,
    { one: ALL },
    { requestRate: { count: 3, perMs: 60_000 } },
  )
  for (const expected of [401, 401, 401, 429, 429]) {
    const headers = { Authorization: `Bearer ${newKeyToken()}` }
    t.equal((await server.ask('GET /storage/v1/b/bkt', headers)).status, expected)
  }
})

test('GCS-41: a session URL is enough for its chunks, questions and end', async t => {
  const { server, as } = await startGuarded(t, { one: { scopes: ['create'] } })
  const session = await initiate(server, 'a', as.one)
  t.equal((await query(server, session)).status, 308)
  t.equal((await put(server, session, `0-${G - 1}/*`, sampleBytes(G))).status, 308)
  // A key that is none any more is no hindrance, nor is someone else's.
  const expired = { Authorization: `Bearer ${newKeyToken()}` }
  t.equal((await put(server, session, `${G}-${G}/${G + 1}`, 'x', expired)).status, 200)
  t.equal((await query(server, session)).json().name, 'a')
  const other = await initiate(server, 'b', as.one)
  t.equal((await server.ask(`DELETE ${other}`)).status, 499)
})

test('… and for nothing else', async t => {
  const { server, as } = await startGuarded(t, { one: ALL })
  const session = await initiate(server, 'a', as.one)
  await put(server, session, undefined, 'content')
  const { search, searchParams } = new URL(session, server.base)
  const id = `upload_id=${searchParams.get('upload_id')}`
  for (const [line, status] of [
    [`GET /storage/v1/b/bkt/o/a${search}`, 401],
    [`GET /storage/v1/b/bkt/o/a?alt=media&${id}`, 401],
    [`GET /download/storage/v1/b/bkt/o/a?alt=media&${id}`, 401],
    [`GET /bkt/a?${id}`, 401],
    [`DELETE /storage/v1/b/bkt/o/a?${id}`, 401],
    [`GET /storage/v1/b/bkt/o?${id}`, 401],
    [`POST /batch/storage/v1?${id}`, 401],
    [`GET /upload/storage/v1/b/bkt/o?${id}`, 405],
    // An id that opens nothing, on the way to something else.
    ['POST /upload/storage/v1/b/bkt/o?uploadType=media&name=b&upload_id=', 404],
    ['POST /upload/storage/v1/b/bkt/o?uploadType=resumable&name=b&upload_id=x', 404],
    ['POST /upload/storage/v1/b/bkt/o?uploadType=media&name=b&upload_id&upload_id=x', 404],
    ['POST /upload/storage/v1/b/bkt/o?uploadType=media&name=b&upload%5Fid=x', 401],
    ['POST /upload/storage/v1/b/bkt/o?uploadType=media&name=b#upload_id=x', 401],
  ] as const) {
    t.equal(
      (await server.ask(line, {}, line.startsWith('GET') ? undefined : 'x')).status,
      status,
      line,
    )
  }
  t.equal((await server.ask('GET /storage/v1/b/bkt/o/b', as.one)).status, 404)
})

test('no line of the log holds a token; each tells whose request it was', async t => {
  const { server, as, tokens } = await startGuarded(t, { 'ci@example': ALL })
  await initiate(server, 'a', as['ci@example'])
  await server.ask('GET /storage/v1/b/bkt', { 'x-api-key': tokens['ci@example'] })
  await server.ask(`GET /storage/v1/b?key=${tokens['ci@example']}`, { Authorization: 'Bearer x' })
  await server.ask(`GET /nothing/${tokens['ci@example']}`)
  const broken = await server.connect()
  broken.send(`GET / NONSENSE\r\nAuthorization: Bearer ${tokens['ci@example']}\r\n\r\n`)
  await broken.ended()
  await server.stop()
  const log = server.log.join('')
  t.notOk(log.includes(tokens['ci@example'].slice(3)))
  const lines = server.log.map(line => JSON.parse(line)).filter(({ msg }) => msg === 'response')
  t.match(lines[0], { status: 200, key: 'ci@example' })
  t.match(lines[1], { status: 200, key: 'ci@example' })
  t.notOk('key' in lines[2], 'nobody')
})

test('a batch hands its key to its calls, and gives nobody more than they have', async t => {
  const { server, as, tokens } = await startGuarded(t, {
    reader: { scopes: ['read'], buckets: ['bkt'] },
    lister: { scopes: ['list'] },
  })
  const batch = async (headers: Readonly<Record<string, string>>, calls: readonly string[]) => {
    const body = calls.map(call => `--b\r\nContent-Type: application/http\r\n\r\n${call}\r\n`)
    const type = { 'Content-Type': 'multipart/mixed; boundary=b' }
    const answer = await server.ask(
      'POST /batch/storage/v1',
      { ...type, ...headers },
      `${body.join('')}--b--\r\n`,
    )
    return [...answer.text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status))
  }
  const list = 'GET /storage/v1/b/bkt/o HTTP/1.1\r\n'
  const read = 'GET /storage/v1/b/bkt/o/x HTTP/1.1\r\n'
  const asLister = `Authorization: Bearer ${tokens.lister}\r\n`
  t.strictSame(await batch({}, [list]), [], 'none without a key')
  t.strictSame(await batch(as.reader, [list, read]), [403, 404])
  t.strictSame(await batch({ 'x-api-key': tokens.reader }, [list, read]), [403, 404])
  t.strictSame(await batch(as.reader, [list + asLister, read + asLister]), [200, 403])
  t.strictSame(await batch({ 'x-api-key': tokens.reader }, [list + asLister]), [200])
  t.strictSame(await batch(as.reader, [`${list}Authorization: Bearer x\r\n`]), [401])
  t.strictSame(await batch(as.reader, [`${list}Authorization:\r\n`]), [401])
})
