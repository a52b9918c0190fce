import { test } from 'tap'
import { Access } from '../../src/engine/access.ts'
import { GOOGLE } from '../../src/engine/door-rules.ts'
import type { OpenObject } from '../../src/engine/engine.ts'
import { NOBODY } from '../../src/engine/principal.ts'
import { bodyOf } from '../support/body.ts'
import { intentOf, openEngine } from '../support/engine.ts'
import { refusal } from '../support/refusal.ts'

const A = { bucket: 'bkt', name: 'mine/ä' }

async function contentOf(opened: OpenObject | undefined): Promise<string | undefined> {
  if (opened === undefined) return undefined
  const pieces: Buffer[] = []
  for await (const bytes of opened.read(0, opened.object.size)) pieces.push(bytes)
  return Buffer.concat(pieces).toString()
}

test('a grant reads one object, for whoever has it, for its time', async t => {
  const { engine, clock, reopen } = await openEngine(t)
  await engine.put(GOOGLE, intentOf(A.name), bodyOf(Buffer.from('one')))
  await engine.put(GOOGLE, intentOf('theirs'), bodyOf(Buffer.from('secret')))
  const scopes = new Set(['read', 'create'] as const)
  const reader = { name: 'reader', scopes, buckets: undefined, prefix: 'mine/' }
  const { objects } = new Access(engine, reader)
  const nobody = new Access(engine, NOBODY).objects
  const token = await objects.grant(A, 1000)
  t.match(token, /^[\w.-]+$/)
  t.equal(await contentOf(await nobody.openGranted(token)), 'one')
  await engine.put(GOOGLE, intentOf(A.name), bodyOf(Buffer.from('two')))
  t.equal(await contentOf(await nobody.openGranted(token)), 'two', 'what is there by then')

  await t.rejects(objects.grant({ ...A, name: 'theirs' }, 1000), refusal('object_not_found'))
  await t.rejects(objects.grant({ ...A, name: 'mine/none' }, 1000), refusal('object_not_found'))
  await t.rejects(nobody.grant(A, 1000), refusal('bucket_not_found'))
  const adder = new Access(engine, { ...reader, scopes: new Set(['create'] as const) })
  await t.rejects(adder.objects.grant(A, 1000), refusal('access_denied', { scope: 'read' }))

  const [claim = '', mac = ''] = token.split('.')
  const forged = Buffer.from(JSON.stringify([clock.now + 9e9, 'bkt', 'theirs'])).toString(
    'base64url',
  )
  for (const other of [
    '',
    '.',
    claim,
    `${claim}.`,
    `.${mac}`,
    `${forged}.${mac}`,
    `${forged}.`,
    `${claim}.${mac.slice(0, -2)}`,
    `${claim}.${mac}AAAA`,
    `${claim}A.${mac}`,
    `${token}.`,
    `${token}.${forged}`,
  ]) {
    t.equal(await nobody.openGranted(other), undefined, other)
  }

  const next = await reopen()
  const later = new Access(next.engine, NOBODY).objects
  t.equal(await contentOf(await later.openGranted(token)), 'two', 'over a restart')
  await next.engine.objects.delete(A, {})
  await t.rejects(later.openGranted(token), refusal('object_not_found'))
  clock.now += 1000
  t.equal(await later.openGranted(token), undefined)
})
