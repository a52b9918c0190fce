import { test } from 'tap'
import { begin, metadata, read, upload } from '../../support/google.ts'
import { startServer } from '../../support/server.ts'

const KEYS = [
  'x-goog-encryption-algorithm',
  'x-goog-encryption-key',
  'X-Goog-Encryption-Key-Sha256',
  'x-goog-copy-source-encryption-algorithm',
  'x-goog-copy-source-encryption-key',
  'x-goog-copy-source-encryption-key-sha256',
]

test('GCS-65: encryption keys are refused wherever they come, and nothing is stored', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'hello')
  for (const header of KEYS) {
    const keyed = { [header]: 'AES256' }
    const compose = '{"sourceObjects":[{"name":"a"}]}'
    const refused = [
      await upload(server, 'b', 'hello', keyed),
      await begin(server, 'b', keyed),
      await server.ask(
        'POST /upload/storage/v1/b/bkt/o?uploadType=multipart',
        { 'Content-Type': 'multipart/related; boundary=x', ...keyed },
        '--x\r\n\r\n{"name":"b"}\r\n--x\r\n\r\nhello\r\n--x--',
      ),
      await read(server, 'a', keyed),
      await server.ask('GET /download/storage/v1/b/bkt/o/a', keyed),
      await server.ask('POST /storage/v1/b/bkt/o/b/compose', keyed, compose),
      await server.ask('POST /storage/v1/b/bkt/o/a/rewriteTo/b/bkt/o/b', keyed),
      await server.ask('POST /b/bkt/o/a/copyTo/b/bkt/o/b', keyed),
    ]
    for (const { status, json } of refused) {
      t.equal(status, 400, header)
      const [error] = json().error.errors
      t.match(error, { reason: 'invalid', locationType: 'header', location: header.toLowerCase() })
      t.match(error.message, header.toLowerCase())
    }
  }
  t.equal((await metadata(server, 'b')).status, 404)
  t.equal((await read(server, 'a')).text, 'hello')
})

test('a browser may read the refusal, and a preflight asks for nothing', async t => {
  const server = await startServer(t)
  const headers = { Origin: 'http://page', 'x-goog-encryption-algorithm': 'AES256' }
  const refused = await server.ask('GET /storage/v1/b/bkt', headers)
  t.equal(refused.status, 400)
  t.equal(refused.headers['access-control-allow-origin'], 'http://page')
  t.equal((await server.ask('OPTIONS /storage/v1/b/bkt', headers)).status, 204)
})
