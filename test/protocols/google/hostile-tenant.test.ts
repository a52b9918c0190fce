/**
 * A tenant with every scope, limited to a prefix of a shared bucket and to a bucket of its own, tries to read, list, overwrite,
 * delete or notice its neighbour's objects. Every way that anybody thought of is a test here; none may work.
 */

import { createHash } from 'node:crypto'
import { type Test, test } from 'tap'
import { SCOPES } from '../../../src/engine/principal.ts'
import type { Response } from '../../support/conversation.ts'
import { G, tokenOf } from '../../support/google.ts'
import { ALL, startGuarded } from '../../support/keys.ts'

type Headers = Readonly<Record<string, string>>
type Question = [line: string, body?: object | string | undefined, headers?: Headers]

const SECRET = 'the neighbour wrote this, and nobody else may read it'
const THEIRS = 'theirs/secret.txt'
const MINE = 'mine/own.txt'

async function setUp(t: Test) {
  const guarded = await startGuarded(
    t,
    {
      root: ALL,
      tenant: { scopes: SCOPES, buckets: ['shared', 'tenant'], prefix: 'mine/' },
      neighbour: { scopes: SCOPES, buckets: ['shared', 'private'], prefix: 'theirs/' },
    },
    { buckets: ['shared', 'private', 'tenant'], durability: 'none' },
  )
  const { server, as } = guarded
  const put = (who: Headers, bucket: string, name: string, body: string) =>
    server.ask(
      `POST /upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`,
      who,
      body,
    )
  for (const bucket of ['shared', 'private']) {
    t.equal((await put(as.neighbour, bucket, THEIRS, SECRET)).status, 200)
  }
  for (const bucket of ['shared', 'tenant']) {
    t.equal((await put(as.tenant, bucket, MINE, 'mine')).status, 200)
  }
  const tenant = (line: string, body?: object | string, headers: Headers = {}) =>
    server.ask(
      line,
      { ...headers, ...as.tenant },
      typeof body === 'object' ? JSON.stringify(body) : body,
    )
  /** As the neighbour left it. */
  const isUntouched = async () => {
    for (const bucket of ['shared', 'private']) {
      const path = `GET /storage/v1/b/${bucket}/o/${encodeURIComponent(THEIRS)}`
      const { metageneration, timeDeleted } = (await server.ask(path, as.neighbour)).json()
      t.match({ metageneration, timeDeleted }, { metageneration: '1', timeDeleted: undefined })
      t.equal((await server.ask(`${path}?alt=media`, as.neighbour)).text, SECRET)
    }
  }
  return { ...guarded, put, tenant, isUntouched }
}

/** No word of the neighbour's in an answer that said nothing of the kind itself. */
function tellsNothing(t: Test, { status, text }: Response, what: string): void {
  t.ok(status >= 400 && status !== 500, `${what}: ${status}`)
  t.notMatch(text, SECRET, what)
  t.notMatch(text, /"generation"|"md5Hash"|"size"/, what)
}

