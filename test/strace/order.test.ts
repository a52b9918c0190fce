/** The checker of the strace run, on traces written by hand: it must miss nothing that is not there. */

import t from 'tap'
import { type Claim, type Missing, violationsIn } from './order.ts'
import { parseTrace } from './trace.ts'

const DATA = '/data'
const BLOB = '/data/blobs/20260102/ab'
const WAL = '/data/catalog.sqlite-wal'
const SOCKET = 'TCP:[127.0.0.1:8080->127.0.0.1:40001]'

/** A chunk of 300 bytes in two writes, as the server does it. */
const CHUNK: readonly string[] = [
  `openat(AT_FDCWD</srv>, "${WAL}", O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0644) = 5<${WAL}>`,
  `fsync(6<${DATA}>) = 0`,
  `mkdir("/data/blobs/20260102", 0700) = 0`,
  `fsync(7</data/blobs>) = 0`,
  `openat(AT_FDCWD</srv>, "${BLOB}", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 8<${BLOB}>`,
  `pwritev(8<${BLOB}>, [{iov_base="(one:0)\\7\\1, 0)"..., iov_len=200}], 1, 0) = 200`,
  `pwritev(8<${BLOB}>, [{iov_base="\\3\\2 = 7"..., iov_len=100}], 1, 200) = 100`,
  `fdatasync(8<${BLOB}>) = 0`,
  `fsync(9</data/blobs/20260102>) = 0`,
  `pwrite64(5<${WAL}>, "\\0\\0"..., 24, 32) = 24`,
  `pwrite64(5<${WAL}>, "\\0\\0"..., 4096, 56) = 4096`,
  `fsync(5<${WAL}>) = 0`,
  `write(20<${SOCKET}>, "HTTP/1.1 308 Resume Incomplete\\r\\n"..., 120) = 120`,
]

const CLAIM: Claim = {
  what: 'chunk',
  port: 40_001,
  nth: 0,
  status: 308,
  bytes: 300,
  marks: ['(one:0)'],
  records: true,
  alone: true,
}

t.test('the whole order holds', async t => {
  t.strictSame(check(CHUNK), [])
  t.strictSame(check(CHUNK, { ...CLAIM, alone: false }), [])
})

t.test('a sync that is missing, or comes after the status line, is found', async t => {
  const syncs: ReadonlyArray<readonly [string, Missing]> = [
    [`fsync(6<${DATA}>)`, 'entry'],
    ['fsync(7</data/blobs>)', 'entry'],
    ['fdatasync(8', 'data'],
    ['fsync(9<', 'entry'],
    ['fsync(5<', 'record-sync'],
  ]
  for (const [call, missing] of syncs) {
    const others = CHUNK.filter(line => !line.startsWith(call))
    const [sync = ''] = CHUNK.filter(line => line.startsWith(call))
    t.ok(check(others).includes(missing), `without ${call}: ${missing}`)
    t.ok(check([...others, sync]).includes(missing), `with ${call} too late: ${missing}`)
  }
})

t.test('a sync that began before the last write, or failed, is none', async t => {
  const early = moved(CHUNK, 'fdatasync', 6)
  t.strictSame(check(early), ['data'])
  const failed = CHUNK.map(line => line.replace(/^(fdatasync.*) = 0$/, '$1 = -1 EIO'))
  t.strictSame(check(failed), ['data'])
})

t.test('a sync that had not returned when the answer left is none', async t => {
  const lines = CHUNK.flatMap(line =>
    line.startsWith('fsync(5') ? [`fsync(5<${WAL}> <unfinished ...>`] : [line],
  )
  t.strictSame(check([...lines, '<... fsync resumed>) = 0']), ['record-sync'])
})

t.test('halves of a call are put together by their thread', async t => {
  const text = [
    `11 10:00:00.1 fdatasync(8<${BLOB}> <unfinished ...>`,
    `12 10:00:00.2 fsync(5<${WAL}> <unfinished ...>`,
    '11 10:00:00.3 <... fdatasync resumed>) = 0',
    '12 10:00:00.4 <... fsync resumed>)     = -1 EIO (Input/output error)',
    '11 10:00:00.5 write(1<pipe:[1]>, "x", 1) = ?',
  ].join('\n')
  t.match(parseTrace(text), [
    { name: 'fdatasync', began: 0, returned: 2, result: 0 },
    { name: 'fsync', began: 1, returned: 3, result: -1 },
    { name: 'write', began: 4, returned: 4, result: -1 },
  ])
})

t.test('the record must come after what it refers to', async t => {
  const isRecord = (line: string) => line.startsWith('pwrite64')
  const others = CHUNK.filter(line => !isRecord(line))
  const early = others.toSpliced(5, 0, ...CHUNK.filter(isRecord))
  t.strictSame(check(early), ['record'])
})

t.test('less data than was claimed is found', async t => {
  t.strictSame(check(CHUNK, { ...CLAIM, bytes: 301 }), ['data'])
  t.strictSame(check(CHUNK, { ...CLAIM, marks: ['(two:0)'] }), ['data'])
})

t.test('promised bytes that are written again are found', async t => {
  const again = `pwritev(8<${BLOB}>, [{iov_base="x", iov_len=1}], 1, 299) = 1`
  t.strictSame(check([...CHUNK, again]), ['rewritten'])
  const behind = `pwritev(8<${BLOB}>, [{iov_base="x", iov_len=1}], 1, 300) = 1`
  t.strictSame(check([...CHUNK, behind]), [])
})

t.test('an answer that is not in the trace is found', async t => {
  t.strictSame(check(CHUNK, { ...CLAIM, port: 40_002 }), ['answer'])
  t.strictSame(check(CHUNK, { ...CLAIM, status: 200 }), ['answer'])
  const dying = CHUNK.map(line => line.replace(/ = 120$/, ' = ?'))
  t.strictSame(check(dying), [], 'one whose write never returned may have reached the client')
})

function check(lines: readonly string[], claim = CLAIM): Missing[] {
  const text = lines.map(line => `7 10:00:00.000001 ${line}`).join('\n')
  return violationsIn(parseTrace(text), DATA, [claim]).map(({ missing }) => missing)
}

/** The first line that begins with `start`, at another place. */
function moved(lines: readonly string[], start: string, to: number): string[] {
  const [line = ''] = lines.filter(candidate => candidate.startsWith(start))
  const others = lines.filter(candidate => candidate !== line)
  return others.toSpliced(to, 0, line)
}
