/** What goes through a proxy must come out as it went in: names, headers, interim answers, ranges. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { Conversation } from '../support/conversation.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { locationOf } from '../support/upload-client.ts'
import { FrontProxy } from './proxy.ts'
import { type Stage, until } from './stage.ts'

/** Names that a proxy which reads paths would break. */
const NAMES = [
  'a/b//c',
  '/leading and trailing/',
  'per%2Fcent%25',
  'plus+and&more=?#;',
  'übergrößenträger ☃',
  'back\\slash \'quotes\' "too"',
  './here/../there',
  'a..b',
  '~.-_!*()',
]

/** Two of it are just below what the server takes, which is 32 KiB for all headers together. */
const BIG = 14 * 1024
/** nginx drops it unless told. */
const UNDERSCORED = 'x-goog-meta-in_the_request'
/** About as many as metadata has room for, which is 8 KiB. */
const KEYS = 250
const SIZE = 300_000

export async function names({ client, direct, expect }: Stage): Promise<void> {
  for (const name of NAMES) {
    const source = new SourceBytes(name)
    const { status } = await client.media(name, source, SIZE)
    const { body } = await direct.metadata(name)
    const found = JSON.parse(body.toString())
    const { length, difference } = await client.compare(name, source)
    const isSame = found.name === name && length === SIZE && difference === undefined
    expect(`an object may be called ${JSON.stringify(name)}`, status === 200 && isSame, found)
  }
}

/** nginx looks where the dots would lead, and refuses what would be above the root. It cannot be told not to. */
export async function climbingNames({ client, proxy, expect }: Stage): Promise<void> {
  const name = '../../../../../../../up'
  const source = new SourceBytes(name)
  const { status } = await client.media(name, source, SIZE)
  const read = await client.compare(name, source)
  const isRead = read.status === 200 && read.difference === undefined
  if (proxy.name === 'nginx') {
    expect(`an object called ${name} cannot be read by the JSON API (400)`, read.status === 400)
  } else expect(`an object may be called ${name}`, status === 200 && isRead, read.status)
}

export async function oneConnection({ client, proxy, expect }: Stage): Promise<void> {
  const source = new SourceBytes('wire')
  await client.media('wire', source, SIZE)
  const talk = await Conversation.openSecure(proxy.port)
  try {
    const object = '/storage/v1/b/uploads/o/wire?alt=media'
    const range = await talk.head(`GET ${object}`, { Range: 'bytes=1000-1999' }).response()
    const isPart = range.status === 206 && range.body.equals(source.bytes(1000, 2000))
    expect(
      'a range is read',
      isPart && range.headers['content-range'] === `bytes 1000-1999/${SIZE}`,
    )
    const head = await talk.head(`HEAD /uploads/wire`).response(true)
    const length = head.headers['content-length']
    expect('HEAD has the length and no body', head.status === 200 && length === String(SIZE), head)

    const session = locationOf(await client.initiate('asked', { total: SIZE }))
    const path = session.replace(/^https:\/\/[^/]+/, '')
    talk.head(`PUT ${path}`, { 'Content-Length': SIZE, Expect: '100-continue' })
    const interim = await talk.response()
    expect('100 Continue comes before the body', interim.status === 100, interim.status)
    const end = await talk.send(source.bytes(0, SIZE)).response()
    expect('and the answer behind it, on the same connection', end.status === 200, end.text)

    const query = { 'Content-Range': 'bytes */*', 'Content-Length': 0 }
    const other = locationOf(await client.initiate('phrase', { total: SIZE }))
    const answer = await talk
      .head(`PUT ${new URL(other).pathname}${new URL(other).search}`, query)
      .response()
    expect(`308 keeps its number (and here its words: ${answer.phrase})`, answer.status === 308)
  } finally {
    talk.close()
  }
}

export async function packedContent({ client, proxy, expect }: Stage): Promise<void> {
  const packed = gzipSync(Buffer.alloc(SIZE, 'tidemark'))
  const upload = '/upload/storage/v1/b/uploads/o?uploadType=media&contentEncoding=gzip&name=packed'
  const length = packed.length
  await client.send(upload, { method: 'POST', body: [packed], length })
  const talk = await Conversation.openSecure(proxy.port)
  const object = 'GET /storage/v1/b/uploads/o/packed?alt=media'
  const kept = await talk.head(object, { 'Accept-Encoding': 'gzip' }).response()
  const unpacked = await talk.head(object).response()
  talk.close()
  expect('packed content stays packed for who takes it', kept.body.equals(packed), kept.headers)
  const isPlain = unpacked.body.equals(Buffer.alloc(SIZE, 'tidemark'))
  expect('and is unpacked for who does not', isPlain, unpacked.headers)
}

