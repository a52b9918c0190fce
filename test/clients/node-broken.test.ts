/**
 * GCS-78: @google-cloud/storage over a bad network and a server that is killed. With `chunkSize` the client holds a whole chunk back
 * and finishes by itself. A single PUT it cannot resume in the same run, for it forgets what it has sent: there a second run
 * continues the session of the first.
 */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { CRC32C } from '@google-cloud/storage'
import { type Test, test } from 'tap'
import { type CuttingProxy, startProxy } from '../support/cutting-proxy.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { bytesOf, MIB, onlyIfAbsent, send, uploadsAt } from './node-client.ts'

const GRANULE = 256 * 1024
const bytes = new SourceBytes('broken').bytes(0, 8 * MIB + 4321)

async function badNetwork(
  t: Test,
): Promise<{ server: ServerProcess; proxy: CuttingProxy; path: string }> {
  const folder = t.testdir({ data: {} })
  const path = join(folder, 'content.bin')
  await writeFile(path, bytes)
  const server = await startServer(t, { dataDir: join(folder, 'data') })
  return { server, proxy: await startProxy(t, server.port), path }
}

test('chunks: the connection is cut in the middle of one', async t => {
  const { proxy, path } = await badNetwork(t)
  const cut = proxy.cutAfter(3.6 * MIB)
  const upload = uploadsAt(proxy.url).upload(path, { chunkSize: 2 * MIB, ...onlyIfAbsent })
  await cut
  const [file] = await upload
  t.ok((await bytesOf(file)).equals(bytes))
})

test('chunks: the connection is cut again and again', async t => {
  const { proxy } = await badNetwork(t)
  const file = uploadsAt(proxy.url).file('often.bin')
  const upload = send(file, [bytes], { chunkSize: 4 * MIB, ...onlyIfAbsent })
  for (const after of [0.9 * MIB, 2.5 * MIB]) await proxy.cutAfter(after)
  await upload
  t.ok((await bytesOf(file)).equals(bytes))
})

test('chunks: the server is killed in the middle of one', async t => {
  const { server, proxy } = await badNetwork(t)
  const file = uploadsAt(proxy.url).file('killed.bin')
  const upload = send(file, [bytes], { chunkSize: 2 * MIB, ...onlyIfAbsent })
  await proxy.cutAfter(5.3 * MIB)
  // The client asks for the offset once; if nobody answers even that, it gives up.
  proxy.hold()
  await server.kill()
  await server.start()
  proxy.release()
  await upload
  t.ok((await bytesOf(file)).equals(bytes))
})

test('chunks: the server is killed between two', async t => {
  const { server, proxy } = await badNetwork(t)
  const file = uploadsAt(proxy.url).file('between.bin')
  const pieces = async function* () {
    yield bytes.subarray(0, 4 * MIB)
    yield bytes.subarray(4 * MIB, 4 * MIB + 1)
    proxy.hold()
    await server.kill()
    await server.start()
    proxy.release()
    yield bytes.subarray(4 * MIB + 1)
  }
  await send(file, pieces(), { chunkSize: 2 * MIB, ...onlyIfAbsent })
  t.ok((await bytesOf(file)).equals(bytes))
})

test('the answer to the last chunk is lost', async t => {
  const { proxy } = await badNetwork(t)
  const file = uploadsAt(proxy.url).file('lost-answer.bin')
  const upload = send(file, [bytes], { chunkSize: 16 * MIB, ...onlyIfAbsent })
  await proxy.loseAnswerAfter(bytes.length)
  await upload
  t.ok((await bytesOf(file)).equals(bytes))
  const [versions] = await uploadsAt(proxy.url).getFiles()
  t.equal(versions.length, 1)
})

/** One PUT that breaks in its middle; answers the session that it leaves. */
async function brokenPut(proxy: CuttingProxy, name: string): Promise<{ uri: string; at: number }> {
  const writable = uploadsAt(proxy.url).file(name).createWriteStream({ resumable: true })
  let uri = ''
  writable.on('uri', (text: string) => {
    uri = text
  })
  const failed = new Promise(resolve => writable.once('error', resolve))
  const cut = proxy.cutAfter(5.2 * MIB)
  Readable.from([bytes.subarray(0, 6 * MIB), bytes.subarray(6 * MIB)]).pipe(writable)
  await cut
  await failed
  return { uri, at: await persistedOf(uri) }
}

/** Asks the server as the documentation says, until it has noticed that its client is gone. */
async function persistedOf(uri: string): Promise<number> {
  for (;;) {
    const headers = { 'content-range': 'bytes */*' }
    const answer = await fetch(uri, { method: 'PUT', headers })
    const [, last] = /^bytes=0-(\d+)$/.exec(answer.headers.get('range') ?? '') ?? []
    if (last !== undefined) return Number(last) + 1
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

test('one PUT: a second run continues with uri and offset', async t => {
  const { proxy } = await badNetwork(t)
  const { uri, at } = await brokenPut(proxy, 'second-run.bin')
  t.ok(at >= 4 * MIB && at <= 5.2 * MIB, `${at} bytes were kept`)
  t.equal(at % GRANULE, 0)
  const crc32c = new CRC32C()
  crc32c.update(bytes.subarray(0, at))
  const before = proxy.uploaded
  const file = uploadsAt(proxy.url).file('second-run.bin')
  const resumeCRC32C = crc32c.toString()
  await send(file, [bytes.subarray(at)], { uri, offset: at, resumeCRC32C })
  t.ok(proxy.uploaded - before < bytes.length - at + 10_000, 'only what was missing is sent')
  t.ok((await bytesOf(file)).equals(bytes))
})

test('one PUT: a second run, after a kill, that only knows the uri', async t => {
  const { server, proxy, path } = await badNetwork(t)
  const { uri, at } = await brokenPut(proxy, 'after-kill.bin')
  await server.kill()
  await server.start()
  t.equal(await persistedOf(uri), at, 'what was promised is still there')
  const before = proxy.uploaded
  // The client asks for the offset itself and skips so much of the file.
  const [file] = await uploadsAt(proxy.url).upload(path, { destination: 'after-kill.bin', uri })
  t.ok(proxy.uploaded - before < bytes.length - at + 10_000, 'only what was missing is sent')
  t.ok((await bytesOf(file)).equals(bytes))
})
