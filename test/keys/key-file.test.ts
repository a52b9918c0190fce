import { test } from 'tap'
import { formatKeyFile, KeyFileError, parseKeyFile } from '../../src/keys/key-file.ts'
import { hashOfKeyToken, newKeyToken } from '../../src/keys/token.ts'

const SHA256 = 'a'.repeat(64)
const KEY = { name: 'ci', sha256: SHA256, scopes: ['create'] }

function mistake(file: unknown): string {
  try {
    parseKeyFile(typeof file === 'string' ? file : JSON.stringify(file))
    return ''
  } catch (error) {
    if (error instanceof KeyFileError) return error.message
    throw error
  }
}

test('what is written is what is read', t => {
  const keys = [
    { name: 'a', sha256: SHA256, scopes: ['create', 'read'] },
    {
      name: 'ci@example.org',
      sha256: 'b'.repeat(64),
      scopes: ['create', 'read', 'list', 'delete', 'admin'],
      buckets: ['uploads', 'two.three'],
      prefix: 'ci/ü/',
      expiresAt: '2027-01-31T12:00:00Z',
    },
    { name: 'ops', sha256: 'c'.repeat(64), scopes: ['admin'], buckets: [] },
    { name: 'sensor', certificate: 'sensor 1', scopes: ['create'] },
  ] as const
  t.strictSame(parseKeyFile(formatKeyFile(keys)), keys)
  t.strictSame(parseKeyFile(formatKeyFile([])), [])
  t.equal(formatKeyFile(keys).split('\n').length, keys.length + 5, 'one key a line')
  t.end()
})

test('each mistake is named, with what would be accepted, and without a hash', t => {
  const cases: readonly [unknown, string][] = [
    ['', 'it is not JSON'],
    [[], 'the file must be an object with "keys"'],
    [{}, 'the file must be an object with "keys"'],
    [{ keys: {} }, 'keys must be a list of keys'],
    [{ keys: [], more: 1 }, 'the file has an unknown "more"'],
    [
      { keys: [{ name: 'ci' }] },
      'keys/0 must be an object with name, scopes, sha256 or certificate',
    ],
    [{ keys: [KEY, { ...KEY, name: 'x', token: 'tm_' }] }, 'keys/1 has an unknown "token"'],
    [{ keys: [{ ...KEY, name: '' }] }, 'keys/0/name must be 1 to 64'],
    [{ keys: [{ ...KEY, name: 'a\nb' }] }, 'keys/0/name must be 1 to 64'],
    [{ keys: [{ ...KEY, sha256: SHA256.toUpperCase() }] }, 'keys/0/sha256 must be 64'],
    [{ keys: [{ ...KEY, sha256: newKeyToken() }] }, 'keys/0/sha256 must be 64'],
    [{ keys: [{ ...KEY, scopes: [] }] }, 'keys/0/scopes must be some of create, read'],
    [{ keys: [{ ...KEY, scopes: ['write'] }] }, 'keys/0/scopes/0 must be one of create, read'],
    [{ keys: [{ ...KEY, scopes: 'create' }] }, 'keys/0/scopes must be some of'],
    [{ keys: [{ ...KEY, buckets: 'uploads' }] }, 'keys/0/buckets must be a list of buckets'],
    [{ keys: [{ ...KEY, buckets: ['Uploads'] }] }, 'keys/0/buckets/0 must be the name'],
    [{ keys: [{ ...KEY, buckets: ['upload'] }] }, 'keys/0/buckets/0 must be the name'],
    [{ keys: [{ ...KEY, prefix: '' }] }, 'keys/0/prefix must be the beginning'],
    ['{"keys":[{"name":"a","sha256":"","scopes":["read"],"prefix":"\\ud800"}]}', 'keys/0/prefix'],
    [{ keys: [{ ...KEY, expiresAt: '2027-01-31' }] }, 'keys/0/expiresAt must be a time'],
    [{ keys: [{ ...KEY, expiresAt: '2027-02-30T00:00:00Z' }] }, 'keys/0/expiresAt must be'],
    [{ keys: [{ ...KEY, expiresAt: '2027-01-31T00:00:00+01:00' }] }, 'keys/0/expiresAt must be'],
    [{ keys: [KEY, { ...KEY, sha256: 'b'.repeat(64) }] }, 'two keys have the name of ci'],
    [{ keys: [KEY, { ...KEY, name: 'x' }] }, 'two keys have the sha256 of x'],
    [
      { keys: [{ name: 'a', scopes: ['read'] }] },
      'keys/0 must be an object with name, scopes, sha256',
    ],
    [{ keys: [{ ...KEY, certificate: '' }] }, 'keys/0/certificate must be the common name'],
    [
      {
        keys: ['a', 'b'].map(name => ({ name, scopes: ['read'], certificate: 'cn' })),
      },
      'two keys have the certificate of b',
    ],
  ]
  for (const [file, expected] of cases) {
    const message = mistake(file)
    t.ok(message.includes(expected), `${expected}: ${message}`)
    t.notMatch(message, SHA256)
  }
  const two = mistake({ keys: [{ ...KEY, scopes: [], prefix: '' }] })
  t.match(two, /scopes must .*; .*prefix must/, 'all at once')
  t.end()
})

test('tokens are 256 bits, and nothing else is hashed', t => {
  const tokens = Array.from({ length: 100 }, newKeyToken)
  t.equal(new Set(tokens).size, 100)
  for (const token of tokens) t.match(token, /^tm_[A-Za-z0-9_-]{43}$/)
  const [token = ''] = tokens
  t.match(hashOfKeyToken(token), /^[0-9a-f]{64}$/)
  for (const other of ['', 'tm_', token.slice(1), `${token}x`, ` ${token}`, `${token}\n`]) {
    t.equal(hashOfKeyToken(other), undefined)
  }
  t.end()
})