test('reading: by every path, spelling and header that names it', async t => {
  const { tenant } = await setUp(t)
  const e = encodeURIComponent
  const spellings = [
    e(THEIRS),
    'theirs/secret.txt',
    'theirs%2fsecret.txt',
    '%74heirs/secret.txt',
    e('mine/../theirs/secret.txt'),
    'mine/../theirs/secret.txt',
    'mine/%2e%2e/theirs/secret.txt',
    'mine%2F..%2Ftheirs%2Fsecret.txt',
    './theirs/secret.txt',
    '/theirs/secret.txt',
    `${e('mine/\0')}${e(THEIRS)}`,
    `${e(THEIRS)}%00mine/`,
    `${e(THEIRS)}%2Facl`,
    'theirs/secret.txt/acl',
    'theirs/secret.txt/iam',
    'theirs/secret.txt/iam/testPermissions',
  ]
  for (const spelling of spellings) {
    for (const path of [
      `/storage/v1/b/shared/o/${spelling}`,
      `/storage/v1/b/private/o/${spelling}`,
      `/storage/v1/b/shared/o/${spelling}?alt=media`,
      `/b/shared/o/${spelling}?alt=media`,
      `/download/storage/v1/b/shared/o/${spelling}?alt=media`,
      `/storage/v1/download/storage/v1/b/shared/o/${spelling}`,
      `/shared/${spelling}`,
      `/private/${spelling}`,
      `/tenant/../private/${spelling}`,
      `/storage/v1/b/tenant/../private/o/${spelling}`,
      `/storage/v1/b/tenant%2F..%2Fprivate/o/${spelling}`,
      `/storage/v1/b/shared%00/o/${spelling}`,
      `http://127.0.0.1/shared/${spelling}`,
    ]) {
      for (const method of ['GET', 'HEAD']) tellsNothing(t, await tenant(`${method} ${path}`), path)
    }
  }
  const path = `/storage/v1/b/shared/o/${e(THEIRS)}`
  for (const [line, headers, body] of [
    [`POST ${path}?alt=media`, { 'X-HTTP-Method-Override': 'GET' }, ''],
    [`GET ${path}?alt=media`, { Range: 'bytes=0-3' }, undefined],
    [`GET ${path}?alt=media`, { 'If-None-Match': '*' }, undefined],
    [`GET ${path}`, { 'X-Goog-User-Project': 'neighbour', 'X-Original-URL': path }, undefined],
    [
      `POST /storage/v1/b/shared/o/${e(MINE)}`,
      {
        'X-HTTP-Method-Override': 'GET',
        'Content-Type': 'application/x-www-form-urlencoded',
      },
      `name=${e(THEIRS)}&object=${e(THEIRS)}&prefix=theirs/`,
    ],
  ] as const) {
    const answer = await tenant(line, body, headers)
    if (line.includes(e(MINE))) t.equal(answer.json().name, MINE, 'a form names no other object')
    else tellsNothing(t, answer, line)
  }
})

test('making a copy that is theirs to read', async t => {
  const { tenant, isUntouched } = await setUp(t)
  const e = encodeURIComponent
  const to = `b/shared/o/${e('mine/loot')}`
  for (const bucket of ['shared', 'private']) {
    for (const verb of ['rewriteTo', 'copyTo']) {
      const line = `POST /storage/v1/b/${bucket}/o/${e(THEIRS)}/${verb}/${to}`
      for (const body of [undefined, { contentType: 'text/plain' }]) {
        tellsNothing(t, await tenant(line, body), line)
        tellsNothing(t, await tenant(`${line}?sourceGeneration=1&rewriteToken=x`, body), line)
      }
    }
    const move = `POST /storage/v1/b/${bucket}/o/${e(THEIRS)}/moveTo/o/${e('mine/loot')}`
    tellsNothing(t, await tenant(move), move)
  }
  // Where the words of the API stand in names, the shorter source wins; neither reading may be a way round.
  for (const path of [
    'theirs/secret.txt/rewriteTo/b/shared/o/mine/loot',
    `mine/own.txt/copyTo/b/shared/o/mine/x/copyTo/b/shared/o/${e(THEIRS)}`,
    `${e(THEIRS)}/rewriteTo/b/tenant/o/${e('mine/loot')}`,
  ]) {
    const { status, text } = await tenant(`POST /storage/v1/b/shared/o/${path}`)
    t.notMatch(text, SECRET, `${path}: ${status}`)
  }
  for (const sourceObjects of [
    [{ name: THEIRS }],
    [{ name: MINE }, { name: THEIRS }],
    [{ name: MINE, generation: '1', bucket: 'private' }],
    [{ name: `mine/../${THEIRS}` }],
    [{ name: `\ud800${THEIRS}` }],
    [{ bucket: 'private', name: THEIRS }],
  ]) {
    const line = `POST /storage/v1/b/shared/o/${e('mine/loot')}/compose`
    tellsNothing(t, await tenant(line, { sourceObjects }), JSON.stringify(sourceObjects))
    const all = await tenant(line, { sourceObjects, deleteSourceObjects: true })
    tellsNothing(t, all, 'and delete the sources')
  }
  const header = {
    'x-goog-copy-source': `/shared/${THEIRS}`,
    'x-amz-copy-source': `shared/${THEIRS}`,
  }
  t.notMatch((await tenant('PUT /shared/mine/loot', '', header)).text, SECRET)
  const path = '/upload/storage/v1/b/shared/o?uploadType=media&name=mine/header'
  t.equal((await tenant(`POST ${path}`, 'own', header)).status, 200)
  t.equal((await tenant('GET /storage/v1/b/shared/o/mine%2Fheader?alt=media')).text, 'own')
  t.equal((await tenant('GET /storage/v1/b/shared/o/mine%2Floot')).status, 404)
  await isUntouched()
})

