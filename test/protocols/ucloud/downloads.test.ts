import { test } from 'tap'
import { upload } from '../../support/google.ts'
import { sampleBytes, startServer, type TestServer } from '../../support/server.ts'
import { createUpload, sendChunk } from '../../support/ucloud.ts'

function createDownloads(server: TestServer, ids: readonly string[]) {
  const items = ids.map(id => ({ id }))
  return server.ask('POST /api/files/download', {}, JSON.stringify({ items }))
}

async function endpointOf(server: TestServer, id: string): Promise<string> {
  return (await createDownloads(server, [id])).json().responses[0].endpoint
}

test('UCLOUD-35: createDownload and GET', async t => {
  const server = await startServer(t)
  const bytes = sampleBytes(3_000_000)
  const name = "Prüfung (1) 'ü'*.txt"
  const token = await createUpload(server, `/1/dir/${name}`)
  await sendChunk(server, token, 0, bytes, { total: bytes.length })
  const endpoint = await endpointOf(server, `/1//dir/./${name}`)
  t.ok(endpoint.startsWith(`${server.base}/ucloud/ucloud/download?token=`))
  for (let round = 0; round < 2; round += 1) {
    const response = await server.ask(`GET ${endpoint}`)
    t.equal(response.status, 200)
    t.equal(response.headers['content-length'], String(bytes.length))
    t.equal(
      response.headers['content-disposition'],
      "attachment; filename*=UTF-8''Pr%C3%BCfung%20%281%29%20%27%C3%BC%27%2A.txt",
    )
    t.ok(response.body.equals(bytes))
    // A download may be taken up long after it was created.
    await server.restart()
    server.ahead = 47 * 3_600_000
  }
  server.ahead = 49 * 3_600_000
  t.equal((await server.ask(`GET ${endpoint}`)).status, 404, 'and expires')
})

test('UCLOUD-35: download tokens that nobody gave out', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'abc')
  const endpoint = await endpointOf(server, '/1/a')
  const token = new URL(endpoint).searchParams.get('token') ?? ''
  const [claim = '', mac = ''] = token.split('.')
  const forged = Buffer.from(JSON.stringify([Number.MAX_SAFE_INTEGER, '/1/b'])).toString(
    'base64url',
  )
  for (const wrong of [
    '',
    'x',
    '.',
    claim,
    `${claim}.`,
    `${claim}.${mac.slice(1)}`,
    `${forged}.${mac}`,
  ]) {
    const response = await server.ask(`GET /ucloud/ucloud/download?token=${wrong}`)
    t.equal(response.status, 404, wrong)
    t.match(response.json(), { errorCode: 'NOT_FOUND', why: /./ })
  }
  t.equal((await server.ask('GET /ucloud/ucloud/download')).status, 404)
  t.equal((await server.ask('GET /ucloud/ucloud/download?token=%ff')).status, 400)
  const path = `GET /ucloud/ucloud/download?token=${token}`
  await t.test('nor those of another server', async t => {
    const other = await startServer(t)
    await upload(other, 'a', 'abc')
    t.equal((await other.ask(path)).status, 404)
  })
  t.equal((await server.ask(path)).text, 'abc')
  await server.ask('DELETE /storage/v1/b/bkt/o/a')
  t.equal((await server.ask(path)).status, 404, 'of a file that is gone')
})

test('UCLOUD-35: several downloads, an empty file, what is not there', async t => {
  const server = await startServer(t)
  await upload(server, 'a', 'abc')
  await upload(server, 'empty', '')
  const { responses } = (await createDownloads(server, ['/1/empty', '/1/a'])).json()
  const bodies = []
  for (const { endpoint } of responses) bodies.push((await server.ask(`GET ${endpoint}`)).text)
  t.strictSame(bodies, ['', 'abc'])
  for (const id of ['/1/none', '/9/a']) {
    const response = await createDownloads(server, [id])
    t.equal(response.status, 404)
    t.equal(response.json().errorCode, 'NOT_FOUND')
  }
  t.equal((await createDownloads(server, ['/1'])).status, 400)
  t.equal((await server.ask('POST /api/files/download', {}, '{"items":[{}]}')).status, 400)
})

test('§8.1: retrieve', async t => {
  const server = await startServer(t)
  const object = (await upload(server, 'dir/ü', 'abc')).json()
  const found = await server.ask(`GET /api/files/retrieve?id=${encodeURIComponent('/1/dir//ü')}`)
  t.equal(found.status, 200)
  t.strictSame(found.json(), {
    id: '/1/dir/ü',
    status: { type: 'FILE', sizeInBytes: 3, modifiedAt: Date.parse(object.updated) },
    createdAt: Date.parse(object.timeCreated),
  })
  t.equal((await server.ask('GET /api/files/retrieve?id=/1/none')).status, 404)
  t.equal((await server.ask('GET /api/files/retrieve?id=/9/a')).status, 404)
  t.equal((await server.ask('GET /api/files/retrieve')).status, 400)
})
