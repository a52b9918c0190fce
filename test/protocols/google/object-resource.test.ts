import { test } from 'tap'
import type { StoredObject } from '../../../src/engine/ports.ts'
import { etagOf, objectResource } from '../../../src/protocols/google/object-resource.ts'

const OBJECT: StoredObject = {
  bucket: 'bkt',
  name: 'dir/a b?.txt',
  generation: 1767322800123456,
  metageneration: 1,
  size: 5,
  crc32c: 0x9a71bb4c,
  metadata: {},
  createdAt: Date.UTC(2026, 0, 2, 3, 0, 0, 123),
  updatedAt: Date.UTC(2026, 0, 2, 3, 0, 1, 0),
}

test('gcs.md §3: an object, with what is not there left out', t => {
  const resource = JSON.parse(JSON.stringify(objectResource(OBJECT, 'http://h:1')))
  t.strictSame(resource, {
    kind: 'storage#object',
    id: 'bkt/dir/a b?.txt/1767322800123456',
    selfLink: 'http://h:1/storage/v1/b/bkt/o/dir%2Fa%20b%3F.txt',
    mediaLink:
      'http://h:1/download/storage/v1/b/bkt/o/dir%2Fa%20b%3F.txt?generation=1767322800123456&alt=media',
    name: 'dir/a b?.txt',
    bucket: 'bkt',
    generation: '1767322800123456',
    metageneration: '1',
    contentType: 'application/octet-stream',
    storageClass: 'STANDARD',
    size: '5',
    crc32c: 'mnG7TA==',
    etag: 'CMDc0b3u65EDEAE=',
    timeCreated: '2026-01-02T03:00:00.123Z',
    updated: '2026-01-02T03:00:01.000Z',
    timeStorageClassUpdated: '2026-01-02T03:00:00.123Z',
    timeFinalized: '2026-01-02T03:00:00.123Z',
  })
  t.end()
})

test('gcs.md §3: everything that can be said of an object', t => {
  const said = {
    contentType: 'text/plain',
    cacheControl: 'no-store',
    contentDisposition: 'attachment',
    contentEncoding: 'gzip',
    contentLanguage: 'de',
    customTime: '2026-01-02T03:04:05Z',
    storageClass: 'COLDLINE',
    eventBasedHold: false,
    temporaryHold: true,
    retention: { mode: 'Unlocked', retainUntilTime: '2027-01-02T03:04:05Z' },
  }
  const object = {
    ...OBJECT,
    md5: 'XUFAKrxLKna5cZ2REBfFkg==',
    componentCount: 3,
    metadata: { ...said, contexts: { team: 'x' }, custom: { a: '1' } },
  }
  const resource = JSON.parse(JSON.stringify(objectResource(object, 'http://h:1')))
  t.match(resource, {
    ...said,
    retentionExpirationTime: '2027-01-02T03:04:05Z',
    contexts: { custom: { team: { value: 'x' } } },
    metadata: { a: '1' },
    md5Hash: object.md5,
    componentCount: 3,
  })
  const empty = { ...OBJECT, metadata: { contexts: {}, custom: {} } }
  t.notMatch(JSON.stringify(objectResource(empty, '')), '{}')
  t.end()
})

test('projection=full says whose it is', t => {
  const full = objectResource(OBJECT, 'http://h:1', 'full') as Record<string, unknown>
  t.match(full['owner'], { entity: 'project-owners-0' })
  t.match(full['acl'], [{ role: 'OWNER', generation: '1767322800123456', object: OBJECT.name }])
  t.notOk('acl' in objectResource(OBJECT, 'http://h:1', 'noAcl'))
  t.end()
})

test('the etag is a protobuf message of both generations', t => {
  const read = (etag: string) => {
    const numbers: bigint[] = []
    const bytes = [...Buffer.from(etag, 'base64')]
    while (bytes.length > 0) {
      bytes.shift()
      let value = 0n
      for (let shift = 0n, byte = 0x80; byte >= 0x80; shift += 7n) {
        byte = bytes.shift() ?? 0
        value |= BigInt(byte & 0x7f) << shift
      }
      numbers.push(value)
    }
    return numbers
  }
  for (const generation of [1, 127, 128, 1767322800123456, Number.MAX_SAFE_INTEGER]) {
    t.strictSame(read(etagOf({ ...OBJECT, generation, metageneration: 300 })), [
      BigInt(generation),
      300n,
    ])
  }
  t.end()
})