test('overwriting and deleting', async t => {
  const { server, tenant, isUntouched } = await setUp(t)
  const e = encodeURIComponent
  const multipart = (name: string) =>
    `--x\r\nContent-Type: application/json\r\n\r\n${JSON.stringify({ name, bucket: 'private' })}\r\n` +
    '--x\r\nContent-Type: text/plain\r\n\r\nevil\r\n--x--\r\n'
  const related = { 'Content-Type': 'multipart/related; boundary=x' }
  for (const bucket of ['shared', 'private']) {
    const upload = `POST /upload/storage/v1/b/${bucket}/o?uploadType`
    const object = `/storage/v1/b/${bucket}/o/${e(THEIRS)}`
    const own = `POST /storage/v1/b/shared/o/${e(MINE)}`
    const there = `b/${bucket}/o/${e(THEIRS)}`
    for (const [line, body, headers] of [
      [`${upload}=media&name=${e(THEIRS)}`, 'evil', {}],
      [`${upload}=media&name=${e(MINE)}&name=${e(THEIRS)}&bucket=private`, undefined, {}],
      [`${upload}=multipart`, multipart(THEIRS), related],
      [`${upload}=multipart&name=${e(THEIRS)}`, multipart(MINE), related],
      [`${upload}=resumable`, { name: THEIRS }, {}],
      [`${upload}=resumable&name=${e(THEIRS)}`, { name: MINE }, {}],
      [`${upload}=resumable&name=${e('mine/')}`, { name: THEIRS }, {}],
      [`${own}/rewriteTo/${there}`, undefined, {}],
      [`${own}/copyTo/${there}`, undefined, {}],
      [`${own}/moveTo/o/${e(THEIRS)}`, undefined, {}],
      [`POST ${object}/compose`, { sourceObjects: [{ name: MINE }] }, {}],
      [`PATCH ${object}`, { metadata: { evil: 'yes' } }, {}],
      [`PUT ${object}`, { contentType: 'evil' }, {}],
      [`POST ${object}`, { contentType: 'evil' }, { 'X-HTTP-Method-Override': 'PATCH' }],
      [`DELETE ${object}`, undefined, {}],
      [`DELETE ${object}?generation=1`, undefined, {}],
      [`POST ${object}`, undefined, { 'X-HTTP-Method-Override': 'DELETE' }],
      [`DELETE /${bucket}/${THEIRS}`, undefined, {}],
      [`PUT /${bucket}/${THEIRS}`, 'evil', {}],
      [`DELETE /storage/v1/b/${bucket}`, undefined, {}],
      [`PATCH /storage/v1/b/${bucket}`, { cors: [] }, {}],
      [`DELETE /${bucket}`, undefined, {}],
    ] as const) {
      const { status } = await server.ask(line, {}, undefined)
      t.equal(status, 401, `without a key: ${line}`)
      const answer = await tenant(line, body, headers)
      if (/name=mine%2F(?:own|$|&)/.test(line) && answer.status < 300) {
        const named = (await tenant('GET /storage/v1/b/shared/o?fields=items/name')).json().items
        t.ok(
          named.every(({ name }: { name: string }) => name.startsWith('mine/')),
          line,
        )
      } else t.ok(answer.status >= 400, `${line}: ${answer.status}`)
    }
  }
  await isUntouched()
})

