/**
 * GCS-78: @google-cloud/storage from npm, as it is, against the running program: every way it uploads without a break, and everything
 * it reads afterwards. Its crc32c validation is on unless a test says otherwise: it compares its own checksum with the
 * server's, after the upload and after the download.
 */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type File, type GetFilesOptions, Storage } from '@google-cloud/storage'
import { test } from 'tap'
import { startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { bytesOf, MIB, onlyIfAbsent, send, uploadsAt } from './node-client.ts'

test('uploads', async t => {
  const folder = t.testdir({ data: {} })
  const server = await startServer(t, { dataDir: join(folder, 'data') })
  const bucket = uploadsAt(server.url)
  const source = new SourceBytes('uploads')
  const bytes = source.bytes(0, 5 * MIB + 12_345)
  const path = join(folder, 'five.bin')
  await writeFile(path, bytes)

  t.test('bucket.upload, one PUT', async t => {
    const [file] = await bucket.upload(path, { destination: 'one-put.bin' })
    t.same(file.metadata.size, bytes.length)
    t.ok((await bytesOf(file)).equals(bytes))
  })

  t.test('bucket.upload with chunkSize', async t => {
    const [file] = await bucket.upload(path, { destination: 'chunked.bin', chunkSize: MIB })
    t.ok((await bytesOf(file)).equals(bytes))
  })

  t.test('bucket.upload with chunkSize and a length told in advance', async t => {
    const [file] = await bucket.upload(path, {
      destination: 'told.bin',
      chunkSize: MIB,
      metadata: { contentLength: bytes.length },
    })
    t.ok((await bytesOf(file)).equals(bytes))
  })

  t.test('createWriteStream, of unknown length', async t => {
    const file = bucket.file('stream.bin')
    await send(file, source.slices(0, bytes.length))
    t.ok((await bytesOf(file)).equals(bytes))
  })

  t.test('createWriteStream with chunkSize, of unknown length', async t => {
    const file = bucket.file('chunked-stream.bin')
    await send(file, source.slices(0, bytes.length), { chunkSize: 2 * MIB })
    t.ok((await bytesOf(file)).equals(bytes))
  })

  t.test('an unknown length that ends with its last chunk', async t => {
    const file = bucket.file('whole-chunks.bin')
    await send(file, source.slices(0, 4 * MIB), { chunkSize: MIB })
    t.ok((await bytesOf(file)).equals(bytes.subarray(0, 4 * MIB)))
  })

  t.test('file.save, and its progress', async t => {
    const file = bucket.file('saved.bin')
    let sent = 0
    const onUploadProgress = (event: { bytesWritten: number }) => {
      sent = event.bytesWritten
    }
    await file.save(bytes, { resumable: true, onUploadProgress })
    t.equal(sent, bytes.length)
    t.ok((await bytesOf(file)).equals(bytes))
  })

  t.test('nothing at all is an object too', async t => {
    const file = bucket.file('empty.bin')
    await send(file, [])
    t.same(file.metadata.size, 0)
    t.equal((await bytesOf(file)).length, 0)
  })

  t.test('one byte', async t => {
    const file = bucket.file('one-byte.bin')
    await send(file, [Buffer.from('!')], { chunkSize: MIB })
    t.equal((await bytesOf(file)).toString(), '!')
  })

  t.test('md5 validation, on the way in and out', async t => {
    const file = bucket.file('md5.bin')
    await send(file, source.slices(0, bytes.length), { validation: 'md5', chunkSize: MIB })
    const [read] = await file.download({ validation: 'md5' })
    t.ok(read.equals(bytes))
  })

  t.test('a precondition that no longer holds', async t => {
    const options = { destination: 'once.bin', ...onlyIfAbsent }
    await bucket.upload(path, options)
    await t.rejects(bucket.upload(path, options), { code: 412 })
  })

  t.test('eight at a time', async t => {
    const files = Array.from({ length: 8 }, (_, n) => bucket.file(`together/${n}.bin`))
    await Promise.all(files.map((file, n) => send(file, source.slices(n, (n + 1) * 300_000))))
    for (const [n, file] of files.entries()) {
      t.ok((await bytesOf(file)).equals(bytes.subarray(n, (n + 1) * 300_000)))
    }
  })
})

test('reading back', async t => {
  const server = await startServer(t, { dataDir: t.testdir() })
  const bucket = uploadsAt(server.url)
  const bytes = new SourceBytes('reading').bytes(0, MIB + 7)
  const name = 'folder/ein Ding + 100 % Größe?#.txt'
  const file = bucket.file(name)
  await file.save(bytes, {
    resumable: true,
    contentType: 'text/plain',
    metadata: { cacheControl: 'no-store', metadata: { owner: 'me' } },
  })

  t.test('getMetadata', async t => {
    const [metadata] = await bucket.file(name).getMetadata()
    t.match(metadata, {
      name,
      bucket: 'uploads',
      size: String(bytes.length),
      contentType: 'text/plain',
      cacheControl: 'no-store',
      metadata: { owner: 'me' },
      generation: /^[1-9]\d*$/,
      metageneration: '1',
      timeCreated: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    })
  })

  t.test('ranged downloads', async t => {
    const [middle] = await file.download({ start: 1000, end: 300_000 })
    t.ok(middle.equals(bytes.subarray(1000, 300_001)))
    const [rest] = await file.download({ start: MIB })
    t.ok(rest.equals(bytes.subarray(MIB)))
    const [tail] = await file.download({ end: -100 })
    t.ok(tail.equals(bytes.subarray(-100)))
  })

  t.test('download to a file', async t => {
    const destination = join(t.testdir(), 'copy.txt')
    await file.download({ destination })
    t.ok((await readFile(destination)).equals(bytes))
  })

  t.test('exists, and delete', async t => {
    const doomed = bucket.file('doomed')
    t.same(await doomed.exists(), [false])
    await doomed.save('short', { resumable: true })
    t.same(await doomed.exists(), [true])
    await doomed.delete()
    t.same(await doomed.exists(), [false])
    await t.rejects(doomed.delete(), { code: 404 })
    await t.rejects(doomed.download(), { code: 404 })
    await doomed.delete({ ignoreNotFound: true })
  })

  t.test('getFiles: a prefix, and pages', async t => {
    const names = ['p/a', 'p/b', 'p/c', 'p/d', 'p/e', 'q/a']
    for (const name of names) await bucket.file(name).save(name, { resumable: true })
    const pages: string[][] = []
    let query: GetFilesOptions | null = { prefix: 'p/', maxResults: 2, autoPaginate: false }
    while (query !== null) {
      const [files, next]: [File[], GetFilesOptions | null, unknown] = await bucket.getFiles(query)
      pages.push(files.map(file => file.name))
      query = next
    }
    t.same(pages, [['p/a', 'p/b'], ['p/c', 'p/d'], ['p/e']])
    const [nothing] = await bucket.getFiles({ prefix: 'absent/' })
    t.same(nothing, [])
  })
})

test('buckets', async t => {
  const server = await startServer(t, { dataDir: t.testdir() })
  const storage = new Storage({ apiEndpoint: server.url, projectId: 'tidemark' })
  t.same(await storage.bucket('uploads').exists(), [true])
  t.same(await storage.bucket('another-one').exists(), [false])
  const [bucket] = await storage.createBucket('another-one')
  t.same(await bucket.exists(), [true])
  await bucket.file('a').save('b', { resumable: true })
  t.equal((await bytesOf(bucket.file('a'))).toString(), 'b')
  await t.rejects(storage.createBucket('another-one'), { code: 409 })
  const elsewhere = storage.bucket('nowhere').file('a')
  await t.rejects(elsewhere.save('b', { resumable: true }), { code: 404 })
})
