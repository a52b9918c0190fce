import { test } from 'tap'
import { metadata, upload } from '../../support/google.ts'
import { startServer } from '../../support/server.ts'

const BAD = ['fields=((', 'fields=a%28', 'fields=%zz']

test('gcs.md §2: a mask that is none is refused before anything happens', async t => {
  const server = await startServer(t)
  const { metageneration } = (await upload(server, 'source', 'hello')).json()
  const up = '/upload/storage/v1/b/bkt/o?uploadType'
  const source = '/storage/v1/b/bkt/o/source'
  const compose = JSON.stringify({ sourceObjects: [{ name: 'source' }] })
  const related =
    '--x\r\n\r\n{"name":"new"}\r\n--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--'
  const relatedType = { 'Content-Type': 'multipart/related; boundary=x' }
  for (const bad of BAD) {
    const cases: [string, string, Record<string, string>?][] = [
      [`POST ${up}=media&name=new&${bad}`, 'hello'],
      [`POST ${up}=multipart&${bad}`, related, relatedType],
      [`POST ${up}=resumable&name=new&${bad}`, '{}'],
      [`POST /storage/v1/b?${bad}`, '{"name":"new-bucket"}'],
      [`PATCH ${source}?${bad}`, '{"cacheControl":"no-store"}'],
      [`PUT ${source}?${bad}`, '{"cacheControl":"no-store"}'],
      [`POST ${source}/rewriteTo/b/bkt/o/new?${bad}`, ''],
      [`POST ${source}/copyTo/b/bkt/o/new?${bad}`, ''],
      [`POST ${source}/moveTo/o/new?${bad}`, ''],
      [`POST /storage/v1/b/bkt/o/new/compose?${bad}`, compose],
      [`DELETE ${source}?${bad}`, ''],
    ]
    for (const [request, body, headers] of cases) {
      const refused = await server.ask(request, headers, body)
      t.equal(refused.status, 400, request)
      t.equal(refused.json().error.errors[0].reason, 'invalid')
      t.notOk(refused.headers['location'])
    }
  }
  t.equal((await metadata(server, 'new')).status, 404)
  t.equal((await server.ask('GET /storage/v1/b/new-bucket')).status, 404)
  t.equal((await metadata(server, 'source')).json().metageneration, metageneration)
})
