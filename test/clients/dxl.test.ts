/** DXL-38, 44: DXL's own JavaScript client against the running program, which is stopped and killed under it. */

import { createRequire } from 'node:module'
import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { connectDxl, type DxlClient, dxl, makeFabric, send, sendFile } from './dxl.ts'

tap.setTimeout(120_000)

const source = new SourceBytes('dxl')

async function start(t: Test): Promise<{ server: ServerProcess; client: DxlClient }> {
  const folder = t.testdir({ data: {}, tls: {} })
  const { env, configFile } = await makeFabric(join(folder, 'tls'))
  const server = await startServer(t, { dataDir: join(folder, 'data'), env })
  return { server, client: await connectDxl(t, configFile) }
}

async function stored({ url }: ServerProcess, name: string): Promise<Buffer> {
  const response = await fetch(
    `${url}/storage/v1/b/uploads/o/${encodeURIComponent(name)}?alt=media`,
  )
  return Buffer.from(await response.arrayBuffer())
}

test('DXL-38: files of several sizes', async t => {
  const { server, client } = await start(t)
  const { version } = createRequire(import.meta.url)('@opendxl/dxl-client/package.json')
  t.comment(`@opendxl/dxl-client ${version}`)
  for (const [length, segmentBytes] of [
    [300_000, 51_200],
    [0, 51_200],
    [102_400, 51_200],
    [3_000_000, 1_000_000],
  ] as const) {
    const whole = source.bytes(0, length)
    const answer = await sendFile(client, `sub/${length}`, whole, { segmentBytes })
    const segments = Math.max(1, Math.ceil(length / segmentBytes))
    t.match(answer, { segments_received: segments, result: 'store' })
    t.ok((await stored(server, `sub/${length}`)).equals(whole), `${length}`)
  }
})

test('DXL-43: a service of its own is registered', async t => {
  const { client } = await start(t)
  const info = new dxl.ServiceRegistrationInfo(client, '/some/service')
  info.addTopic('/some/service/topic', () => {})
  await new Promise<void>((resolve, reject) => {
    client.registerServiceAsync(info, error => (error ? reject(error) : resolve()))
  })
})

test('DXL-44: what the store says reaches the client, and its cancel is fine', async t => {
  const { server, client } = await start(t)
  const whole = source.bytes(0, 100_000)
  const wrong = sendFile(client, 'wrong', whole, { sha256: 'f'.repeat(64) })
  const { detail } = await wrong.catch(error => error)
  t.match(detail, { errorCode: 0, errorMessage: /^the file's sha256 is [0-9a-f]{64}, not f{64}$/ })
  await t.rejects(send(client, { segment_number: '7' }), /expected 1, received 7/)
  t.equal((await fetch(`${server.url}/dxl/files/wrong`)).status, 404)
})

test('DXL-22: kill −9 between segments, and the upload goes on', async t => {
  const { server, client } = await start(t)
  const whole = source.bytes(0, 500_000)
  let kills = 0
  const between = async () => {
    if (kills === 3) return
    kills += 1
    await server.kill()
    await server.start()
    while (!client.connected) await new Promise(resolve => setTimeout(resolve, 20))
  }
  const answer = await sendFile(client, 'survivor', whole, { between })
  t.match(answer, { segments_received: 10, result: 'store' })
  t.equal(kills, 3)
  t.ok((await stored(server, 'survivor')).equals(whole))
})

test('P11: SIGTERM with clients connected ends in order', async t => {
  const { server, client } = await start(t)
  const whole = source.bytes(0, 300_000)
  let stops = 0
  const between = async () => {
    if (stops === 1) return
    stops += 1
    t.equal(await server.stop(), 0)
    await server.start()
    while (!client.connected) await new Promise(resolve => setTimeout(resolve, 20))
  }
  await sendFile(client, 'stopped', whole, { between })
  t.ok((await stored(server, 'stopped')).equals(whole))
  t.equal(await server.stop(), 0)
})
