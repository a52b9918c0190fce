/** Chunks: any order, in parallel, again, and what each must agree with. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { blobFiles } from '../../support/engine.ts'
import { chunk, command, objectNames, packed, Upload } from '../../support/gws.ts'
import { sampleBytes, startServer } from '../../support/server.ts'

test('GWS-04: three chunks in order become a file with its name, size and bytes', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(250_000)
  const upload = new Upload(server, {
    fileName: 'plan.pdf',
    totalSize: bytes.length,
    chunkCount: 3,
  })
  for (const number of [0, 1, 2]) {
    const content = bytes.subarray(number * 100_000, (number + 1) * 100_000)
    const answer = await upload.send(number, content)
    t.strictSame(answer.json(), { uploadUid: upload.uid })
  }
  const got = await upload.get()
  t.equal(got.status, 200)
  t.strictSame(got.json(), {
    uploadUid: upload.uid,
    fileName: 'plan.pdf',
    totalSize: bytes.length,
    path: `/gws/_/uploadContent/uploadUid/${upload.uid}`,
  })
  const content = await server.ask(`GET ${got.json().path}`)
  t.equal(content.status, 200)
  t.equal(content.headers['content-length'], String(bytes.length))
  t.ok(content.body.equals(bytes))
})

test('an upload is an object like any other: listed, read and deleted through Google’s door', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { fileName: 'a b.txt', totalSize: 5, chunkCount: 2 })
  await upload.send(0, 'he')
  await upload.send(1, 'llo')
  t.strictSame(await objectNames(server), [], 'not before it is finished')
  await upload.get()
  const name = `gws/${upload.uid.slice(0, 20)}/a b.txt`
  t.strictSame(await objectNames(server), [name])
  const path = `/storage/v1/b/bkt/o/${encodeURIComponent(name)}`
  t.match((await server.ask(`GET ${path}`)).json(), { size: '5', crc32c: 'mnG7TA==' })
  t.equal((await server.ask(`GET ${path}?alt=media`)).text, 'hello')
  t.equal((await server.ask(`DELETE ${path}`)).status, 204)
  t.equal((await upload.content()).status, 404)
})

test('GWS-05, GWS-06, GWS-07: any order, any first number, any length', async t => {
  const server = await startServer(t)
  const pieces = ['', 'a', 'bc', 'd'.repeat(70_000), 'efg', '', 'h']
  const whole = pieces.join('')
  for (const order of [
    [6, 5, 4, 3, 2, 1, 0],
    [2, 0, 6, 3, 1, 5, 4],
  ]) {
    const upload = new Upload(server, { totalSize: whole.length, chunkCount: pieces.length })
    for (const number of order)
      t.equal((await upload.send(number, pieces[number] ?? '')).status, 200)
    t.equal((await upload.get()).status, 200)
    t.equal((await upload.content()).text, whole)
  }
})

test('GWS-08: a chunk sent again before the end wins, also when all are there', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { totalSize: 6, chunkCount: 2 })
  await upload.send(0, 'abc')
  await upload.send(0, 'xyz')
  await upload.send(1, 'def')
  await upload.send(1, 'uvw')
  t.equal((await upload.send(0, '123')).status, 200)
  await upload.get()
  t.equal((await upload.content()).text, '123uvw')
})

test('GWS-09: after the end the same bytes are fine, others are not', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { totalSize: 6, chunkCount: 2 })
  await upload.send(0, 'abc')
  await upload.send(1, 'def')
  const first = await upload.get()
  t.strictSame((await upload.send(0, 'abc')).json(), { uploadUid: upload.uid })
  for (const [number, content] of [
    [0, 'xyz'],
    [0, 'abcd'],
    [1, ''],
  ] as const) {
    const answer = await upload.send(number, content)
    t.match(answer.json(), { status: 409, error: { code: 409 } })
    t.equal(answer.status, 409)
  }
  t.strictSame((await upload.get()).json(), first.json())
  t.equal((await upload.content()).text, 'abcdef')
})

test('GWS-10, GWS-11, GWS-13: what cannot be is 400, and as a first chunk leaves nothing', async t => {
  const server = await startServer(t)
  const open = () => server.app.engine.measure().then(({ sessions }) => sessions)
  for (const values of [
    { chunkNumber: -1 },
    { chunkNumber: 1 },
    { chunkNumber: 2 ** 40 },
    { chunkCount: 0 },
    { chunkCount: -1, chunkNumber: -1 },
    { chunkCount: 100_001 },
    { totalSize: -1 },
    { totalSize: -1, content: Buffer.alloc(0) },
    { totalSize: 2 },
    { totalSize: 2 ** 50 },
    { fileName: 'x'.repeat(20_000) },
  ]) {
    const answer = await command(server, 'uploadChunk', chunk(values))
    t.equal(answer.status, 400, JSON.stringify(values).slice(0, 60))
    const upload = new Upload(server, { totalSize: 3, chunkCount: 1 })
    await upload.send(0, 'abc')
    t.equal((await upload.send(0, 'abc', values)).status, 400)
    await upload.get()
  }
  t.strictSame(await open(), [])
})

test('GWS-12: a later chunk must agree with the first, but for the file’s name', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { fileName: 'first', totalSize: 6, chunkCount: 2 })
  await upload.send(0, 'abc')
  t.equal((await upload.send(1, 'def', { totalSize: 7 })).status, 400)
  t.equal((await upload.send(1, 'def', { chunkCount: 3 })).status, 400)
  t.equal((await upload.send(1, 'def', { fileName: 'second' })).status, 200)
  t.match((await upload.get()).json(), { fileName: 'first', totalSize: 6 })
  t.equal((await upload.send(1, 'def', { totalSize: 7 })).status, 400, 'after the end as well')
})

test('GWS-28: eight chunks at once, and eight times the same one', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(8 * 60_000)
  const pieces = Array.from({ length: 8 }, (_, n) => bytes.subarray(n * 60_000, (n + 1) * 60_000))
  const upload = new Upload(server, { totalSize: bytes.length, chunkCount: 8 })
  await upload.send(3, pieces[3] ?? '')
  const values = { uploadUid: upload.uid, totalSize: bytes.length, chunkCount: 8 }
  const post = async (chunkNumber: number, content: Buffer) => {
    const connection = await server.connect()
    const body = packed(chunk({ ...values, chunkNumber, content }))
    const headers = { 'Content-Type': 'application/msgpack', 'Content-Length': body.length }
    connection.head('POST /_/uploadChunk', headers).send(body)
    const { status } = await connection.response()
    connection.close()
    return status
  }
  const statuses = await Promise.all(pieces.map((piece, number) => post(number, piece)))
  t.strictSame([...new Set(statuses)], [200])
  const versions = Array.from({ length: 8 }, (_, n) => sampleBytes(60_000, `version ${n}`))
  t.strictSame([...new Set(await Promise.all(versions.map(version => post(5, version))))], [200])
  await upload.get()
  const content = (await upload.content()).body
  const fifth = content.subarray(5 * 60_000, 6 * 60_000)
  t.ok(
    versions.some(version => version.equals(fifth)),
    'whole, of one of them',
  )
  t.ok(content.subarray(0, 5 * 60_000).equals(bytes.subarray(0, 5 * 60_000)))
  t.ok(content.subarray(6 * 60_000).equals(bytes.subarray(6 * 60_000)))
})

test('GWS-31: a chunk that is cut off in the middle leaves nothing', async t => {
  const server = await startServer(t)
  const upload = new Upload(server, { totalSize: 6, chunkCount: 2 })
  await upload.send(0, 'abc')
  const body = packed(chunk({ uploadUid: upload.uid, totalSize: 6, chunkCount: 2, chunkNumber: 1 }))
  for (const sent of [0, 1, body.length - 1]) {
    const connection = await server.connect()
    const headers = { 'Content-Type': 'application/msgpack', 'Content-Length': body.length }
    connection.head('POST /_/uploadChunk', headers).send(body.subarray(0, sent))
    await new Promise(resolve => setTimeout(resolve, 50))
    connection.cut()
  }
  const first = await server.connect()
  const whole = packed(chunk({ content: sampleBytes(500_000), totalSize: 500_000 }))
  first
    .head('POST /_/uploadChunk', {
      'Content-Type': 'application/msgpack',
      'Content-Length': whole.length,
    })
    .send(whole.subarray(0, 300_000))
  await new Promise(resolve => setTimeout(resolve, 50))
  first.cut()
  t.match((await upload.status()).json(), { received: [0] })
  t.equal((await blobFiles(join(server.directory, 'data'))).length, 1)
  const [sessions] = (await server.app.engine.measure()).sessions
  t.match(sessions, { sessions: 1 })
})

test('GWS-33: two first chunks are two uploads', async t => {
  const server = await startServer(t)
  const uploads = [1, 2].map(() => new Upload(server, { totalSize: 3, chunkCount: 1 }))
  await Promise.all(uploads.map((upload, n) => upload.send(0, `ab${n}`)))
  t.not(uploads[0]?.uid, uploads[1]?.uid)
  for (const [n, upload] of uploads.entries()) {
    await upload.get()
    t.equal((await upload.content()).text, `ab${n}`)
  }
})

test('P9: no uid is in the log, nor in any file of the server', async t => {
  const server = await startServer(t)
  const uploads = [1, 2].map(() => new Upload(server, { totalSize: 3, chunkCount: 1 }))
  for (const upload of uploads) await upload.send(0, 'abc')
  const [finished] = uploads
  await finished?.send(0, 'abcd')
  await finished?.get()
  await finished?.content()
  await finished?.status()
  for (const { uid } of uploads) {
    t.equal(uid.length, 64)
    // Its beginning is the upload's name; what is behind it opens the upload.
    const secret = uid.slice(20)
    t.notOk(server.log.some(line => line.includes(secret)))
    for (const file of filesBelow(server.directory))
      t.notOk(readFileSync(file).includes(secret), file)
  }
  t.ok(server.log.some(line => line.includes('/gws/_/uploadContent/uploadUid/:uid')))
})

function filesBelow(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}
