/** dxl.md §6: what HTTP adds to the segments: forms, statuses, files, the state of an upload. */

import { hash, randomUUID } from 'node:crypto'
import { test } from 'tap'
import { decodeMessage, encodeMessage } from '../../../src/protocols/dxl/message.ts'
import { DXL_CONFIG, requestOf, storeFields, TOPIC } from '../../support/dxl.ts'
import { read, upload } from '../../support/google.ts'
import { sampleBytes, startServer, type TestServer } from '../../support/server.ts'

const SETTINGS = { dxl: DXL_CONFIG }
const MESSAGE = { 'Content-Type': 'application/x-dxl-message' }

function target(fields: Record<string, string>, topic = TOPIC): string {
  return `POST /dxl${topic}?${new URLSearchParams(fields)}`
}

function whole(name: string, content: string): Record<string, string> {
  return { segment_number: '1', ...storeFields(name, content) }
}

test('DXL-34: a message is answered with a message, response or error', async t => {
  const server = await startServer(t, SETTINGS)
  const post = (message: Buffer) => server.ask(`POST /dxl${TOPIC}`, MESSAGE, message)
  const request = requestOf(whole('a', 'x'), 'x')
  const stored = await post(encodeMessage(request))
  t.match(stored, { status: 200, headers: { 'content-type': 'application/x-dxl-message' } })
  const response = decodeMessage(stored.body)
  t.match(response, { type: 'response', version: 2, requestId: request.messageId })
  t.match(JSON.parse(response.payload.toString()), { segments_received: 1, result: 'store' })

  const failed = await post(encodeMessage(requestOf({ segment_number: '7' })))
  t.equal(failed.status, 200)
  t.match(decodeMessage(failed.body), { type: 'error', errorCode: 0, errorMessage: /expected 1/ })

  const service = { ...requestOf(whole('a', 'x'), 'x'), serviceId: `{${randomUUID()}}` }
  const elsewhere = decodeMessage((await post(encodeMessage(service as typeof request))).body)
  t.match(elsewhere, { type: 'error', errorCode: 0x8000_0001 })

  const event = { ...request, type: 'event' } as const
  for (const bytes of [Buffer.from('nonsense'), Buffer.alloc(0), encodeMessage(event)]) {
    const malformed = await post(bytes)
    t.equal(malformed.status, 400)
    t.match(malformed.json(), { error_code: 0, error_message: /malformed message/ })
  }
  const parameters = { 'Content-Type': 'Application/X-DXL-Message; v=2' }
  const odd = await server.ask(`POST /dxl${TOPIC}`, parameters, encodeMessage(request))
  t.equal(odd.headers['content-type'], 'application/x-dxl-message')
})

test('DXL-26, 34: a message that is too large for any segment', async t => {
  const server = await startServer(t, SETTINGS)
  const huge = Buffer.alloc(3 * 1024 ** 2)
  const refused = await server.ask(`POST /dxl${TOPIC}`, MESSAGE, huge)
  t.equal(refused.status, 413)
  t.match(refused.json().error_message, 'at most 1048576 bytes')
})

