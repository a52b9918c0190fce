/** @google-cloud/storage, unmodified, through a proxy: over a connection that breaks behind it, and over a server that is killed. */

import { bytesOf, onlyIfAbsent, send, uploadsAt } from '../clients/node-client.ts'
import { startProxy } from '../support/cutting-proxy.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { FrontProxy } from './proxy.ts'
import { MIB, type Stage, until } from './stage.ts'

const bytes = new SourceBytes('google').bytes(0, 12 * MIB + 4321)

export async function googleClientCutOff({ proxy, server, certificate, expect }: Stage) {
  const endings: (() => unknown)[] = []
  const network = await startProxy({ teardown: end => endings.push(end) }, server.port)
  const { port } = new URL(network.url)
  const front = await FrontProxy.start(proxy.name, Number(port), certificate)
  try {
    const file = uploadsAt(front.url).file('from/google’s client.bin')
    const cut = network.cutAfter(5.3 * MIB)
    const upload = send(file, [bytes], { chunkSize: 2 * MIB, ...onlyIfAbsent })
    await cut
    await upload
    const [{ size }] = await file.getMetadata()
    expect('Google’s client goes on after a cut behind it', Number(size) === bytes.length, size)
    expect('and reads back the same', (await bytesOf(file)).equals(bytes))
  } finally {
    await front.stop()
    for (const end of endings) end()
  }
}

/**
 * This client asks once how far it came, and gives up for good if nobody answers that. So a proxy that holds requests while the
 * server is gone carries it over a restart, and one that says 502 at once does not always.
 */
export async function googleClientRestarted({ proxy, server, stored, expect }: Stage) {
  const file = uploadsAt(proxy.url).file('restarted.bin')
  const isGone = Promise.withResolvers<void>()
  const content = async function* () {
    yield bytes.subarray(0, 5 * MIB)
    await isGone.promise
    yield bytes.subarray(5 * MIB)
  }
  const upload = send(file, content(), { chunkSize: 2 * MIB, ...onlyIfAbsent })
  await until('the body arrives', () => stored() >= 4 * MIB)
  await server.kill()
  isGone.resolve()
  await server.start()
  await upload
  expect('and over a restart of the server', (await bytesOf(file)).equals(bytes))
}
