/**
 * `@opendxl/dxl-client` from npm, as it is: what the tests use of it, and the thirty lines that it has no file transfer for
 * (dxl.md §9). It prints to the console when it connects, which does no harm to TAP.
 */

import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Authority, writeCertified } from '../support/certificates.ts'
import { TOPIC } from '../support/dxl.ts'
import { freePort } from '../support/server-process.ts'

interface Response {
  readonly payload: Buffer
}

interface DxlRequest {
  payload: Buffer
  otherFields: Record<string, string>
}

export interface DxlClient {
  readonly connected: boolean
  config: { reconnectDelay: number }
  connect(callback: () => void): void
  destroy(callback: () => void): void
  asyncRequest(request: DxlRequest, callback: (error?: Error, response?: Response) => void): void
  registerServiceAsync(info: object, callback: (error?: Error) => void): void
}

interface Library {
  readonly Client: new (config: object) => DxlClient
  readonly Config: { createDxlConfigFromFile(path: string): object }
  readonly Request: new (topic: string) => DxlRequest
  readonly ServiceRegistrationInfo: new (client: DxlClient, type: string) => ServiceInfo
}

interface ServiceInfo {
  addTopic(topic: string, callback: () => void): void
}

export const dxl = load()

/**
 * The client hands lists of buffers (`bl`) to its decoder, which asks whether they are of its own class. Installed alone the two
 * share one copy of it; in this repository, where others need a newer one, npm gives each its own. They are made to share again.
 */
function load(): Library {
  const require = createRequire(import.meta.url)
  const ofClient = createRequire(require.resolve('@opendxl/dxl-client'))
  const ofDecoder = createRequire(ofClient.resolve('msgpack5'))
  const shared = ofDecoder.resolve('bl')
  ofDecoder(shared)
  require.cache[ofClient.resolve('bl')] = require.cache[shared]
  return require('@opendxl/dxl-client') as Library
}

/** A fabric's files: the settings that make a server its broker, and what its clients are configured with. */
export async function makeFabric(directory: string) {
  const authority = new Authority()
  const broker = writeCertified(directory, 'broker', authority.issue('broker'))
  const client = writeCertified(directory, 'client', authority.issue('client'))
  const ca = join(directory, 'ca.crt')
  writeFileSync(ca, authority.cert)
  const port = await freePort()
  const configFile = join(directory, 'dxlclient.config')
  const lines = [
    '[Certs]',
    `BrokerCertChain=${ca}`,
    `CertFile=${client.cert}`,
    `PrivateKey=${client.key}`,
    '[Brokers]',
    `tidemark=tidemark;${port};127.0.0.1;127.0.0.1`,
  ]
  writeFileSync(configFile, lines.join('\n'))
  const env = {
    TIDEMARK_DXL_MQTT_PORT: String(port),
    TIDEMARK_DXL_MQTT_KEY: broker.key,
    TIDEMARK_DXL_MQTT_CERT: broker.cert,
    TIDEMARK_DXL_MQTT_CA: ca,
  }
  return { env, configFile }
}

/** Connected; destroyed when the test ends. */
export async function connectDxl(t: Test, configFile: string): Promise<DxlClient> {
  const client = new dxl.Client(dxl.Config.createDxlConfigFromFile(configFile))
  client.config.reconnectDelay = 0.25
  t.teardown(() => new Promise<void>(resolve => client.destroy(resolve)))
  await new Promise<void>(resolve => client.connect(resolve))
  return client
}

/** One segment, or a cancel; answers the JSON. */
export async function send(
  client: DxlClient,
  fields: Record<string, string>,
  payload: Buffer = Buffer.alloc(0),
): Promise<Record<string, unknown>> {
  const request = new dxl.Request(TOPIC)
  request.payload = payload
  request.otherFields = fields
  const response = await new Promise<Response>((resolve, reject) => {
    client.asyncRequest(request, (error, answer) => {
      if (error || answer === undefined) reject(error ?? new Error('no answer'))
      else resolve(answer)
    })
  })
  return JSON.parse(response.payload.toString('utf8'))
}

/** As Python's FileTransferClient: one segment in flight, the file's name and hash with the last, a cancel when something fails. */
export async function sendFile(
  client: DxlClient,
  name: string,
  whole: Buffer,
  { segmentBytes = 51_200, between = async () => {}, sha256 = hash('sha256', whole, 'hex') } = {},
): Promise<Record<string, unknown>> {
  let id: Record<string, string> = {}
  try {
    for (let at = 0, number = 1; ; number += 1) {
      const end = Math.min(at + segmentBytes, whole.length)
      const size = String(whole.length)
      const last = { result: 'store', name, size, hash_sha256: sha256 }
      const fields = { segment_number: String(number), ...id, ...(end === whole.length && last) }
      const answer = await send(client, fields, whole.subarray(at, end))
      if (answer['result'] === 'store') return answer
      id = { file_id: String(answer['file_id']) }
      at = end
      await between()
    }
  } catch (error) {
    if (id['file_id'] !== undefined) await send(client, { ...id, name, result: 'cancel' })
    throw error
  }
}
