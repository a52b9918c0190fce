/** The end of an upload: what is missing, who asks, what it is called, and what time does. */

import { test } from 'tap'
import { chunk, command, objectNames, Upload } from '../../support/gws.ts'
import { sampleBytes, startServer } from '../../support/server.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

test('GWS-14: what is missing is named, and once it is there the upload ends', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { totalSize: 6, chunkCount: 3 })
  await upload.send(1, 'cd')
  const answer = await upload.get()
  t.equal(answer.status, 409)
  t.match(answer.json(), { status: 409, error: { code: 409, info: /incomplete/ }, missing: [0, 2] })
  t.match((await upload.status()).json(), { received: [1], finalized: false })
  await upload.send(2, 'ef')
  t.strictSame((await upload.get()).json().missing, [0])
  await upload.send(0, 'ab')
  t.equal((await upload.get()).status, 200)
  t.strictSame((await upload.status()).json(), {
    uploadUid: upload.uid,
    fileName: 'a.bin',
    totalSize: 6,
    chunkCount: 3,
    received: [0, 1, 2],
    finalized: true,
  })
})

test('GWS-14: no more than a thousand are named', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { totalSize: 6, chunkCount: 100_000 })
  await upload.send(99_999, 'c')
  const { missing } = (await upload.get()).json()
  t.equal(missing.length, 1000)
  t.equal(missing[999], 999)
})

test('GWS-15: a wrong size is told, and the right chunk mends it', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { totalSize: 6, chunkCount: 2 })
  await upload.send(0, 'abc')
  await upload.send(1, 'de')
  t.match((await upload.get()).json(), { status: 409, error: { info: /size/ } })
  await upload.send(1, 'defg')
  t.equal((await upload.get()).status, 409)
  t.equal((await upload.content()).status, 409, 'nothing to download yet')
  await upload.send(1, 'def')
  t.equal((await upload.get()).status, 200)
  t.equal((await upload.content()).text, 'abcdef')
})

test('GWS-16: asked twice, and by many at once, the answer is the same', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { totalSize: 300, chunkCount: 3 })
  for (const number of [0, 1, 2]) await upload.send(number, sampleBytes(100, String(number)))
  const ask = async () => {
    const connection = await server.connect()
    const body = JSON.stringify({ uploadUid: upload.uid })
    connection
      .head('POST /_/uploadGet', {
        'Content-Type': 'application/json',
        'Content-Length': body.length,
      })
      .send(body)
    const answer = await connection.response()
    connection.close()
    return answer
  }
  const answers = await Promise.all(Array.from({ length: 8 }, ask))
  for (const answer of [...answers, await ask()]) {
    t.equal(answer.status, 200)
    t.equal(answer.text, answers[0]?.text)
  }
  t.equal((await objectNames(server)).length, 1)
})

test('GWS-17: an empty file is one empty chunk', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { totalSize: 0, chunkCount: 1 })
  t.equal((await upload.send(0, '')).status, 200)
  t.match((await upload.get()).json(), { totalSize: 0 })
  const content = await upload.content()
  t.equal(content.status, 200)
  t.equal(content.body.length, 0)
  t.equal((await upload.send(0, '')).status, 200)
})

test('GWS-18: an unknown uid is 400 in a chunk and 404 elsewhere, whatever it looks like', async t => {
  const server = await startServer(t)
  for (const uid of [
    '../x',
    'a/b',
    'A'.repeat(300),
    'A'.repeat(64),
    'ä'.repeat(64),
    '.',
    '%2e%2e',
  ]) {
    t.equal((await command(server, 'uploadChunk', chunk({ uploadUid: uid }))).status, 400, uid)
    for (const name of ['uploadGet', 'uploadStatus']) {
      const answer = await command(server, name, { uploadUid: uid })
      t.match(answer.json(), { status: 404, error: { code: 404 } }, `${name} ${uid}`)
    }
    const encoded = encodeURIComponent(uid)
    for (const path of [`/uploadUid/${encoded}`, `?uploadUid=${encoded}`]) {
      const answer = await server.ask(`GET /gws/_/uploadContent${path}`)
      t.equal(answer.status, 404, path)
      t.match(answer.headers['content-type'], /^application\/json/)
    }
  }
  t.equal((await command(server, 'uploadGet', { uploadUid: '' })).status, 404)
  t.equal((await server.ask('GET /gws/_/uploadContent/uploadUid/')).status, 404)
  t.equal((await server.ask('GET /gws/_/uploadContent')).status, 404)
  t.equal((await server.ask('GET /_/uploadContent/uploadUid/a/b')).status, 404)
  t.equal((await server.ask('GET /gws/_/uploadContent?uploadUid=%ff')).status, 400)
  t.strictSame(await objectNames(server), [])
})

