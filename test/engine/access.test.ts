/** The engine as a principal may use it, where the doors' own tests do not reach. */

import { type Test, test } from 'tap'
import { Access } from '../../src/engine/access.ts'
import { DXL, GOOGLE, GWS } from '../../src/engine/door-rules.ts'
import { EVERYONE, isOperator, NOBODY, type Principal, SCOPES } from '../../src/engine/principal.ts'
import { bodyOf } from '../support/body.ts'
import { intentOf, openEngine } from '../support/engine.ts'
import { refusal } from '../support/refusal.ts'

const BYTES = Buffer.from('content')

function principal(name: string, more: Partial<Principal> = {}): Principal {
  return { name, scopes: new Set(SCOPES), buckets: undefined, prefix: '', ...more }
}

async function open(t: Test) {
  const { engine } = await openEngine(t)
  const as = (name: string, more: Partial<Principal> = {}) =>
    new Access(engine, principal(name, more))
  return { engine, as }
}

test('nobody may do nothing but go on with a session', async t => {
  const { engine } = await open(t)
  const nobody = new Access(engine, NOBODY)
  const everyone = new Access(engine, EVERYONE)
  const { token } = await everyone.create(GOOGLE, intentOf('a'))
  const chunk = { body: bodyOf(BYTES), offset: 0, last: true }
  t.match(await nobody.status(GOOGLE, token), { state: 'open', persisted: 0 })
  t.match(await nobody.append(GOOGLE, token, chunk), { state: 'done' })
  const a = { bucket: 'bkt', name: 'a' }
  const to = { bucket: 'bkt', name: 'b', preconditions: {} }
  const from = { ...a, preconditions: {} }
  const absent = refusal('bucket_not_found')
  for (const attempt of [
    () => nobody.create(GOOGLE, intentOf('b')),
    () => nobody.create(GWS, intentOf('b', { name: undefined } as never)),
    () => nobody.put(GOOGLE, intentOf('b'), bodyOf(BYTES)),
    () => nobody.admit('bkt'),
    () => nobody.objects.find(a),
    () => nobody.objects.open(a),
    () => nobody.objects.list({ bucket: 'bkt', prefix: '', includesTrailing: false, limit: 1 }),
    () => nobody.objects.delete(a, {}),
    () => nobody.objects.update(a, {}, metadata => metadata),
    () => nobody.objects.compose([from], to, {}),
    () => nobody.objects.copy(from, to, undefined),
    () => nobody.objects.move(from, to),
    () => nobody.buckets.find('bkt'),
    () => nobody.buckets.update('bkt', {}, settings => settings),
    () => nobody.buckets.delete('bkt', {}),
  ]) {
    await t.rejects(async () => void (await attempt()), absent, String(attempt))
  }
  const denied = refusal('access_denied')
  await t.rejects(nobody.buckets.create('second'), denied)
  await t.rejects(nobody.buckets.list({ prefix: '', limit: 9 }), denied)
  t.match(await everyone.objects.find(a), { size: BYTES.length })
})

test('a name that comes last is confined to the limits of who began, whoever says it', async t => {
  const { engine, as } = await open(t)
  const nameless = () => {
    const { name: _name, ...intent } = intentOf('')
    return intent
  }
  const nobody = new Access(engine, NOBODY)
  const tenant = as('tenant', { prefix: 'mine/', buckets: new Set(['bkt']) })
  const total = BYTES.length
  const begin = async () => {
    const { token } = await tenant.create(GWS, nameless())
    await nobody.append(GWS, token, { body: bodyOf(BYTES), offset: 0, last: false })
    return token
  }
  const token = await begin()
  for (const name of ['theirs/a', 'mine', 'a', 'Mine/a']) {
    await t.rejects(nobody.finalize(GWS, token, { total, name }), refusal('bucket_not_found'), name)
    await t.rejects(engine.objects.find({ bucket: 'bkt', name }), refusal('object_not_found'))
  }
  t.match(await nobody.finalize(GWS, token, { total, name: 'mine/a' }), { state: 'done' })

  const adder = as('adder', { scopes: new Set(['create']) })
  const { token: second } = await adder.create(GWS, nameless())
  await nobody.append(GWS, second, { body: bodyOf(BYTES), offset: 0, last: false })
  const overwriting = nobody.finalize(GWS, second, { total, name: 'mine/a' })
  await t.rejects(overwriting, refusal('precondition_failed'))
  t.match(await nobody.finalize(GWS, second, { total, name: 'b' }), { state: 'done' })
  await t.rejects(
    tenant.create(GWS, { ...nameless(), bucket: 'other' }),
    refusal('bucket_not_found'),
  )
})