test('a session that begins at home stays at home', async t => {
  const { server, tenant, isUntouched } = await setUp(t)
  const e = encodeURIComponent
  const begun = await tenant(
    `POST /upload/storage/v1/b/shared/o?uploadType=resumable&name=${e('mine/s')}`,
  )
  const token = tokenOf(begun.headers['location'] ?? '')
  const id = `upload_id=${token}`
  const at = (bucket: string, name: string) =>
    `/upload/storage/v1/b/${bucket}/o?name=${e(name)}&uploadType=resumable&${id}`
  // The URL may be bent as one likes: the id alone counts.
  const bent = at('private', THEIRS)
  const custom = { 'x-goog-meta-name': THEIRS, 'x-goog-copy-source': `/shared/${THEIRS}` }
  const chunk = { 'Content-Range': `bytes 0-${G - 1}/${G + 1}` }
  t.equal((await server.ask(`PUT ${bent}`, chunk, Buffer.alloc(G))).status, 308)
  const last = { 'Content-Range': `bytes ${G}-${G}/${G + 1}`, ...custom }
  t.match((await server.ask(`PUT ${bent}`, last, 'x')).json(), { bucket: 'shared', name: 'mine/s' })
  await isUntouched()
})

test('the URL of a session, guessed or taken from what is seen of it', async t => {
  const { server, as, tenant } = await setUp(t)
  const line = 'POST /upload/storage/v1/b/shared/o?uploadType=resumable&name=theirs/s'
  const { location = '', ...headers } = (await server.ask(line, as.neighbour)).headers
  const token = tokenOf(location)
  const key = createHash('sha256').update(`google:${token}`).digest('base64url')
  t.ok(headers['x-guploader-uploadid'] === token, 'its holder has it twice')
  const guesses = [
    key,
    key.slice(0, 10),
    `${token}x`,
    token.slice(0, -1),
    token.toLowerCase(),
    '*',
    '%',
  ]
  for (const guess of [...guesses, `google:${token}`, `${token}%00`, `${token}%0A`]) {
    const path = `/upload/storage/v1/b/shared/o?uploadType=resumable&upload_id=${guess}`
    for (const method of ['PUT', 'DELETE', 'POST']) {
      const { status } = await tenant(`${method} ${path}`)
      t.ok(status === 404 || status === 400, `${method} ${guess}: ${status}`)
    }
  }
  t.equal((await server.ask(`PUT ${location}`, { 'Content-Range': 'bytes */*' })).status, 308)
})

test('listing: by every bound that a list has', async t => {
  const { tenant } = await setUp(t)
  const token = (text: string) => Buffer.from(text).toString('base64url')
  const bounds = [
    '',
    'prefix=',
    'prefix=t',
    'prefix=theirs/',
    'prefix=theirs/secret.txt',
    'prefix=m&delimiter=/',
    'delimiter=/',
    'delimiter=i',
    'delimiter=e&includeTrailingDelimiter=true',
    'startOffset=n',
    'startOffset=theirs/&endOffset=theirs0',
    'startOffset=mine/&endOffset=z',
    'versions=true',
    'softDeleted=true',
    'projection=full',
    'matchGlob=**',
    'matchGlob=t**',
    'matchGlob={mine,theirs}/**',
    'matchGlob=**/secret.txt&delimiter=/',
    'matchGlob=*&delimiter=/',
    `pageToken=${token('amine/own.txt')}`,
    `pageToken=${token('atheirs')}`,
    `pageToken=${token('bmine/')}`,
    `pageToken=${token('bm')}`,
    'maxResults=1',
    'maxResults=1&delimiter=/',
    'includeFoldersAsPrefixes=true&delimiter=/',
    'fields=*',
  ]
  for (const query of bounds) {
    const { status, text } = await tenant(`GET /storage/v1/b/shared/o?${query}`)
    t.equal(status, 200, query)
    t.notMatch(text, /theirs|secret/, query)
    t.notMatch(text, /nextPageToken/, `${query}: nothing behind it`)
    tellsNothing(t, await tenant(`GET /storage/v1/b/private/o?${query}`), query)
  }
  for (const query of [
    '',
    'prefix=theirs/',
    'delimiter=/',
    'marker=mine/z',
    'start-after=mine/own.txt&list-type=2',
    `continuation-token=${token('mine/own.txt')}&list-type=2`,
    'max-keys=1',
    'encoding-type=url',
    'versions',
  ]) {
    const { text } = await tenant(`GET /shared?${query}`)
    t.notMatch(text.replace('<Prefix>theirs/</Prefix>', ''), /theirs|secret/, query)
    t.notMatch(text, '<IsTruncated>true', query)
    tellsNothing(t, await tenant(`GET /private?${query}`), query)
  }
  for (const query of [
    '',
    'prefix=p',
    'maxResults=1',
    `pageToken=${token('ao')}`,
    'softDeleted=true',
  ]) {
    const { text } = await tenant(`GET /storage/v1/b?project=any&${query}`)
    t.notMatch(text, 'private', query)
  }
  for (const part of [
    '',
    '/acl',
    '/iam',
    '/storageLayout',
    '/notificationConfigs',
    '/o',
    '/nothing',
  ]) {
    const absent = await tenant(`GET /storage/v1/b/absent0${part}`)
    const there = await tenant(`GET /storage/v1/b/private${part}`)
    t.strictSame([there.status, there.text], [absent.status, absent.text], part)
    t.equal(there.status, 404)
  }
})

