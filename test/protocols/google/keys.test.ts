/**
 * What keys allow through Google's door: every operation under every set of scopes, and whatever lies outside of a key's
 * limits answered like what is not there.
 */

import tap, { test } from 'tap'
import { SCOPES, type Scope } from '../../../src/engine/principal.ts'
import type { Response } from '../../support/conversation.ts'
import { ALL, type Rights, startGuarded } from '../../support/keys.ts'
import type { TestServer } from '../../support/server.ts'

// Thousands of requests.
tap.setTimeout(120_000)

type Headers = Readonly<Record<string, string>>

interface Operation {
  readonly what: string
  /** All of them, or it is refused. */
  readonly needs: readonly Scope[]
  /** `{taken}` and `{free}` stand for an object that is there and one that is not, `{bucket}` and `{new}` likewise. */
  readonly line: string
  readonly body?: object | string
  readonly headers?: Headers
}

const MULTIPART = [
  '--x\r\nContent-Type: application/json\r\n\r\n{}\r\n',
  '--x\r\nContent-Type: text/plain\r\n\r\nabc\r\n--x--\r\n',
].join('')

const OPERATIONS: readonly Operation[] = [
  ...(['free', 'taken'] as const).flatMap((name): Operation[] => {
    const needs: Scope[] = name === 'free' ? ['create'] : ['create', 'delete']
    const upload = `POST /upload/storage/v1/b/{bucket}/o?name={${name}}&uploadType`
    const to = `b/{bucket}/o/{${name}}`
    return [
      { what: `media, ${name}`, needs, line: `${upload}=media`, body: 'abc' },
      {
        what: `multipart, ${name}`,
        needs,
        line: `${upload}=multipart`,
        body: MULTIPART,
        headers: { 'Content-Type': 'multipart/related; boundary=x' },
      },
      { what: `resumable, ${name}`, needs, line: `${upload}=resumable` },
      {
        what: `compose, ${name}`,
        needs: [...needs, 'read'],
        line: `POST /storage/v1/${to}/compose`,
        body: { sourceObjects: [{ name: '{source}' }] },
      },
      {
        what: `rewrite, ${name}`,
        needs: [...needs, 'read'],
        line: `POST /storage/v1/b/{bucket}/o/{source}/rewriteTo/${to}`,
      },
      {
        what: `copy, ${name}`,
        needs: [...needs, 'read'],
        line: `POST /storage/v1/b/{bucket}/o/{source}/copyTo/${to}`,
        body: { contentType: 'text/html' },
      },
      {
        what: `move, ${name}`,
        needs: ['create', 'delete', 'read'],
        line: `POST /storage/v1/b/{bucket}/o/{source}/moveTo/o/{${name}}`,
      },
    ]
  }),
  {
    what: 'compose and delete',
    needs: ['create', 'read', 'delete'],
    line: 'POST /storage/v1/b/{bucket}/o/{free}/compose',
    body: { sourceObjects: [{ name: '{source}' }], deleteSourceObjects: true },
  },
  ...[
    'GET /storage/v1/b/{bucket}/o/{taken}',
    'HEAD /storage/v1/b/{bucket}/o/{taken}',
    'GET /storage/v1/b/{bucket}/o/{taken}?alt=media',
    'GET /download/storage/v1/b/{bucket}/o/{taken}?alt=media',
    'GET /storage/v1/b/{bucket}/o/{taken}/acl',
    'GET /{bucket}/{taken}',
    'HEAD /{bucket}/{taken}',
  ].map((line): Operation => ({ what: line, needs: ['read'], line })),
  ...[
    'GET /storage/v1/b/{bucket}',
    'HEAD /storage/v1/b/{bucket}',
    'GET /storage/v1/b',
    'GET /b',
    'GET /storage/v1/b/{bucket}/o',
    'GET /storage/v1/b/{bucket}/o?matchGlob=**',
    'GET /storage/v1/b/{bucket}/o?softDeleted=true',
    'GET /storage/v1/b/{bucket}/storageLayout',
    'GET /storage/v1/b/{bucket}/iam',
    'GET /storage/v1/b/{bucket}/acl',
    'GET /{bucket}',
    'GET /{bucket}?list-type=2',
    'HEAD /{bucket}',
  ].map((line): Operation => ({ what: line, needs: ['list'], line })),
  ...['DELETE /storage/v1/b/{bucket}/o/{taken}', 'DELETE /{bucket}/{taken}'].map(
    (line): Operation => ({ what: line, needs: ['delete'], line }),
  ),
  ...['PATCH', 'PUT'].map(
    (method): Operation => ({
      what: `${method} metadata`,
      needs: ['create', 'delete', 'read'],
      line: `${method} /storage/v1/b/{bucket}/o/{taken}`,
      body: { contentType: 'text/html' },
    }),
  ),
  { what: 'make a bucket', needs: ['admin'], line: 'POST /storage/v1/b', body: { name: '{new}' } },
  { what: 'change it', needs: ['admin'], line: 'PATCH /storage/v1/b/{bucket}', body: {} },
  { what: 'replace it', needs: ['admin'], line: 'PUT /storage/v1/b/{bucket}', body: {} },
  { what: 'delete it', needs: ['admin'], line: 'DELETE /storage/v1/b/{empty}' },
  { what: 'delete it by XML', needs: ['admin'], line: 'DELETE /{empty}' },
  { what: 'plan faults', needs: ['admin'], line: 'GET /retry_tests' },
  { what: 'ask about a project', needs: [], line: 'GET /storage/v1/projects/p/serviceAccount' },
]

const SETS: readonly (readonly Scope[])[] = Array.from({ length: 2 ** SCOPES.length }, (_, bits) =>
  SCOPES.filter((_scope, index) => (bits >> index) & 1),
).filter(set => set.length > 0)

