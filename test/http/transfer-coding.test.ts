import { test } from 'tap'
import { metadata } from '../support/google.ts'
import { startServer } from '../support/server.ts'

const CODINGS = ['gzip, chunked', 'deflate,chunked']

test('RFC 9112 §6.1: a transfer coding other than chunked is 501, and nothing is stored', async t => {
  const server = await startServer(t)
  for (const coding of CODINGS) {
    const wire = await server.connect()
    wire.head('POST /upload/storage/v1/b/bkt/o?uploadType=media&name=a', {
      'Transfer-Encoding': coding,
    })
    wire.send('5\r\nhello\r\n0\r\n\r\n')
    const refused = await wire.response()
    t.equal(refused.status, 501, coding)
    t.equal(refused.json().error.errors[0].reason, 'notImplemented')
    wire.close()
  }
  t.equal((await metadata(server, 'a')).status, 404)
})

test('in the form of whoever answers', async t => {
  const server = await startServer(t)
  const cases = { '/bkt/a': /<Code>NotImplemented</, '/-/livez': /^Not Implemented$/ }
  for (const [path, form] of Object.entries(cases)) {
    const wire = await server.connect()
    wire.head(`GET ${path}`, { 'Transfer-Encoding': 'gzip, chunked' }).send('0\r\n\r\n')
    const refused = await wire.response()
    t.equal(refused.status, 501, path)
    t.match(refused.text, form)
    wire.close()
  }
})

test('chunked is, however it is written', async t => {
  const server = await startServer(t)
  const wire = await server.connect()
  wire.head('POST /upload/storage/v1/b/bkt/o?uploadType=media&name=a', {
    'Transfer-Encoding': 'Chunked',
  })
  wire.send('5\r\nhello\r\n0\r\n\r\n')
  t.equal((await wire.response()).json().size, '5')
  wire.close()
})