test('preconditions, validators and refusals as an oracle', async t => {
  const { server, as, tenant, put, isUntouched } = await setUp(t)
  const e = encodeURIComponent
  const { generation, etag } = (
    await server.ask(`GET /storage/v1/b/shared/o/${e(THEIRS)}`, as.neighbour)
  ).json()
  /** The same question about what is there and what is not, which must have the same answer. */
  const compare = async (make: (name: string) => Question) => {
    const ask = async (name: string) => {
      const [line, body, headers] = make(name)
      const { status, text } = await tenant(line, body, headers)
      return [status, text.replaceAll(name, '…')]
    }
    const [line] = make(THEIRS)
    t.strictSame(await ask(THEIRS), await ask('theirs/nothing!!!'), line)
  }
  const conditions = [
    'ifGenerationMatch',
    'ifGenerationNotMatch',
    'ifMetagenerationMatch',
    'ifMetagenerationNotMatch',
  ]
  for (const condition of conditions) {
    for (const value of ['0', '1', generation]) {
      const query = `${condition}=${value}`
      await compare(name => [`GET /storage/v1/b/shared/o/${e(name)}?${query}`])
      await compare(name => [`DELETE /storage/v1/b/shared/o/${e(name)}?${query}`])
      await compare(name => [`PATCH /storage/v1/b/shared/o/${e(name)}?${query}`, {}])
      await compare(name => [
        `POST /upload/storage/v1/b/shared/o?uploadType=media&name=${e(name)}&${query}`,
        'x',
      ])
      await compare(name => [
        `POST /upload/storage/v1/b/shared/o?uploadType=resumable&name=${e(name)}&${query}`,
        {},
      ])
      await compare(name => [
        `POST /storage/v1/b/shared/o/${e(MINE)}/rewriteTo/b/shared/o/${e(name)}?${query}`,
      ])
      const source = `ifSource${query.slice(2)}`
      await compare(name => [
        `POST /storage/v1/b/shared/o/${e(name)}/rewriteTo/b/shared/o/mine%2Fx?${source}`,
      ])
      await compare(name => [`POST /storage/v1/b/shared/o/${e(name)}/moveTo/o/mine%2Fx?${source}`])
    }
  }
  for (const value of ['0', '1', generation]) {
    const sourceObjects = (name: string) => [
      { name, objectPreconditions: { ifGenerationMatch: value } },
      { name: MINE, generation: value },
    ]
    const line = 'POST /storage/v1/b/shared/o/mine%2Fx/compose'
    await compare(name => [line, { sourceObjects: sourceObjects(name) }])
    await compare(name => [`GET /shared/${name}?generation=${value}`])
    await compare(name => [`GET /storage/v1/b/shared/o/${e(name)}?generation=${value}`])
    await compare(name => [
      `GET /shared/${name}`,
      undefined,
      { 'x-goog-if-generation-match': value },
    ])
    await compare(name => [
      `DELETE /shared/${name}`,
      undefined,
      { 'x-goog-if-generation-match': value },
    ])
  }
  for (const headers of [
    { 'If-Match': etag },
    { 'If-None-Match': etag },
    { 'If-None-Match': '*' },
    { 'If-Modified-Since': new Date().toUTCString() },
    { 'If-Unmodified-Since': new Date(0).toUTCString() },
    { Range: 'bytes=1000000-' },
    { 'x-goog-encryption-algorithm': 'AES256' },
  ]) {
    for (const path of [
      '/storage/v1/b/shared/o/',
      '/download/storage/v1/b/shared/o/',
      '/shared/',
    ]) {
      await compare(name => [`GET ${path}${e(name)}?alt=media`, undefined, headers])
    }
  }
  // What is checked of content: nothing is stored, and nothing is compared with what is stored.
  const hash = { 'x-goog-hash': `md5=${createHash('md5').update(SECRET).digest('base64')}` }
  const upload = 'POST /upload/storage/v1/b/shared/o?uploadType=media&name='
  await compare(name => [`${upload}${e(name)}`, SECRET, hash])
  const twice = [
    await put(as.tenant, 'shared', 'mine/a', SECRET),
    await put(as.tenant, 'shared', 'mine/b', SECRET),
  ]
  t.strictSame(Object.keys(twice[0]?.json()), Object.keys(twice[1]?.json()), 'no sign of a twin')
  // An ambiguous path asks twice what is there.
  for (const part of ['acl', 'iam', 'acl/project-owners-0', 'compose', 'moveTo/o/mine%2Fx']) {
    for (const method of ['GET', 'POST', 'DELETE', 'PATCH']) {
      await compare(name => [
        `${method} /storage/v1/b/shared/o/${name}/${part}`,
        method === 'GET' ? undefined : {},
      ])
    }
  }
  // A bucket that exists and one that does not, to be made.
  const made = []
  for (const name of ['private', 'absent0']) {
    made.push((await tenant('POST /storage/v1/b', { name })).text)
  }
  t.equal(made[0], made[1])
  await isUntouched()
})