test('an id that a client chose is its own', async t => {
  const { engine, as } = await open(t)
  const [one, two] = [as('one'), as('two')]
  await one.create(DXL, intentOf('a'), 'id')
  await two.create(DXL, intentOf('b'), 'id')
  t.match(await one.status(DXL, 'id'), { session: { intent: { name: 'a' } } })
  t.match(await two.status(DXL, 'id'), { session: { intent: { name: 'b' } } })
  const unknown = refusal('session_not_found')
  for (const other of [as('three'), new Access(engine, NOBODY), new Access(engine, EVERYONE)]) {
    await t.rejects(other.status(DXL, 'id'), unknown)
    await t.rejects(other.cancel(DXL, 'id'), unknown)
  }
  for (const other of [as('three'), as('two'), as('on'), new Access(engine, NOBODY)]) {
    await t.rejects(other.status(DXL, 'one\nid'), unknown, 'nor by writing it out')
  }
  await two.cancel(DXL, 'id')
  t.match(await one.status(DXL, 'id'), { state: 'open' })
})

test('who may not delete cannot overwrite by being late', async t => {
  const { engine, as } = await open(t)
  const adder = as('adder', { scopes: new Set(['create', 'read']) })
  const { token } = await adder.create(GOOGLE, intentOf('a'))
  await engine.put(GOOGLE, intentOf('a'), bodyOf(BYTES))
  const chunk = { body: bodyOf(Buffer.from('other')), offset: 0, last: true }
  await t.rejects(adder.append(GOOGLE, token, chunk), refusal('precondition_failed'))
  t.match(await engine.objects.find({ bucket: 'bkt', name: 'a' }), { size: BYTES.length })
  const { generation } = await engine.objects.find({ bucket: 'bkt', name: 'a' })
  for (const preconditions of [{}, { generationMatch: generation }, { generationNotMatch: 0 }]) {
    const again = adder.create(GOOGLE, intentOf('a', { preconditions }))
    await t.rejects(again, refusal('access_denied', { scope: 'delete' }))
  }
  const ifAbsent = adder.create(GOOGLE, intentOf('a', { preconditions: { generationMatch: 0 } }))
  await t.rejects(ifAbsent, refusal('precondition_failed'), 'who asked for it is told')
  // One that only could come to overwrite is refused, too.
  const later = adder.create(GOOGLE, intentOf('b', { preconditions: { generationMatch: 1 } }))
  await t.rejects(later, refusal('access_denied', { scope: 'delete' }))
})

