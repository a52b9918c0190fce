import { test } from 'tap'
import { parseGlob } from '../../../src/protocols/google/glob.ts'
import { Refusal } from '../../../src/protocols/google/refusal.ts'

test('matchGlob: what matches, and what does not', t => {
  const cases: Record<string, readonly [readonly string[], readonly string[]]> = {
    'a/b': [['a/b'], ['a/bc', 'a/', '', 'A/b']],
    'a*c': [
      ['ac', 'abc', 'abbbc'],
      ['a/c', 'acb', 'xac'],
    ],
    'a**c': [['ac', 'abc', 'a/b/c'], ['a/b/d']],
    'a?c': [
      ['abc', 'a\u{1f600}c'],
      ['ac', 'a/c', 'abbc'],
    ],
    '**': [['', 'a', 'a/b/c'], []],
    '*': [
      ['', 'a'],
      ['a/b', 'a/'],
    ],
    '**/x': [
      ['x', 'a/x', 'a/b/x'],
      ['ax', 'a/bx'],
    ],
    'a/**/b/*.avro': [
      ['a/b/x.avro', 'a/1/2/b/x.avro'],
      ['a/b/c/x.avro', 'ab/x.avro'],
    ],
    'img/**.jpg': [['img/a.jpg', 'img/hi/b.jpg'], ['img.jpg']],
    'x**/y': [['x/y', 'xa/b/y'], ['xy']],
    'a/***': [['a/', 'a/b/c'], ['a']],
    '[abc]x': [
      ['ax', 'bx', 'cx'],
      ['dx', 'x', 'abx'],
    ],
    '[a-cx]': [
      ['b', 'x'],
      ['d', '-'],
    ],
    '[!a-c]': [
      ['d', '-'],
      ['a', 'b', '/'],
    ],
    '[^a]': [['b'], ['a']],
    '[]a]': [[']', 'a'], ['b']],
    '[a-]': [['a', '-'], ['b']],
    '[\\]]': [[']'], ['\\']],
    '[/]': [[], ['/']],
    '{a,bc}d': [
      ['ad', 'bcd'],
      ['abcd', 'd'],
    ],
    '{a*,{b,c}?}/z': [
      ['a/z', 'axx/z', 'bx/z', 'cy/z'],
      ['b/z', 'a/b/z'],
    ],
    '{,a}b': [['b', 'ab'], ['aab']],
    'x{**/a,b}': [['x/a', 'xy/z/a', 'xb'], ['xa']],
    'a\\*b': [['a*b'], ['aab']],
    'a\\b/*': [['ab/file.txt'], ['a\\b/file.txt']],
    'a\\\\b/*': [['a\\b/file.txt'], ['ab/file.txt']],
    'a,b}': [['a,b}'], ['a']],
    'é*': [['été'], ['e']],
  }
  for (const [pattern, [matching, others]] of Object.entries(cases)) {
    const glob = parseGlob(pattern)
    for (const name of matching) t.ok(glob.matches(name), `${pattern} ${name}`)
    for (const name of others) t.notOk(glob.matches(name), `${pattern} not ${name}`)
    for (const name of matching) t.ok(name.startsWith(glob.prefix), `${pattern} begins ${name}`)
  }
  t.equal(parseGlob('img/h*').prefix, 'img/h')
  t.equal(parseGlob('dir/').prefix, 'dir')
  t.equal(parseGlob('a\\*b*').prefix, 'a*b')
  t.end()
})

test('what is no glob is 400', t => {
  for (const pattern of [
    '[a',
    '[',
    '[]',
    '{a',
    '{a,{b}',
    'a\\',
    '[b-a]',
    '[a\\',
    'x'.repeat(1025),
  ]) {
    t.throws(() => parseGlob(pattern), Refusal, pattern.slice(0, 10))
  }
  t.throws(() => parseGlob('{'.repeat(11) + '}'.repeat(11)), Refusal)
  t.end()
})

test('no pattern takes long', t => {
  const glob = parseGlob(`${'**a'.repeat(300)}b`)
  const begin = performance.now()
  t.notOk(glob.matches('a'.repeat(1024)))
  t.ok(performance.now() - begin < 2000)
  t.end()
})
