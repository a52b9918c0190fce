/**
 * The tenant of google/hostile-tenant.test.ts at the other doors: a key that is limited to a prefix tries to read, overwrite,
 * delete or notice what lies beside it. What is there and what is not must have the same answer.
 */

import { hash } from 'node:crypto'
import { type Test, test } from 'tap'
import { SCOPES } from '../../src/engine/principal.ts'
import { ALL, startGuarded } from '../support/keys.ts'

const THEIRS = 'theirs/there'
const ABSENT = 'theirs/never'
const SECRET = 'the neighbour wrote this'

type Question = readonly [line: string, body?: object | string | undefined]

async function setUp(t: Test) {
  const { server, as } = await startGuarded(
    t,
    { root: ALL, tenant: { scopes: SCOPES, buckets: ['uploads', 'bkt'], prefix: 'mine/' } },
    { buckets: ['uploads', 'bkt'], durability: 'none' },
  )
  for (const bucket of ['uploads', 'bkt']) {
    for (const name of [THEIRS, 'mine/own']) {
      const path = `/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`
      const body = name === THEIRS ? SECRET : 'own'
      t.equal((await server.ask(`POST ${path}`, as.root, body)).status, 200)
    }
  }
  const tenant = ([line, body]: Question) =>
    server.ask(line, as.tenant, typeof body === 'object' ? JSON.stringify(body) : body)
  /** The same about both names, and no more than that something is not there. */
  const compare = async (make: (name: string) => Question) => {
    const [there, absent] = [await tenant(make(THEIRS)), await tenant(make(ABSENT))]
    const said = ({ status, text }: typeof there) => [status, text.replace(/there|never/g, '…')]
    t.strictSame(said(there), said(absent), make(THEIRS).join(' '))
    t.ok(there.status >= 400, `${make(THEIRS)[0]}: ${there.status}`)
    t.notMatch(there.text, SECRET)
  }
  const isUntouched = async () => {
    for (const bucket of ['uploads', 'bkt']) {
      const path = `GET /storage/v1/b/${bucket}/o/${encodeURIComponent(THEIRS)}?alt=media`
      t.equal((await server.ask(path, as.root)).text, SECRET)
    }
  }
  return { server, as, tenant, compare, isUntouched }
}

test('UCloud', async t => {
  const { tenant, compare, isUntouched } = await setUp(t)
  const own = await tenant(['GET /api/files/retrieve?id=/1/mine/own'])
  t.equal(own.status, 200, 'the drive is there for them')
  const spellings = [
    (name: string) => `/1/${name}`,
    (name: string) => `/1//${name}`,
    (name: string) => `/1/./mine/../${name}`,
    (name: string) => `/1/mine/own/../../${name}`,
    (name: string) => `/1/mine/../../1/${name}`,
    (name: string) => `1/${name}/`,
    (name: string) => `/2/${name}`,
  ]
  for (const spell of spellings) {
    await compare(name => [`GET /api/files/retrieve?id=${encodeURIComponent(spell(name))}`])
    await compare(name => ['POST /api/files/download', { items: [{ id: spell(name) }] }])
    await compare(name => [
      'POST /api/files/download',
      { items: [{ id: '/1/mine/own' }, { id: spell(name) }] },
    ])
    for (const conflictPolicy of ['REPLACE', 'REJECT', 'RENAME', 'MERGE_RENAME', undefined]) {
      const item = (name: string) => ({
        id: spell(name),
        supportedProtocols: ['CHUNKED'],
        ...(conflictPolicy && { conflictPolicy }),
      })
      await compare(name => ['POST /api/files/upload', { items: [item(name)] }])
      await compare(name => ['POST /ucloud/ucloud/files/upload', { items: [item(name)] }])
    }
  }
  const { responses } = (
    await tenant(['POST /api/files/download', { items: [{ id: '/1/mine/own' }] }])
  ).json()
  const token = new URL(responses[0].endpoint).searchParams.get('token') ?? ''
  const [claim = '', mac = ''] = token.split('.')
  const decoded = Buffer.from(claim, 'base64url').toString()
  t.match(decoded, 'mine/own')
  const forged = Buffer.from(decoded.replace('mine/own', THEIRS)).toString('base64url')
  for (const other of [`${forged}.${mac}`, `${forged}.`, forged, `${token}.${forged}`, `.${mac}`]) {
    const { status } = await tenant([`GET /ucloud/ucloud/download?token=${other}`])
    t.equal(status, 404, other)
  }
  await isUntouched()
})

test('OpenDXL', async t => {
  const { server, as, tenant, compare, isUntouched } = await setUp(t)
  t.equal((await tenant(['GET /dxl/files/mine/own'])).status, 200)
  const store = '/dxl/opendxl-file-transfer/service/file-transfer/file/store'
  const last = (name: string) =>
    new URLSearchParams({
      segment_number: '1',
      result: 'store',
      name,
      size: '4',
      hash_sha256: hash('sha256', 'evil'),
    })
  for (const spell of [
    (name: string) => name,
    (name: string) => `./${name}`,
    (name: string) => `mine/../${name}`,
    (name: string) => `mine/own/../../${name}`,
    (name: string) => `${name}/below`,
  ]) {
    for (const method of ['GET', 'HEAD']) {
      await compare(name => [`${method} /dxl/files/${encodeURIComponent(spell(name))}`])
      await compare(name => [`${method} /dxl/files/${spell(name)}`])
    }
    await compare(name => [`POST ${store}?${last(spell(name))}`, 'evil'])
  }
  // Where others stored files below a name there is a directory; that is theirs to know.
  const told = async (name: string) => {
    const { status, text } = await tenant([`POST ${store}?${last(name)}`, 'evil'])
    return [status, text.replace(name, '…')]
  }
  t.strictSame(await told('theirs'), await told('nobody'))
  t.equal((await told('mine/own/x'))[0], 200, 'at home it is as ever')

  const began = await server.ask(`POST ${store}?segment_number=1&file_id=known`, as.root, 'abc')
  t.equal(began.json().segments_received, 1)
  t.equal((await tenant(['GET /dxl/uploads/known'])).status, 404)
  t.equal((await tenant(['DELETE /dxl/uploads/known'])).json().segments_received, 0)
  t.equal((await tenant([`POST ${store}?segment_number=2&file_id=known`, 'x'])).status, 409)
  const standing = await server.ask('GET /dxl/uploads/known', as.root)
  t.equal(standing.json().segments_received, 1, 'it goes on')
  await isUntouched()
})