export async function bigHeaders({ client, proxy, expect }: Stage): Promise<void> {
  const many = Array.from({ length: KEYS }, (_, n) => [`key_${n}`, 'm'.repeat(20)] as const)
  const resource = { metadata: Object.fromEntries(many) }
  const opened = await client.initiate('big', { total: SIZE, resource })
  const source = new SourceBytes('big')
  const sent = { source, from: 0, to: SIZE, contentRange: `bytes 0-${SIZE - 1}/${SIZE}` }
  const headers = { authorization: 'm'.repeat(BIG), cookie: 'm'.repeat(BIG), [UNDERSCORED]: 'kept' }
  const { status } = await client.chunk(locationOf(opened), { ...sent, headers })
  expect(`a request may have two headers of ${BIG} bytes`, status === 200, status)
  const talk = await Conversation.openSecure(proxy.port)
  const read = await talk.head('HEAD /uploads/big').response(true)
  talk.close()
  const lost = many.filter(([key, value]) => read.headers[`x-goog-meta-${key}`] !== value)
  expect('a key of metadata may have an underscore', read.headers[UNDERSCORED] === 'kept')
  expect(`an answer ${KEYS}, 8 KiB in all`, read.status === 200 && lost.length === 0, {
    read,
    lost,
  })
}

/** What exactly arrives behind the proxy: here a server that says what it got takes the program's place. */
export async function asItWent({ proxy: { name }, certificate, expect }: Stage): Promise<void> {
  const goOn = Promise.withResolvers<void>()
  const mirror = createServer({ maxHeaderSize: 64 * 1024 }, async (request, response) => {
    if (request.url === '/slowly') {
      response.writeHead(200, { 'content-length': 'beginning, end'.length }).write('beginning')
      await goOn.promise
      response.end(', end')
      return
    }
    const { url, headers } = request
    request.resume().on('end', () => response.end(JSON.stringify({ url, headers })))
  }).listen(0, '127.0.0.1')
  let connections = 0
  mirror.on('connection', () => {
    connections += 1
  })
  await once(mirror, 'listening')
  const { port } = mirror.address() as AddressInfo
  const proxy = await FrontProxy.start(name, port, certificate)
  const talk = await Conversation.openSecure(proxy.port)
  try {
    const urls = [
      '/o/a%2Fb%2F%2Fc?x=%2F',
      '/o//double',
      '/o/a+b%20c?d=e+f%26',
      '/o/%c3%BC%25',
      "/o/'~!*()@:,;=",
    ]
    for (const url of urls) {
      const answer = await talk.head(`GET ${url}`).response()
      const found = answer.status === 200 ? answer.json().url : answer.status
      expect(`${url} arrives as it is`, found === url, found)
    }
    const lies = {
      Host: 'uploads.example.org:8443',
      'X-Forwarded-Host': 'evil.example.org',
      'X-Forwarded-Proto': 'http',
      'X-Forwarded-For': '203.0.113.9',
    }
    const metadata = { 'x-goog-meta-under_score': '1', 'x-goog-meta-dotted.key': '2' }
    const { headers } = (await talk.head('GET /', { ...lies, ...metadata }).response()).json()
    const forwarded = ['host', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-for'].map(
      header => headers[header],
    )
    const truth = ['uploads.example.org:8443', 'uploads.example.org:8443', 'https', '127.0.0.1']
    expect(
      'it says who asked for what, whatever a client says',
      `${forwarded}` === `${truth}`,
      headers,
    )
    const isKept =
      headers['x-goog-meta-under_score'] === '1' && headers['x-goog-meta-dotted.key'] === '2'
    expect('headers with underscores and dots arrive', isKept, headers)
    expect('it asks for no encoding on its own', headers['accept-encoding'] === undefined, headers)
    expect('one connection behind it serves them all', connections === 1, connections)
    talk.head('GET /slowly')
    await until('the beginning of an answer arrives', () => talk.unread.includes('beginning'))
    goOn.resolve()
    const { text } = await talk.response()
    expect('an answer arrives while it is being made', text === 'beginning, end', text)
  } finally {
    goOn.resolve()
    talk.close()
    await proxy.stop()
    mirror.close()
    mirror.closeAllConnections()
  }
}