test('batches: none of their calls has more than its key', async t => {
  const { tenant, tokens, isUntouched } = await setUp(t)
  const calls = [
    `GET /storage/v1/b/shared/o/${encodeURIComponent(THEIRS)}`,
    `DELETE /storage/v1/b/shared/o/${encodeURIComponent(THEIRS)}`,
    'GET /storage/v1/b/private/o',
    `PATCH /storage/v1/b/private/o/${encodeURIComponent(THEIRS)}`,
  ]
  const headers = [
    '',
    'Authorization: Bearer\r\n',
    `X-Api-Key: ${tokens.neighbour.slice(0, -1)}\r\n`,
    'X-Forwarded-For: 127.0.0.1\r\nX-Principal: neighbour\r\n',
  ]
  for (const header of headers) {
    const parts = calls.map(
      call => `--b\r\nContent-Type: application/http\r\n\r\n${call} HTTP/1.1\r\n${header}\r\n`,
    )
    const type = { 'Content-Type': 'multipart/mixed; boundary=b' }
    const { text } = await tenant('POST /batch/storage/v1', `${parts.join('')}--b--\r\n`, type)
    const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)
    t.equal(statuses.length, calls.length)
    for (const status of statuses) t.match(status, /^40[14]$/)
    t.notMatch(text, '"generation"')
  }
  await isUntouched()
})

test('operations: what they tell is of everybody', async t => {
  const { server, as, tenant } = await setUp(t)
  for (const path of ['/-/metrics']) {
    t.equal((await tenant(`GET ${path}`)).status, 403, path)
    t.equal((await server.ask(`GET ${path}`)).status, 401, path)
    t.equal((await server.ask(`GET ${path}`, as.root)).status, 200, path)
  }
  for (const path of ['/-/livez', '/-/readyz']) {
    t.notMatch((await tenant(`GET ${path}`)).text, /shared|private|theirs/)
  }
  const { text } = await tenant('GET /discovery/v1/apis/storage/v1/rest')
  t.notMatch(text, /secret\.txt|"shared"/)
})
