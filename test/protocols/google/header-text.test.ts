import { test } from 'tap'
import type { Metadata } from '../../../src/engine/ports.ts'
import type { Response } from '../../support/conversation.ts'
import { begin, initiate, metadata, put, read, upload } from '../../support/google.ts'
import { startServer, type TestServer } from '../../support/server.ts'

const JSON_FIELDS = [
  { contentType: 'text/plain\r\nX-Evil: 1' },
  { cacheControl: 'a\0b' },
  { contentDisposition: 'a\nb' },
  { contentLanguage: 'd\u007fe' },
  { contentEncoding: '\u001b' },
]

/** Both APIs, both methods. */
async function reads(server: TestServer, name: string): Promise<readonly Response[]> {
  const answers: Response[] = []
  for (const path of [`/storage/v1/b/bkt/o/${name}?alt=media`, `/bkt/${name}`]) {
    for (const method of ['GET', 'HEAD']) answers.push(await server.ask(`${method} ${path}`))
  }
  return answers
}

test('control characters are refused on every way in', async t => {
  const server = await startServer(t)
  await upload(server, 'there', 'hello')
  for (const resource of JSON_FIELDS) {
    const said = JSON.stringify(resource)
    t.equal((await begin(server, 'a', {}, resource)).status, 400, said)
    for (const method of ['PATCH', 'PUT']) {
      const changed = await server.ask(`${method} /storage/v1/b/bkt/o/there`, {}, said)
      t.equal(changed.status, 400, `${method} ${said}`)
    }
    const copied = await server.ask('POST /storage/v1/b/bkt/o/there/copyTo/b/bkt/o/a', {}, said)
    t.equal(copied.status, 400, `copy ${said}`)
    const sources = { sourceObjects: [{ name: 'there' }], destination: resource }
    const composed = await server.ask(
      'POST /storage/v1/b/bkt/o/a/compose',
      {},
      JSON.stringify(sources),
    )
    t.equal(composed.status, 400, `compose ${said}`)
    const related = `--x\r\n\r\n${said}\r\n--x\r\n\r\nhello\r\n--x--`
    t.equal((await multipart(server, related)).status, 400, `multipart ${said}`)
  }
  const typed = '--x\r\n\r\n{}\r\n--x\r\nContent-Type: a\0b\r\n\r\nhello\r\n--x--'
  t.equal((await multipart(server, typed)).status, 400, "a part's type")
  const encoding = '&contentEncoding=g%0D%0AX-Evil:%201'
  t.equal((await upload(server, 'a', 'x', {}, encoding)).status, 400)
  t.equal(
    (await multipart(server, '--x\r\n\r\n{}\r\n--x\r\n\r\nhello\r\n--x--', encoding)).status,
    400,
  )
  const begun = await server.ask(
    `POST /upload/storage/v1/b/bkt/o?uploadType=resumable&name=a${encoding}`,
    {},
    '{}',
  )
  t.equal(begun.status, 400)
  t.equal((await metadata(server, 'a')).status, 404)
})

function multipart(server: TestServer, body: string, more = ''): Promise<Response> {
  return server.ask(
    `POST /upload/storage/v1/b/bkt/o?uploadType=multipart&name=a${more}`,
    { 'Content-Type': 'multipart/related; boundary=x' },
    body,
  )
}

test('gcs.md §7: all other text is sent as UTF-8', async t => {
  const server = await startServer(t)
  const contentDisposition = 'attachment; filename="日本.txt"'
  const session = await initiate(server, 'a', {}, { contentDisposition, contentLanguage: '\ud800' })
  t.equal((await put(server, session, undefined, 'hello')).status, 200)
  for (const answer of await reads(server, 'a')) {
    t.equal(answer.status, 200)
    const sent = Buffer.from(answer.headers['content-disposition'] ?? '', 'latin1').toString()
    t.equal(sent, contentDisposition)
  }
  t.equal((await metadata(server, 'a')).json().contentDisposition, contentDisposition)
})

test('gcs.md §7: so is a type that came in a header', async t => {
  const server = await startServer(t)
  const type = 'text/plain; name="日本"'
  await upload(server, 'a', 'x', { 'Content-Type': type })
  const session = await initiate(server, 'b', { 'X-Upload-Content-Type': type })
  await put(server, session, undefined, 'x')
  for (const name of ['a', 'b']) {
    t.equal((await metadata(server, name)).json().contentType, type)
    const sent = (await read(server, name)).headers['content-type']
    t.equal(Buffer.from(sent ?? '', 'latin1').toString(), type)
  }
})

test('whatever is stored, it can be read', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'hello')
  const odd = 'a\r\nX-Evil: 1\0\u007f\u0085\ud800日'
  const metadata: Metadata = {
    contentType: odd,
    cacheControl: odd,
    contentDisposition: odd,
    contentEncoding: odd,
    contentLanguage: odd,
    storageClass: odd,
    custom: { a: odd, [odd]: 'x', ['__proto__']: odd, '': 'y' },
  }
  const { objects } = server.app.engine
  await objects.update({ bucket: 'bkt', name: 'a' }, {}, () => metadata)
  for (const answer of await reads(server, 'a')) {
    t.equal(answer.status, 200)
    t.notOk('x-evil' in answer.headers)
  }
  t.equal((await read(server, 'a')).text, 'hello')
})
