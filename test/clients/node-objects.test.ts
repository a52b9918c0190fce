/**
 * GCS-78: what @google-cloud/storage does besides resumable uploads, and the generated client for Node, which knows the JSON API only
 * by its discovery document.
 */

import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Storage, TransferManager } from '@google-cloud/storage'
import { storage as apiClient } from '@googleapis/storage'
import { test } from 'tap'
import { startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { bytesOf, MIB, onlyIfAbsent, uploadsAt } from './node-client.ts'

test('@google-cloud/storage: objects', async t => {
  const folder = t.testdir({ data: {} })
  const server = await startServer(t, { dataDir: join(folder, 'data') })
  const bucket = uploadsAt(server.url)
  const source = new SourceBytes('objects')
  const bytes = source.bytes(0, 3 * MIB + 777)
  const path = join(folder, 'three.bin')
  await writeFile(path, bytes)

  t.test('resumable: false, of every validation and size', async t => {
    for (const validation of ['crc32c', 'md5', false] as const) {
      for (const size of [0, 1, bytes.length]) {
        const file = bucket.file(`simple-${validation}-${size}`)
        const metadata = { contentType: 'video/mp4', metadata: { owner: 'me' } }
        await file.save(bytes.subarray(0, size), { resumable: false, validation, metadata })
        t.ok((await bytesOf(file)).equals(bytes.subarray(0, size)))
        const [kept] = await file.getMetadata()
        t.match(kept, { contentType: 'video/mp4', metadata: { owner: 'me' } })
      }
    }
  })

  t.test('resumable: false with gzip is stored compressed, and read as it was', async t => {
    const file = bucket.file('zipped')
    await file.save('hello '.repeat(10_000), { resumable: false, gzip: true })
    t.match((await file.getMetadata())[0], { contentEncoding: 'gzip' })
    t.equal(String(await bytesOf(file)), 'hello '.repeat(10_000))
  })

  t.test('a wrong checksum is refused, and nothing is stored', async t => {
    const file = bucket.file('wrong')
    const metadata = { md5Hash: createHash('md5').update('other').digest('base64') }
    for (const resumable of [false, true]) {
      await t.rejects(file.save(bytes, { resumable, metadata }), { code: 400 } as never)
      t.same(await file.exists(), [false])
    }
  })

  t.test('a precondition that does not hold', async t => {
    const file = bucket.file('once')
    await file.save('first', { resumable: false, ...onlyIfAbsent })
    const again = file.save('second', { resumable: false, ...onlyIfAbsent })
    await t.rejects(again, { code: 412 } as never)
    t.equal(String(await bytesOf(file)), 'first')
  })

  t.test('metadata is merged, and null deletes', async t => {
    const file = bucket.file('described')
    await file.save('x', { resumable: false, metadata: { metadata: { a: '1', b: '2' } } })
    await file.setMetadata({ cacheControl: 'no-cache', metadata: { a: null, c: '3' } })
    const [kept] = await file.getMetadata()
    t.match(kept, { cacheControl: 'no-cache', metageneration: '2' })
    t.same(kept.metadata, { b: '2', c: '3' })
  })

  t.test('combine, copy, move, delete', async t => {
    const halves = [bucket.file('half-1'), bucket.file('half-2')]
    await halves[0]?.save(bytes.subarray(0, MIB))
    await halves[1]?.save(bytes.subarray(MIB))
    const whole = bucket.file('whole')
    await bucket.combine(halves, whole)
    t.ok((await bytesOf(whole)).equals(bytes))
    t.match((await whole.getMetadata())[0], { componentCount: 2 })
    const moved = bucket.file('dir/moved')
    await whole.copy(bucket.file('copied'))
    await bucket.file('copied').move(moved)
    t.ok((await bytesOf(moved)).equals(bytes))
    t.same(await bucket.file('copied').exists(), [false])
    await moved.delete()
    t.same(await moved.exists(), [false])
  })

  t.test('lists with prefix, delimiter and pages', async t => {
    for (const name of ['l/a', 'l/b/1', 'l/b/2', 'l/c']) {
      await bucket.file(name).save(name, { resumable: false })
    }
    const query = { prefix: 'l/', delimiter: '/', autoPaginate: false, maxResults: 2 }
    const [first, next, page] = await bucket.getFiles(query)
    t.same(
      first.map(file => file.name),
      ['l/a'],
    )
    t.same((page as { prefixes: string[] }).prefixes, ['l/b/'])
    const [rest] = await bucket.getFiles(next as object)
    t.same(
      rest.map(file => file.name),
      ['l/c'],
    )
    const [all] = await bucket.getFiles({ prefix: 'l/' })
    t.equal(all.length, 4)
  })

  t.test('the transfer manager downloads in parallel ranges', async t => {
    await bucket.upload(path, { destination: 'ranges' })
    const destination = join(folder, 'ranges.bin')
    const manager = new TransferManager(bucket)
    await manager.downloadFileInChunks('ranges', {
      destination,
      chunkSizeBytes: MIB,
      validation: 'crc32c',
    })
    t.ok((await readFile(destination)).equals(bytes))
  })

  t.test('buckets', async t => {
    const storage = new Storage({ apiEndpoint: server.url, projectId: 'tidemark' })
    const [made] = await storage.createBucket('made-by-node')
    await made.setLabels({ team: 'tide' })
    t.same(await made.getLabels(), [{ team: 'tide' }])
    t.ok((await storage.getBuckets())[0].some(({ name }) => name === 'made-by-node'))
    await made.file('x').save('x', { resumable: false })
    await t.rejects(made.delete(), { code: 409 } as never)
    await made.deleteFiles()
    await made.delete()
    t.same(await made.exists(), [false])
  })
})

test('@googleapis/storage: the generated client', async t => {
  const server = await startServer(t, { dataDir: t.testdir() })
  const api = apiClient('v1')
  // An option of every call: the client's own goes unheard for uploads.
  const here = { rootUrl: `${server.url}/` }
  const bucket = 'uploads'
  const content = new SourceBytes('generated').bytes(0, 2 * MIB + 5)

  const inserted = await api.objects.insert(
    {
      bucket,
      requestBody: { name: 'dir/gen.bin', metadata: { by: 'api' } },
      media: { mimeType: 'video/mp4', body: Readable.from([content]) },
    },
    here,
  )
  t.match(inserted.data, {
    name: 'dir/gen.bin',
    contentType: 'video/mp4',
    size: String(content.length),
  })
  const object = 'dir/gen.bin'
  const media = await api.objects.get(
    { bucket, object, alt: 'media' },
    { ...here, responseType: 'arraybuffer' },
  )
  t.ok(Buffer.from(media.data as unknown as ArrayBuffer).equals(content))
  const patched = await api.objects.patch(
    {
      bucket,
      object,
      requestBody: { cacheControl: 'no-store' },
    },
    here,
  )
  t.match(patched.data, { cacheControl: 'no-store', metadata: { by: 'api' } })
  const rewritten = await api.objects.rewrite(
    {
      sourceBucket: bucket,
      sourceObject: object,
      destinationBucket: bucket,
      destinationObject: 'copy',
    },
    here,
  )
  t.match(rewritten.data, { done: true, objectSize: String(content.length) })
  const list = await api.objects.list({ bucket, fields: 'items(name)' }, here)
  t.same(list.data, { items: [{ name: 'copy' }, { name: 'dir/gen.bin' }] })
  await api.objects.delete({ bucket, object: 'copy' }, here)
  await t.rejects(api.objects.get({ bucket, object: 'copy' }, here), { status: 404 } as never)
})
