/** With TIDEMARK_AUTH=keys: whoever uploads needs a key, and the uid beside it. */

import { test } from 'tap'
import { chunk, command } from '../../support/gws.ts'
import { ALL, startGuarded } from '../../support/keys.ts'

test('without a key nobody gets in, and hears so in the door’s form', async t => {
  const { server } = await startGuarded(t, { one: ALL })
  for (const name of ['uploadChunk', 'uploadGet', 'uploadStatus', '']) {
    const answer = await command(server, name, chunk())
    t.match(answer.json(), { status: 401, error: { code: 401 } })
    t.match(answer.headers['www-authenticate'], /^Bearer/)
  }
  t.equal((await server.ask('GET /_/uploadContent?uploadUid=x')).status, 401)
  t.equal((await server.ask('HEAD /_/uploadChunk')).status, 401, 'what is only refused, too')
})

test('a key needs the right to create, and to read what it made; elsewhere it is nobody', async t => {
  const { server, as } = await startGuarded(t, {
    all: ALL,
    creates: { scopes: ['create'] },
    reads: { scopes: ['read'] },
    elsewhere: { scopes: ['create'], buckets: ['uploads'], prefix: 'other/' },
  })
  const send = (headers: object, values: Readonly<Record<string, unknown>> = {}) =>
    command(server, 'uploadChunk', chunk(values), { ...headers })
  t.equal((await send(as.reads)).status, 403)
  t.equal((await send(as.elsewhere)).status, 404)
  const { uploadUid } = (await send(as.creates)).json()
  t.equal(
    (await send(as.all, { uploadUid, content: 'xyz' })).status,
    200,
    'the uid is the right to it',
  )
  const got = await command(server, 'uploadGet', { uploadUid }, as.creates)
  t.equal(got.status, 200)
  t.equal((await server.ask(`GET ${got.json().path}`, as.creates)).status, 403)
  t.equal((await server.ask(`GET ${got.json().path}`, as.reads)).text, 'xyz')
})
