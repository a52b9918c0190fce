/** With TIDEMARK_AUTH=keys: the control plane asks for a key, a chunk and a download for no more than their token. */

import { type Test, test } from 'tap'
import type { Response } from '../../support/conversation.ts'
import { ALL, startGuarded } from '../../support/keys.ts'
import type { TestServer } from '../../support/server.ts'
import { type Headers, sendChunk, status } from '../../support/ucloud.ts'

async function setUp(t: Test) {
  return startGuarded(t, {
    root: ALL,
    uploader: { scopes: ['create'], buckets: ['bkt'], prefix: 'in/' },
    reader: { scopes: ['read'], buckets: ['bkt'] },
  })
}

function create(
  server: TestServer,
  who: Headers,
  id: string,
  conflictPolicy = 'RENAME',
): Promise<Response> {
  const item = { id, supportedProtocols: ['CHUNKED'], conflictPolicy }
  return server.ask('POST /api/files/upload', who, JSON.stringify({ items: [item] }))
}

test('§8.1: who creates an upload needs a key, who sends a chunk its token', async t => {
  const { server, as } = await setUp(t)
  const nobody = await create(server, {}, '/1/in/a')
  t.equal(nobody.status, 401)
  t.match(nobody.json(), { errorCode: 'UNAUTHORIZED', why: /./ })
  t.equal((await create(server, as.reader, '/1/in/a')).status, 403)
  t.equal((await create(server, as.uploader, '/1/elsewhere')).status, 404)

  const [{ token }] = (await create(server, as.uploader, '/1/in/a')).json().responses
  t.equal((await sendChunk(server, token, 0, 'abc')).status, 200)
  t.match((await status(server, token)).json(), { offset: 3 })
  t.equal((await sendChunk(server, token, -1, 'def', { total: 6 })).status, 200)
  for (const line of ['POST /ucloud/ucloud/chunked', 'GET /ucloud/ucloud/chunked/status']) {
    t.equal((await server.ask(line)).status, 401, 'a token, or a key')
  }

  const again = (await create(server, as.uploader, '/1/in/a')).json().responses[0]
  t.equal(again.id, '/1/in/a(1)', 'a rename takes nothing away')
  t.equal((await create(server, as.uploader, '/1/in/a', 'REPLACE')).status, 403)
  t.equal((await create(server, as.uploader, '/1/in/a', 'REJECT')).status, 409)
})

test('§8.1: who creates a download may read, and gives that on with its token', async t => {
  const { server, as } = await setUp(t)
  const [{ token }] = (await create(server, as.root, '/1/in/a')).json().responses
  await sendChunk(server, token, 0, 'abc', { total: 3 })
  const ask = (who: Headers) =>
    server.ask('POST /api/files/download', who, JSON.stringify({ items: [{ id: '/1/in/a' }] }))
  t.equal((await ask({})).status, 401)
  t.equal((await ask(as.uploader)).status, 403)
  const { endpoint } = (await ask(as.reader)).json().responses[0]
  t.equal((await server.ask(`GET ${endpoint}`)).text, 'abc')
  t.equal((await server.ask('GET /api/files/retrieve?id=/1/in/a')).status, 401)
  t.equal((await server.ask('GET /api/files/retrieve?id=/1/in/a', as.reader)).status, 200)
})

test('UCLOUD-33: a page may read that it has no key', async t => {
  const { server } = await setUp(t)
  const refused = await create(server, { Origin: 'https://cloud.example.org' }, '/1/in/a')
  t.equal(refused.status, 401)
  t.equal(refused.headers['access-control-allow-origin'], 'https://cloud.example.org')
})