test('DXL-35: without a content type, and with others', async t => {
  const server = await startServer(t, SETTINGS)
  for (const [index, type] of [undefined, 'application/json', 'text/plain', 'x', ''].entries()) {
    const headers = type === undefined ? {} : { 'Content-Type': type }
    const answer = await server.ask(target(whole(`f${index}`, '{"a":')), headers, '{"a":')
    t.match(answer, { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' } })
    t.match(answer.json(), { segments_received: 1, result: 'store' })
    t.equal((await read(server, `f${index}`)).text, '{"a":')
  }
})

test('DXL-35: a body of unknown length, within the limit and beyond it', async t => {
  const server = await startServer(t, SETTINGS)
  const send = async (fields: Record<string, string>, bytes: Buffer) => {
    const talk = await server.connect()
    talk.head(target(fields), { 'Transfer-Encoding': 'chunked' })
    for (let at = 0; at < bytes.length; at += 100_000) {
      const piece = bytes.subarray(at, at + 100_000)
      talk.send(`${piece.length.toString(16)}\r\n`, piece, '\r\n')
    }
    talk.send('0\r\n\r\n')
    const response = await talk.response()
    talk.close()
    return response
  }
  const limit = 1024 ** 2
  const first = await send({ segment_number: '1' }, sampleBytes(limit))
  t.equal(first.status, 200, first.text)
  const { file_id } = first.json()
  const over = await send({ segment_number: '2', file_id }, Buffer.alloc(limit + 1))
  t.equal(over.status, 413, over.text)
  const last = { segment_number: '2', file_id, ...storeFields('f', sampleBytes(limit)) }
  t.match((await send(last, Buffer.alloc(0))).json(), { segments_received: 2, result: 'store' })
})

test('DXL-36: files, the state of an upload, and its end', async t => {
  const server = await startServer(t, SETTINGS)
  const name = 'sub dir/ünï/100%.txt'
  await server.ask(target(whole(name, 'content')), {}, 'content')
  const path = name.split('/').map(encodeURIComponent).join('/')
  const file = await server.ask(`GET /dxl/files/${path}`)
  t.match(file, { status: 200, text: 'content' })
  t.match(file.headers, { 'content-type': 'application/octet-stream', 'content-length': '7' })
  const head = await server.ask(`HEAD /dxl/files/${path}`)
  t.match(head, { status: 200, text: '', headers: { 'content-length': '7' } })
  await server.ask(target(whole('empty', '')))
  t.match(await server.ask('GET /dxl/files/empty'), { status: 200, text: '' })
  for (const missing of ['nothing', 'sub dir'.replace(' ', '%20')]) {
    const answer = await server.ask(`GET /dxl/files/${missing}`)
    t.equal(answer.status, 404)
    t.strictSame(answer.json(), { error_code: 0, error_message: 'no such file' })
  }
  for (const bad of ['..%2Fx', '%2Fetc%2Fpasswd', 'a//b', '', '%ff', '%2E%2E/x', '.workdir/x']) {
    t.equal((await server.ask(`GET /dxl/files/${bad}`)).status, 400, bad)
  }
  // What another door stored is there as well, with what its owner said of it.
  await upload(server, 'page', 'hi', { 'Content-Type': 'text/grün\tx' })
  t.equal((await server.ask('GET /dxl/files/page')).text, 'hi')

  const { file_id } = (await server.ask(target({ segment_number: '1' }), {}, 'abc')).json()
  const status = (await server.ask(`GET /dxl/uploads/${file_id}`)).json()
  t.match(status, { file_id, segments_received: 1, bytes_received: 3 })
  const left = Date.parse(status.expires_at) - Date.now()
  t.ok(left > 47 * 3_600_000 && left <= 48 * 3_600_000, status.expires_at)
  const expected = { file_id, result: 'cancel', segments_received: 1 }
  t.strictSame((await server.ask(`DELETE /dxl/uploads/${file_id}`)).json(), expected)
  t.equal((await server.ask(`GET /dxl/uploads/${file_id}`)).status, 404)
  t.match((await server.ask(`DELETE /dxl/uploads/${file_id}`)).json(), { segments_received: 0 })
  for (const id of ['a.b', 'a%2Fb', '%ff']) {
    t.equal((await server.ask(`GET /dxl/uploads/${id}`)).status, 400, id)
  }
  t.equal((await server.ask('GET /dxl/uploads/')).status, 404)
})

test('what is stored is an ordinary object: listed, read and deleted through the GCS JSON API', async t => {
  const server = await startServer(t, SETTINGS)
  const content = 'content'
  await server.ask(target(whole('a/b', content)), {}, content)
  const list = (await server.ask('GET /storage/v1/b/bkt/o?prefix=a/')).json()
  t.match(list.items, [{ name: 'a/b', size: '7', md5Hash: hash('md5', content, 'base64') }])
  t.equal((await read(server, 'a/b')).text, content)
  t.equal((await server.ask('DELETE /storage/v1/b/bkt/o/a%2Fb')).status, 204)
  t.equal((await server.ask('GET /dxl/files/a/b')).status, 404)
})

test('further topics, and paths that are none', async t => {
  const topics = ['/a/b.c', TOPIC]
  const server = await startServer(t, { dxl: { ...DXL_CONFIG, topics } })
  const first = (await server.ask(target({ segment_number: '1' }, '/a/b.c'), {}, 'abc')).json()
  const last = { segment_number: '2', file_id: first.file_id, ...storeFields('f', 'abc') }
  t.match((await server.ask(target(last))).json(), { segments_received: 2, result: 'store' })
  for (const path of ['/dxl', '/dxl/', '/dxl/a', '/dxl/a/b.c/', '/dxl/a/b.c/d']) {
    t.equal((await server.ask(`POST ${path}?segment_number=1`, {}, 'x')).status, 404, path)
  }
})

test('a door that is closed is not there', async t => {
  const server = await startServer(t, { ...SETTINGS, doors: [] })
  t.equal((await server.ask(target({ segment_number: '1' }), {}, 'x')).status, 404)
})

test('a segment that is cut off, or falls silent, is not counted', async t => {
  const server = await startServer(t, { ...SETTINGS, bodyIdleMs: 300 })
  const { file_id } = (await server.ask(target({ segment_number: '1' }), {}, 'abc')).json()
  const second = target({ segment_number: '2', file_id })
  const cut = await server.connect()
  cut.head(second, { 'Content-Length': 1000 }).send('half')
  await arrives(server, file_id)
  cut.cut()
  const silent = await server.connect()
  silent.head(second, { 'Content-Length': 1000 }).send('half')
  const answer = await silent.response()
  silent.close()
  t.equal(answer.status, 408)
  t.match(answer.json(), { error_code: 0, error_message: /did not come to its end/ })
  t.match((await server.ask(`GET /dxl/uploads/${file_id}`)).json(), { bytes_received: 3 })
  const last = { segment_number: '2', file_id, ...storeFields('f', 'abcdef') }
  t.match((await server.ask(target(last), {}, 'def')).json(), { segments_received: 2 })
})

test('DXL-18: a cancel does not wait for who is sending', async t => {
  const server = await startServer(t, SETTINGS)
  const { file_id } = (await server.ask(target({ segment_number: '1' }), {}, 'abc')).json()
  const slow = await server.connect()
  slow.head(target({ segment_number: '2', file_id }), { 'Content-Length': 1000 }).send('half')
  await arrives(server, file_id)
  const cancelled = (await server.ask(target({ result: 'cancel', file_id }))).json()
  t.match(cancelled, { segments_received: 1, result: 'cancel' })
  t.equal((await slow.response()).status, 409)
  slow.close()
})

test('without a bucket there is an answer', async t => {
  const server = await startServer(t, { dxl: { ...DXL_CONFIG, bucket: 'missing' } })
  t.equal((await server.ask('DELETE /storage/v1/b/missing')).status, 204)
  const answer = await server.ask(target(whole('f', 'x')), {}, 'x')
  t.equal(answer.status, 404)
  t.match(answer.json().error_message, 'the bucket missing does not exist')
})

test('what HTTP itself refuses has the form of this door', async t => {
  const server = await startServer(t, SETTINGS)
  const talk = await server.connect()
  talk.head(target({ segment_number: '1' }), { 'Transfer-Encoding': 'gzip, chunked' })
  talk.send('0\r\n\r\n')
  const refused = await talk.response()
  talk.close()
  t.equal(refused.status, 501)
  t.match(refused.json(), { error_code: 0 })
  const malformed = await server.ask(`POST /dxl${TOPIC}?segment_number=%zz`, {}, 'x')
  t.equal(malformed.status, 400)
  t.match(malformed.json().error_message, 'malformed percent-encoding in the segment_number')
})

/** Until somebody is writing to the upload: its state is asked, which waits for nobody. */
async function arrives(server: TestServer, fileId: string): Promise<void> {
  for (let asked = 0; asked < 20; asked += 1) {
    await server.ask(`GET /dxl/uploads/${fileId}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
