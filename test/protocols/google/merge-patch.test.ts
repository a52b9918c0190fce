import { test } from 'tap'
import { mergePatch } from '../../../src/protocols/google/merge-patch.ts'

test('RFC 7386, appendix A, as far as it is about objects', t => {
  const cases = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ] as const
  for (const [target, patch, expected] of cases) {
    t.strictSame(mergePatch(target, patch), expected, JSON.stringify(patch))
  }
  t.end()
})

test('names that JavaScript uses are names like any other', t => {
  const merged = mergePatch({}, JSON.parse('{"__proto__":{"a":1},"constructor":"x"}'))
  t.equal(JSON.stringify(merged), '{"__proto__":{"a":1},"constructor":"x"}')
  t.equal(Object.getPrototypeOf(merged), Object.prototype)
  t.equal(({} as Record<string, unknown>)['a'], undefined)
  t.end()
})