test('a list rolls up as if there were only what is within', async t => {
  const { engine, as } = await open(t)
  for (const name of ['a', 'mine', 'mine/a', 'mine/b/c', 'mine/b/d', 'mineral', 'z/z']) {
    await engine.put(GOOGLE, intentOf(name), bodyOf(BYTES))
  }
  const tenant = as('tenant', { prefix: 'mine/' })
  const list = async (prefix: string, more = {}) => {
    const query = { bucket: 'bkt', prefix, includesTrailing: false, limit: 100, ...more }
    const { objects, prefixes, next } = await tenant.objects.list(query)
    return [objects.map(({ name }) => name), prefixes, next]
  }
  const all = ['mine/a', 'mine/b/c', 'mine/b/d']
  for (const prefix of ['', 'm', 'mine', 'mine/']) {
    t.strictSame(await list(prefix), [all, [], undefined], prefix)
  }
  t.strictSame(await list('mine/b'), [all.slice(1), [], undefined])
  for (const prefix of ['a', 'mineral', 'minf', 'z/', 'mine0']) {
    t.strictSame(await list(prefix), [[], [], undefined], prefix)
  }
  t.strictSame(await list('', { delimiter: '/' }), [[], ['mine/'], undefined])
  t.strictSame(await list('mine/', { delimiter: '/' }), [['mine/a'], ['mine/b/'], undefined])
  t.strictSame(await list('', { delimiter: 'i' }), [[], ['mi'], undefined])
  t.strictSame(await list('', { limit: 1 }), [['mine/a'], [], { after: 'mine/a' }])
  t.strictSame(await list('', { limit: 3 }), [all, [], undefined], 'nor does the end tell of more')
  for (const cursor of [{ after: '' }, { after: 'a' }, { beyond: 'a' }, { after: 'mine' }]) {
    t.strictSame(await list('', { cursor }), [all, [], undefined])
  }
  for (const bounds of [{ from: 'a' }, { from: '', before: 'zz' }]) {
    t.strictSame(await list('', bounds), [all, [], undefined])
  }
  t.strictSame(await list('', { cursor: { after: 'mine/z' } }), [[], [], undefined])
})

test('buckets: those within the limits, page by page, at the price of those alone', async t => {
  const { engine, as } = await open(t)
  for (const name of ['alpha', 'beta', 'gamma', 'omega']) await engine.buckets.create(name)
  const tenant = as('tenant', { buckets: new Set(['gamma', 'alpha', 'absent']) })
  const list = async (query = {}) =>
    (await tenant.buckets.list({ prefix: '', limit: 10, ...query })).map(({ name }) => name)
  t.strictSame(await list(), ['alpha', 'gamma'])
  t.strictSame(await list({ limit: 1 }), ['alpha'])
  t.strictSame(await list({ after: 'alpha' }), ['gamma'])
  t.strictSame(await list({ prefix: 'g' }), ['gamma'])
  t.strictSame(await list({ prefix: 'b' }), [])

  const denied = refusal('access_denied', { scope: 'admin' })
  for (const name of ['beta', 'unheard-of']) {
    await t.rejects(tenant.buckets.create(name), denied, 'taken or not')
    await t.rejects(tenant.buckets.delete(name, {}), refusal('bucket_not_found'))
    await t.rejects(
      tenant.buckets.update(name, {}, s => s),
      refusal('bucket_not_found'),
    )
  }
  t.match(await tenant.buckets.create('absent'), { name: 'absent' })
  await tenant.buckets.delete('absent', {})
  const below = as('below', { buckets: new Set(['alpha']), prefix: 'x/' })
  await t.rejects(below.buckets.delete('alpha', {}), denied)
  await t.rejects(
    below.buckets.update('alpha', {}, s => s),
    denied,
  )
  await t.rejects(below.buckets.create('alpha'), denied)
})

test('operators are admins of everything, or of nothing else', t => {
  const admin = new Set(['admin'] as const)
  t.ok(isOperator(principal('a')))
  t.ok(isOperator(principal('a', { scopes: admin, buckets: new Set() })))
  t.notOk(isOperator(principal('a', { buckets: new Set(['bkt']) })))
  t.notOk(isOperator(principal('a', { prefix: 'x/' })))
  t.notOk(isOperator(principal('a', { prefix: 'x/', buckets: new Set() })))
  t.notOk(isOperator(principal('a', { scopes: new Set(['read', 'list', 'create', 'delete']) })))
  t.notOk(isOperator(NOBODY))
  t.end()
})
