/**
 * A resumable upload by openapi-fetch, with the types that openapi-typescript makes of openapi.yaml, through a network that
 * breaks once. A 308 without a Location is an answer like any other to fetch.
 */

import assert from 'node:assert/strict'
import createClient from 'openapi-fetch'
import type { paths } from './client.ts'

const TOTAL = 3_000_000
const CHUNK = 1024 * 1024
const NAME = 'typescript/folder/video.bin'
const bucket = 'uploads'
const SESSION = '/resumable/upload/storage/v1/b/{bucket}/o'
const OBJECT = '/storage/v1/b/{bucket}/o/{object}'

const client = createClient<paths>({ baseUrl: process.argv[2] ?? '' })

function content(start: number, end: number): Blob {
  const bytes = Uint8Array.from({ length: end - start }, (_, at) => {
    const i = start + at
    return (i * 31 + (i >> 8)) & 0xff
  })
  return new Blob([bytes])
}

async function put(session: string, range: string, body: Blob) {
  const { data, response } = await client.PUT(SESSION, {
    params: {
      path: { bucket },
      query: { upload_id: session },
      header: { 'Content-Range': `bytes ${range}` },
    },
    headers: { 'Content-Type': 'application/octet-stream' },
    body,
    bodySerializer: blob => blob,
  })
  if (response.status === 200 && typeof data === 'object') return { stored: data, persisted: TOTAL }
  assert.equal(response.status, 308)
  const [, last] = /^bytes=0-(\d+)$/.exec(response.headers.get('range') ?? '') ?? []
  return { persisted: last === undefined ? 0 : Number(last) + 1 }
}

async function ask(session: string): Promise<number> {
  for (let tries = 0; tries < 300; tries += 1) {
    try {
      return (await put(session, '*/*', new Blob([]))).persisted
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
  throw new Error('the server did not come back')
}

const begun = await client.POST(SESSION, {
  params: {
    path: { bucket },
    query: { uploadType: 'resumable', name: NAME },
    header: { 'X-Upload-Content-Length': TOTAL },
  },
  body: { contentType: 'video/mp4', metadata: { title: 'Holidays' } },
})
const session = begun.response.headers.get('x-guploader-uploadid') ?? ''
const first = await put(session, `0-${CHUNK - 1}/${TOTAL}`, content(0, CHUNK))
assert.equal(first.persisted, CHUNK)

let breaks = 0
let at = CHUNK
let stored: Awaited<ReturnType<typeof put>>['stored']
while (stored === undefined) {
  const end = Math.min(at + CHUNK, TOTAL)
  try {
    const answer = await put(session, `${at}-${end - 1}/${TOTAL}`, content(at, end))
    stored = answer.stored
    at = answer.persisted
  } catch (error) {
    // What fetch throws when a connection breaks.
    if (!(error instanceof TypeError)) throw error
    breaks += 1
    at = await ask(session)
    assert.ok(at >= CHUNK)
  }
}
assert.equal(breaks, 1)

assert.deepEqual(
  [stored.name, stored.size, stored.contentType, stored.metadata],
  [NAME, String(TOTAL), 'video/mp4', { title: 'Holidays' }],
)
const path = { bucket, object: NAME }
const found = await client.GET(OBJECT, { params: { path } })
assert.deepEqual(found.data, stored)
const read = await client.GET('/download/storage/v1/b/{bucket}/o/{object}', {
  params: { path },
  parseAs: 'arrayBuffer',
})
const expected = Buffer.from(await content(0, TOTAL).arrayBuffer())
assert.ok(
  read.data !== undefined && Buffer.from(read.data as unknown as ArrayBuffer).equals(expected),
)
const list = await client.GET('/storage/v1/b/{bucket}/o', {
  params: { path: { bucket }, query: { prefix: 'typescript/' } },
})
assert.deepEqual(
  list.data?.items?.map(({ name }) => name),
  [NAME],
)
assert.equal((await client.DELETE(OBJECT, { params: { path } })).response.status, 204)
const gone = await client.GET(OBJECT, { params: { path } })
assert.equal(gone.response.status, 404)
