import { test } from 'tap'
import { parseContentRange } from '../../../src/protocols/google/content-range.ts'

test('gcs.md §6.2: every form', t => {
  const data = (first: number, end: number | undefined, total: number | undefined) => ({
    kind: 'data',
    first,
    end,
    total,
  })
  const forms = {
    'bytes 0-9/10': data(0, 10, 10),
    'bytes 5-9/100': data(5, 10, 100),
    'Bytes 5-9/*': data(5, 10, undefined),
    'bytes 5-*/100': data(5, undefined, 100),
    'bytes 10-*/10': data(10, undefined, 10),
    'bytes 0-*/*': data(0, undefined, undefined),
    'bytes */*': { kind: 'query', total: undefined },
    'bytes */0': { kind: 'query', total: 0 },
    'BYTES */5497558138880': { kind: 'query', total: 5497558138880 },
  }
  for (const [header, expected] of Object.entries(forms)) {
    t.strictSame(parseContentRange(header), expected, header)
  }
  t.end()
})

test('GCS-25: everything else is nothing', t => {
  const wrong = [
    '',
    'bytes',
    'bytes 0--1/0',
    'bytes 0-0/0',
    'bytes 5-4/10',
    'bytes 0-10/10',
    'bytes 11-*/10',
    'items 0-1/2',
    'bytes 0-1',
    'bytes 0-1/',
    'bytes -1/2',
    'bytes 0-/2',
    'bytes=0-1/2',
    'bytes  0-1/2',
    'bytes 0-1/2 ',
    'bytes 0-1/2, bytes 0-1/2',
    'bytes 0x0-1/2',
    'bytes 1.0-2/3',
    'bytes +1-2/3',
    'bytes 10-9/*',
    'bytes 0-9007199254740991/*',
    'bytes */99999999999999999999',
    '\u0661-\u0662/\u0663',
  ]
  for (const header of wrong) t.equal(parseContentRange(header), undefined, header)
  t.end()
})
