/** Paths, methods, bodies and limits: everything around a message. */

import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { loadConfig } from '../../../src/config.ts'
import { chunk, command, MSGPACK_TYPE, packed, Upload } from '../../support/gws.ts'
import { sampleBytes, startServer } from '../../support/server.ts'

const MIB = 1024 * 1024
const settings = loadConfig({}).gws

test('GWS-25: a command is in the path or in the message, under both prefixes', async t => {
  const server = await startServer(t)
  const ask = (path: string, values: object) =>
    server.ask(
      `POST ${path}`,
      { 'Content-Type': MSGPACK_TYPE, Accept: 'application/json' },
      packed(values),
    )
  for (const prefix of ['/_', '/gws/_']) {
    for (const path of [prefix, `${prefix}/`]) {
      const answer = await ask(path, chunk({ cmd: 'uploadChunk' }))
      t.match(answer.json(), { uploadUid: /^\w{64}$/ })
      const { uploadUid } = answer.json()
      const got = await ask(path, { cmd: 'uploadGet', uploadUid })
      t.equal(got.json().path, `${prefix}/uploadContent/uploadUid/${uploadUid}`)
      t.equal((await server.ask(`GET ${got.json().path}`)).text, 'abc')
      t.equal((await server.ask(`GET ${prefix}/uploadContent?uploadUid=${uploadUid}`)).text, 'abc')
      t.match((await ask(path, chunk({ cmd: 'nothing' }))).json(), { status: 404 })
      t.match((await ask(path, chunk())).json(), { status: 404, error: { code: 404 } })
    }
    t.match((await ask(`${prefix}/nothing`, chunk())).json(), { status: 404 })
    t.match((await ask(`${prefix}/uploadChunk/more`, chunk())).json(), { status: 404 })
    t.equal((await ask(`${prefix}/uploadChunk`, chunk({ cmd: 'uploadChunk' }))).status, 200)
    t.equal((await ask(`${prefix}/uploadChunk`, chunk({ cmd: 'uploadGet' }))).status, 404)
  }
  for (const path of ['/gws', '/gws/uploadChunk', '/_uploadChunk']) {
    const answer = await ask(path, chunk())
    t.ok(answer.status >= 400, path)
    t.notMatch(answer.text, 'unknown command', 'nobody of this door')
  }
})

test('GWS-26: a body must be announced, and not be empty', async t => {
  const server = await startServer(t)
  t.equal((await server.ask('POST /_/uploadChunk', { 'Content-Type': MSGPACK_TYPE })).status, 400)
  const connection = await server.connect()
  const head = { 'Content-Type': MSGPACK_TYPE, 'Transfer-Encoding': 'chunked' }
  connection.head('POST /_/uploadChunk', head).send('3\r\nabc\r\n0\r\n\r\n')
  t.equal((await connection.response()).status, 400)
  connection.close()
  for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/x-msgpack']) {
    const answer = await command(server, 'uploadChunk', chunk(), { 'Content-Type': type })
    t.match(answer.json(), { status: 400 }, type)
  }
})

test('GWS-26: a message beyond the limit is 413, before any of it is read', async t => {
  const server = await startServer(t, { gws: { ...settings, bodyLimit: MIB } })
  const connection = await server.connect()
  connection.head('POST /_/uploadChunk', {
    'Content-Type': MSGPACK_TYPE,
    'Content-Length': MIB + 1,
    Expect: '100-continue',
  })
  const refused = await connection.response()
  t.equal(refused.status, 413)
  t.match(refused.headers['content-type'], MSGPACK_TYPE)
  connection.close()
  const fits = await server.ask(
    'POST /_/uploadChunk',
    { 'Content-Type': MSGPACK_TYPE },
    Buffer.alloc(MIB),
  )
  t.equal(fits.status, 400, 'as large as may be, and no message')
})

