/**
 * GWS-36: the client's own transport. axios and @ygoe/msgpack put the same bytes on the wire as GBD WebSuite's `server.call`;
 * the loop around them is the one of its `uploadFile`: the first chunk alone, each next one after the answer to the one before.
 */

import msgpack from '@ygoe/msgpack'
import axios, { type AxiosRequestConfig } from 'axios'
import { test } from 'tap'
import { sampleBytes, startServer } from '../../support/server.ts'

interface Options {
  readonly binaryRequest?: boolean
  readonly binary?: boolean
}

interface Answer {
  readonly uploadUid?: string
  readonly totalSize?: number
  readonly path?: string
  readonly error?: { readonly status?: number; readonly code?: number; readonly info: string }
}

/** What the client's `server.call` does. */
async function call(
  base: string,
  command: string,
  params: object,
  { binaryRequest = false, binary = false }: Options,
): Promise<Answer> {
  const all = { ...params, projectUid: undefined, localeUid: 'de_DE' }
  const isBinary = binaryRequest || binary
  const config: AxiosRequestConfig = {
    headers: {
      ...(isBinary && { 'content-type': 'application/msgpack' }),
      ...(binary && { accept: 'application/msgpack' }),
    },
    withCredentials: true,
    responseType: binary ? 'arraybuffer' : 'json',
    proxy: false,
  }
  try {
    const answer = await axios.post(
      `${base}/${command}`,
      isBinary ? msgpack.serialize(all) : all,
      config,
    )
    const type = String(answer.headers['content-type'])
    return type.includes('application/msgpack')
      ? msgpack.deserialize(new Uint8Array(answer.data))
      : answer.data
  } catch (error) {
    if (!axios.isAxiosError(error) || error.response === undefined) throw error
    const { status, data } = error.response
    return binary ? { error: { status, info: String(status) } } : data
  }
}

/** What the client's `uploadFile` does; undefined where it gives up. */
async function uploadFile(
  base: string,
  file: { readonly name: string; readonly bytes: Uint8Array },
  chunkSize: number,
  options: Options,
): Promise<string | undefined> {
  const { name: fileName, bytes } = file
  const chunkCount = Math.ceil(bytes.length / chunkSize)
  let uploadUid = ''
  for (let chunkNumber = 0; chunkNumber < chunkCount; chunkNumber += 1) {
    const content = bytes.slice(chunkNumber * chunkSize, (chunkNumber + 1) * chunkSize)
    const params = {
      uploadUid,
      fileName,
      totalSize: bytes.length,
      content,
      chunkNumber,
      chunkCount,
    }
    const answer = await call(base, 'uploadChunk', params, options)
    if (answer.error !== undefined) return undefined
    uploadUid = answer.uploadUid ?? ''
  }
  return uploadUid
}

for (const options of [{ binaryRequest: true }, { binary: true }]) {
  const [name] = Object.keys(options)
  test(`GWS-36: the client’s loop with ${name} uploads 5 MB in chunks of 1 MB`, async t => {
    const server = await startServer(t)
    for (const prefix of ['/_', '/gws/_']) {
      const base = server.base + prefix
      const bytes = new Uint8Array(sampleBytes(5_000_000))
      const uid = await uploadFile(base, { name: 'Ünï.tif', bytes }, 1_000_000, options)
      t.match(uid, /^[A-Za-z0-9]{64}$/)
      const got = await call(base, 'uploadGet', { uploadUid: uid }, options)
      t.match(got, { fileName: 'Ünï.tif', totalSize: 5_000_000, uploadUid: uid })
      const { data } = await axios.get(server.base + got.path, {
        responseType: 'arraybuffer',
        proxy: false,
      })
      t.ok(Buffer.from(data).equals(bytes))
    }
  })
}

test('the largest chunk that fits: its body is padded to 16 MiB', async t => {
  const server = await startServer(t)
  const bytes = new Uint8Array(sampleBytes(16_000_000))
  const base = `${server.base}/_`
  const uid = await uploadFile(base, { name: 'large', bytes }, bytes.length, {
    binaryRequest: true,
  })
  t.ok(uid)
  t.match(await call(base, 'uploadGet', { uploadUid: uid }, {}), { totalSize: 16_000_000 })
})

test('a JSON upload of the real client is refused as the real server refuses it, and it gives up', async t => {
  const server = await startServer(t)
  const file = { name: 'a', bytes: new Uint8Array([1, 2, 3]) }
  t.equal(await uploadFile(`${server.base}/_`, file, 2, {}), undefined)
  const answer = await call(`${server.base}/_`, 'uploadGet', { uploadUid: 'x' }, { binary: true })
  t.match(answer, { error: { status: 404 } })
})
