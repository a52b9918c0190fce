import { test } from 'tap'
import { isRangeCurrent, judgeRead } from '../../../src/protocols/google/read-conditions.ts'
import { metadata, upload } from '../../support/google.ts'
import { startServer } from '../../support/server.ts'

const modifiedAt = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const before = 'Fri, 02 Jan 2026 03:04:04 GMT'
const same = 'Fri, 02 Jan 2026 03:04:05 GMT'
const after = 'Fri, 02 Jan 2026 03:04:06 GMT'

test('§9.2: RFC 9110 conditionals, one by one and together', t => {
  const cases = [
    [{}, 'wanted'],
    [{ 'if-match': 'abc=' }, 'wanted'],
    [{ 'if-match': '"x", "abc="' }, 'wanted'],
    [{ 'if-match': '*' }, 'wanted'],
    [{ 'if-match': '"x"' }, 'failed'],
    [{ 'if-match': 'W/"abc="' }, 'failed'],
    [{ 'if-none-match': '"abc="' }, 'not_modified'],
    [{ 'if-none-match': 'W/"abc="' }, 'not_modified'],
    [{ 'if-none-match': 'x, abc=' }, 'not_modified'],
    [{ 'if-none-match': '*' }, 'not_modified'],
    [{ 'if-none-match': '"x"' }, 'wanted'],
    [{ 'if-modified-since': before }, 'wanted'],
    [{ 'if-modified-since': same }, 'not_modified'],
    [{ 'if-modified-since': after }, 'not_modified'],
    [{ 'if-modified-since': 'Friday, 02-Jan-26 03:04:05 GMT' }, 'not_modified'],
    [{ 'if-modified-since': 'Fri Jan  2 03:04:05 2026' }, 'not_modified'],
    [{ 'if-unmodified-since': before }, 'failed'],
    [{ 'if-unmodified-since': same }, 'wanted'],
    // What is no HTTP date does not count.
    [{ 'if-modified-since': '2030-01-01' }, 'wanted'],
    [{ 'if-unmodified-since': 'yesterday' }, 'wanted'],
    // Tags beat dates, and failing beats knowing.
    [{ 'if-none-match': '"x"', 'if-modified-since': after }, 'wanted'],
    [{ 'if-match': '"abc="', 'if-unmodified-since': before }, 'wanted'],
    [{ 'if-match': '"x"', 'if-none-match': '"abc="' }, 'failed'],
    [{ 'if-match': '"abc="', 'if-none-match': '"abc="' }, 'not_modified'],
  ] as const
  for (const [headers, verdict] of cases) {
    t.equal(judgeRead(headers, { etag: 'abc=', modifiedAt }), verdict, JSON.stringify(headers))
  }
  t.equal(judgeRead({ 'if-match': 'abc' }, { etag: '"abc"', modifiedAt }), 'wanted')
  t.end()
})

test('RFC 9110 §13.1.5: If-Range', t => {
  const cases = [
    ['"abc"', true],
    ['abc', true],
    ['W/"abc"', false],
    ['"x"', false],
    [same, true],
    [after, false],
    [before, false],
  ] as const
  for (const [condition, isCurrent] of cases) {
    const verdict = isRangeCurrent({ 'if-range': condition }, { etag: '"abc"', modifiedAt })
    t.equal(verdict, isCurrent, condition)
  }
  t.end()
})

test('conditions on the wire: 412 and 304, on JSON media and XML reads alike', async t => {
  const server = await startServer(t)
  const { generation, etag } = (await upload(server, 'a', 'hello')).json()
  const xml = '"5d41402abc4b2a76b9719d911017c592"'
  const byForm = [
    ['/storage/v1/b/bkt/o/a?alt=media', etag],
    ['/bkt/a', xml],
  ]
  for (const [path = '', tag = ''] of byForm) {
    const ask = (headers: Record<string, string>) => server.ask(`GET ${path}`, headers)
    const known = await ask({ 'If-None-Match': tag })
    t.equal(known.status, 304)
    t.equal(known.headers['etag'], tag)
    t.equal((await ask({ 'If-None-Match': '"other"' })).status, 200)
    t.equal((await ask({ 'If-Match': tag, Range: 'bytes=1-2' })).status, 206)
    t.equal((await ask({ 'If-Range': '"other"', Range: 'bytes=1-2' })).status, 200)
    t.equal((await ask({ 'If-Range': tag, Range: 'bytes=1-2' })).status, 206)
  }
  t.equal((await metadata(server, 'a')).headers['etag'], etag)

  const xmlRead = (headers: Record<string, string>) => server.ask('GET /bkt/a', headers)
  const failed = await xmlRead({ 'If-Match': '"other"' })
  t.equal(failed.status, 412)
  t.match(failed.text, '<Code>PreconditionFailed</Code>')
  const future = new Date(Date.now() + 60_000).toUTCString()
  t.equal((await xmlRead({ 'If-Modified-Since': future })).status, 304)
  t.equal((await xmlRead({ 'If-Unmodified-Since': before })).status, 412)
  t.equal((await xmlRead({ 'x-goog-if-generation-match': generation })).status, 200)
  t.equal((await xmlRead({ 'x-goog-if-generation-match': '1' })).status, 412)
  t.equal((await xmlRead({ 'x-goog-if-metageneration-match': '2' })).status, 412)
  t.equal((await xmlRead({ 'x-goog-if-generation-match': 'x' })).status, 400)
})