test('GWS-26: gzip is accepted, a bomb is cut at the limit, and what is no gzip is told', async t => {
  const server = await startServer(t, { gws: { ...settings, bodyLimit: MIB } })
  const ask = (body: Buffer, encoding = 'gzip') =>
    server.ask(
      'POST /_/uploadChunk',
      { 'Content-Type': MSGPACK_TYPE, 'Content-Encoding': encoding },
      body,
    )
  t.equal((await ask(gzipSync(packed(chunk())))).status, 200)
  t.equal((await ask(gzipSync(Buffer.alloc(500 * MIB)))).status, 413)
  t.equal((await ask(gzipSync(packed(chunk())).subarray(0, 40))).status, 400)
  t.equal((await ask(randomBytes(100))).status, 400)
  t.equal((await ask(packed(chunk()), 'br')).status, 400)
  t.equal((await ask(packed(chunk()), 'identity')).status, 200)
})

test('GWS-34: other methods', async t => {
  const server = await startServer(t)
  for (const path of [
    '/_',
    '/_/',
    '/_/uploadChunk',
    '/gws/_/uploadGet',
    '/_/uploadContent',
    '/_/x',
  ]) {
    for (const method of ['HEAD', 'OPTIONS']) {
      const answer = await server.ask(`${method} ${path}`)
      t.equal(answer.status, 200, `${method} ${path}`)
      t.match(answer.headers['content-type'], /^text\/plain/)
      t.equal(answer.text, '')
    }
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      const answer = await server.ask(`${method} ${path}`)
      t.match(answer.json(), { status: 405, error: { code: 405 } }, `${method} ${path}`)
      t.equal(answer.status, 405)
    }
  }
  for (const path of ['/_', '/_/uploadChunk', '/gws/_/uploadGet', '/_/x']) {
    t.match((await server.ask(`GET ${path}`)).json(), { status: 404 }, path)
  }
  t.equal((await server.ask('POST /_/uploadContent', {}, 'x')).status, 404)
})

test('an application has its own names, and a door that is closed has none', async t => {
  const server = await startServer(t, {
    gws: {
      ...settings,
      bucket: 'other',
      folder: '',
      prefixes: ['/gws/app/_'],
      chunkCommands: ['myUpload'],
    },
  })
  const headers = { 'Content-Type': MSGPACK_TYPE, Accept: 'application/json' }
  const answer = await server.ask('POST /gws/app/_/myUpload', headers, packed(chunk()))
  const { uploadUid } = answer.json()
  await server.ask('POST /gws/app/_/uploadGet', headers, packed({ uploadUid }))
  const { items } = (await server.ask('GET /storage/v1/b/other/o')).json()
  t.equal(items[0].name, `${uploadUid.slice(0, 20)}/a.bin`)
  t.equal((await server.ask('POST /gws/app/_/uploadChunk', headers, packed(chunk()))).status, 404)
  const closed = await startServer(t, { doors: [] })
  const nobody = await closed.ask('POST /gws/_/uploadChunk', headers, packed(chunk()))
  t.equal(nobody.status, 404)
  t.notMatch(nobody.text, 'unknown command')
})

test('a path behind a proxy that takes away its beginning', async t => {
  const server = await startServer(t, { publicUrl: 'https://up.example.org/base' })
  const upload = new Upload(server, { totalSize: 3, chunkCount: 1 })
  await upload.send(0, 'abc')
  const { path } = (await upload.get()).json()
  t.equal(path, `/base/gws/_/uploadContent/uploadUid/${upload.uid}`)
})

test('P6: more messages at once than there is memory for all take their turns', async t => {
  const server = await startServer(t, { bufferBytes: 8 * MIB })
  const answers = await Promise.all(
    Array.from({ length: 12 }, async (_, n) => {
      const content = sampleBytes(1.9 * MIB, String(n))
      const connection = await server.connect()
      const body = packed(chunk({ content, totalSize: content.length }))
      const headers = { 'Content-Type': MSGPACK_TYPE, 'Content-Length': body.length }
      connection.head('POST /_/uploadChunk', { ...headers, Accept: 'application/json' }).send(body)
      const answer = await connection.response()
      connection.close()
      return answer.status
    }),
  )
  t.strictSame([...new Set(answers)], [200])
})