function perform(
  server: TestServer,
  { line, body, headers }: Operation,
  names: Readonly<Record<string, string>>,
  as: Headers,
): Promise<Response> {
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (all, name) => names[name] ?? all)
  const text = typeof body === 'object' ? JSON.stringify(body) : body
  return server.ask(fill(line), { ...headers, ...as }, text && fill(text))
}

test('every operation under every set of scopes', async t => {
  const nameOf = (set: readonly Scope[]) => set.join('-')
  const keys = Object.fromEntries(SETS.map(scopes => [nameOf(scopes), { scopes }]))
  const { server, as } = await startGuarded(t, { root: ALL, ...keys } as Record<string, Rights>, {
    durability: 'none',
    faults: true,
  })
  const root = as['root'] ?? {}
  const put = (name: string) =>
    server.ask(`POST /upload/storage/v1/b/bkt/o?uploadType=media&name=${name}`, root, name)
  let count = 0
  for (const operation of OPERATIONS) {
    for (const set of SETS) {
      count += 1
      const names = {
        bucket: 'bkt',
        new: `new-${count}`,
        empty: `empty-${count}`,
        taken: `taken-${count}`,
        source: `source-${count}`,
        free: `free-${count}`,
      }
      if (/\{taken\}/.test(operation.line)) await put(names.taken)
      if (/\{source\}/.test(JSON.stringify(operation))) await put(names.source)
      if (/\{empty\}/.test(operation.line)) {
        await server.ask('POST /storage/v1/b', root, JSON.stringify({ name: names.empty }))
      }
      const { status, text } = await perform(server, operation, names, as[nameOf(set)] ?? {})
      const isAllowed = operation.needs.every(scope => set.includes(scope))
      const title = `${operation.what} with ${set.join(', ')}`
      if (isAllowed) t.ok(status >= 200 && status < 300, `${title}: ${status} ${text}`)
      else t.equal(status, 403, `${title}: ${text}`)
    }
  }
  t.ok(count > 1000)
})

test('a refusal says what is missing, in the form of its door', async t => {
  const { server, as } = await startGuarded(t, { ci: { scopes: ['list'] } })
  const { error } = (await server.ask('GET /storage/v1/b/bkt/o/x', as.ci)).json()
  const message =
    'ci does not have storage.objects.get access to the Google Cloud Storage resource.'
  t.match(error, { code: 403, message, errors: [{ reason: 'forbidden', domain: 'global' }] })
  const xml = await server.ask('DELETE /bkt/x', as.ci)
  t.equal(xml.status, 403)
  t.match(xml.text, '<Code>AccessDenied</Code>')
  t.match(xml.text, 'ci does not have storage.objects.delete access.')
  const { status, headers } = await server.ask('GET /storage/v1/b/bkt/o/x', as.ci)
  t.equal(status, 403)
  t.notOk('www-authenticate' in headers, 'another key is not asked for')
})

test('permissions are told as they are', async t => {
  const { server, as } = await startGuarded(t, {
    ci: { scopes: ['list', 'read', 'create'] },
    root: ALL,
  })
  const asked = ['objects.create', 'objects.delete', 'objects.update', 'objects.get', 'buckets.get']
    .map(name => `storage.${name}`)
    .concat('storage.buckets.enableObjectRetention')
  const query = asked.map(name => `permissions=${name}`).join('&')
  const test = async (as: Headers) =>
    (await server.ask(`GET /storage/v1/b/bkt/iam/testPermissions?${query}`, as)).json().permissions
  t.strictSame(
    await test(as.ci),
    ['objects.create', 'objects.get', 'buckets.get'].map(name => `storage.${name}`),
  )
  t.strictSame(await test(as.root), asked)
})

/** Outside of the limits: by bucket, and by prefix. */
const PLACES = [
  { where: 'another bucket', bucket: 'other', prefix: 'mine/' },
  { where: 'another prefix', bucket: 'shared', prefix: 'theirs/' },
  { where: 'above the prefix', bucket: 'shared', prefix: 'mine' },
]

test('outside of the limits nothing tells what is there from what is not', async t => {
  const { server, as } = await startGuarded(
    t,
    { root: ALL, tenant: { scopes: SCOPES, buckets: ['shared', 'absent'], prefix: 'mine/' } },
    { buckets: ['shared', 'other'], durability: 'none' },
  )
  for (const { bucket, prefix } of PLACES) {
    const name = encodeURIComponent(`${prefix}there`)
    await server.ask(
      `POST /upload/storage/v1/b/${bucket}/o?uploadType=media&name=${name}`,
      as.root,
      'x',
    )
  }
  const source = encodeURIComponent('mine/source')
  await server.ask(
    `POST /upload/storage/v1/b/shared/o?uploadType=media&name=${source}`,
    as.root,
    'x',
  )
  for (const { where, bucket, prefix } of PLACES) {
    for (const operation of OPERATIONS) {
      // A bucket that is partly theirs is there for them; they only may not delete it.
      const isPlaced = /\{(?:taken|free|source)\}/.test(JSON.stringify(operation))
      if (!isPlaced && (bucket === 'shared' || !operation.line.includes('{empty}'))) continue
      const outcome = async (last: string) => {
        const outside = encodeURIComponent(`${prefix}${last}`)
        const names = { bucket, taken: outside, free: outside, source: outside, empty: bucket }
        const { status, headers, text } = await perform(server, operation, names, as.tenant)
        const { date: _date, 'content-length': _length, ...others } = headers
        return { status, others, text: text.replaceAll(last, '…') }
      }
      const title = `${where}: ${operation.what}`
      const there = await outcome('there')
      t.strictSame(there, await outcome('never'), title)
      t.equal(there.status, 404, title)
    }
  }
})
