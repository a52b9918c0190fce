import { test } from 'tap'
import { Query } from '../../../src/http/query.ts'
import { parsePreconditions } from '../../../src/protocols/google/preconditions.ts'
import { Refusal } from '../../../src/protocols/google/refusal.ts'
import { metadata, put, query, upload } from '../../support/google.ts'
import { startServer, type TestServer } from '../../support/server.ts'

test('parsing', t => {
  const parse = (text: string) => parsePreconditions(new Query(text))
  t.strictSame(parse(''), {})
  t.strictSame(parse('ifGenerationMatch=0&ifMetaGenerationNotMatch=3'), {
    generationMatch: 0,
    metagenerationNotMatch: 3,
  })
  t.strictSame(parse('ifGenerationNotMatch=1795158660547000&ifMetagenerationMatch=1'), {
    generationNotMatch: 1795158660547000,
    metagenerationMatch: 1,
  })
  for (const wrong of ['x', '-1', '1.5', '0x1']) {
    t.throws(() => parse(`ifGenerationMatch=${wrong}`), Refusal)
  }
  t.end()
})

test('GCS-48: ifGenerationMatch=0 with and without an object', async t => {
  const server = await startServer(t)
  t.equal((await upload(server, 'a', '1', {}, '&ifGenerationMatch=0')).status, 200)
  const media = await upload(server, 'a', '2', {}, '&ifGenerationMatch=0')
  t.equal(media.status, 412)
  t.strictSame(media.json().error, {
    code: 412,
    message: 'At least one of the pre-conditions you specified did not hold.',
    errors: [
      {
        message: 'At least one of the pre-conditions you specified did not hold.',
        domain: 'global',
        reason: 'conditionNotMet',
        locationType: 'header',
        location: 'If-Match',
      },
    ],
  })
  t.equal((await begin(server, 'a', 'ifGenerationMatch=0')).status, 412)
  const { generation } = (await metadata(server, 'a')).json()
  t.equal((await begin(server, 'a', `ifGenerationMatch=${generation}`)).status, 200)
  // §9.1: on a write, a not-match that fails is 412 as well.
  t.equal((await begin(server, 'a', `ifGenerationNotMatch=${generation}`)).status, 412)
  t.equal((await begin(server, 'a', 'ifMetagenerationMatch=2')).status, 412)
  t.equal((await begin(server, 'a', 'ifGenerationMatch=soon')).status, 400)
})

test('GCS-49: an object that appears between initiation and the final request', async t => {
  const server = await startServer(t)
  const session = await open(server, 'a', 'ifGenerationMatch=0')
  await upload(server, 'a', 'first')
  t.equal((await put(server, session, undefined, 'second')).status, 412)
  t.equal((await metadata(server, 'a')).json().size, '5')
  // §6.9: and again.
  t.equal((await query(server, session)).status, 412)
  t.equal((await put(server, session, undefined, 'second')).status, 412)
})

test('GCS-50: of two racing uploads with ifGenerationMatch=0 exactly one wins', async t => {
  const server = await startServer(t)
  const bytes = 'x'.repeat(100_000)
  for (let round = 0; round < 5; round += 1) {
    const sessions = [
      await open(server, `race${round}`, 'ifGenerationMatch=0'),
      await open(server, `race${round}`, 'ifGenerationMatch=0'),
    ]
    const statuses = await Promise.all(
      sessions.map(async session => {
        const wire = await server.connect()
        wire.head(`PUT ${session}`, { 'Content-Length': bytes.length }).send(bytes)
        const { status } = await wire.response()
        wire.close()
        return status
      }),
    )
    t.strictSame(statuses.sort(), [200, 412])
  }
})

test('§9.1: reads answer 412 to a match and 304 to a not-match', async t => {
  const server = await startServer(t)
  const { generation, etag } = (await upload(server, 'a', 'x')).json()
  const get = (query: string, headers = {}) =>
    server.ask(`GET /storage/v1/b/bkt/o/a?${query}`, headers)
  t.equal((await get(`ifGenerationMatch=${generation}`)).status, 200)
  t.equal((await get('ifGenerationMatch=1')).status, 412)
  const same = await get(`ifGenerationNotMatch=${generation}`)
  t.equal(same.status, 304)
  t.equal(same.headers['etag'], etag)
  t.equal((await get('ifMetagenerationNotMatch=1')).status, 304)
  t.equal((await get('ifMetagenerationNotMatch=2')).status, 200)
  t.equal((await get('alt=media', { 'If-None-Match': `"${etag}"` })).status, 304)
  t.equal((await get('alt=media', { 'If-None-Match': 'other' })).status, 200)
  t.equal((await server.ask('DELETE /storage/v1/b/bkt/o/a?ifGenerationMatch=1')).status, 412)
  t.equal((await get('')).status, 200)
})

function begin(server: TestServer, name: string, condition: string) {
  return server.ask(
    `POST /upload/storage/v1/b/bkt/o?uploadType=resumable&name=${name}&${condition}`,
  )
}

async function open(server: TestServer, name: string, condition: string): Promise<string> {
  return ((await begin(server, name, condition)).headers['location'] ?? '').replace(server.base, '')
}