test('GWS-19: a file’s name is any text, and of an object’s name only the last part', async t => {
  const server = await startServer(t)
  const long = `${'ö'.repeat(2040)}.txt`
  for (const [fileName, base] of [
    ['../../etc/passwd', 'passwd'],
    ['C:\\x\\y.txt', 'y.txt'],
    ['a\u0000b', undefined],
    ['line\r\nX-Evil: 1', undefined],
    ['', undefined],
    ['..', undefined],
    ['dir/', undefined],
    ['"quoted"; a=b%20.txt', '"quoted"; a=b%20.txt'],
    ['Übersicht 👩‍🚀.pdf', 'Übersicht 👩‍🚀.pdf'],
    [long, 'ö'.repeat(127)],
  ] as const) {
    const upload = new Upload(server, { fileName, totalSize: 3, chunkCount: 1 })
    t.equal((await upload.send(0, 'abc')).status, 200)
    t.equal((await upload.get()).json().fileName, fileName)
    const id = upload.uid.slice(0, 20)
    const name = base ?? id
    t.ok((await objectNames(server)).includes(`gws/${id}/${name}`), name)
    const { headers, text } = await upload.content()
    t.equal(text, 'abc')
    const [, ascii, encoded] =
      /^attachment; filename="([ !#-[\]-~]*)"; filename\*=UTF-8''([\w!#$&+.^`|~%-]+)$/.exec(
        headers['content-disposition'] ?? '',
      ) ?? []
    t.equal(typeof ascii, 'string')
    t.equal(decodeURIComponent(encoded ?? ''), name)
    t.equal(headers['x-evil'], undefined)
  }
})

test('GWS-32: an idle upload is alive after ten minutes, and gone after its time, with its bytes', async t => {
  const server = await startServer(t, { sessionTtlMs: HOUR })
  // Nothing expires within 30 minutes of a start (design P8).
  server.ahead += 31 * MINUTE
  const upload = new Upload(server, { totalSize: 6, chunkCount: 3 })
  await upload.send(0, 'abc')
  server.ahead += 10 * MINUTE
  await server.app.engine.sweep()
  t.equal((await upload.send(1, 'de')).status, 200)
  server.ahead += HOUR - MINUTE
  await server.app.engine.sweep()
  t.equal((await upload.send(1, 'de')).status, 200, 'every chunk begins the time anew')
  server.ahead += HOUR
  t.equal((await upload.send(2, 'f')).status, 400, 'as if it had never been')
  t.equal((await upload.get()).status, 404)
  await server.app.engine.sweep()
  t.equal((await upload.status()).status, 404)
})

test('a complete upload that nobody asks for is an object after ten minutes', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { fileName: 'left.bin', totalSize: 6, chunkCount: 2 })
  await upload.send(1, 'def')
  await upload.send(0, 'abc')
  server.ahead += 9 * MINUTE
  await server.app.engine.sweep()
  t.strictSame(await objectNames(server), [])
  server.ahead += MINUTE
  await server.app.engine.sweep()
  t.strictSame(await objectNames(server), [`gws/${upload.uid.slice(0, 20)}/left.bin`])
  t.equal((await upload.get()).status, 200)
  t.equal((await upload.content()).text, 'abcdef')
})

test('what is read by the uid is what was published, whoever has the name now', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { totalSize: 3, chunkCount: 1 })
  await upload.send(0, 'abc')
  await upload.get()
  const [name = ''] = await objectNames(server)
  await server.ask(
    `POST /upload/storage/v1/b/bkt/o?uploadType=media&name=${encodeURIComponent(name)}`,
    {},
    'another',
  )
  t.equal((await upload.content()).status, 404)
  t.equal((await upload.get()).status, 200)
})
