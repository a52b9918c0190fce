/** With keys (TIDEMARK_AUTH=keys): what a principal may do here, and that ids which clients choose are each one's own. */

import { test } from 'tap'
import { DXL_CONFIG, storeFields, TOPIC } from '../../support/dxl.ts'
import { ALL, startGuarded } from '../../support/keys.ts'

const SETTINGS = { dxl: DXL_CONFIG }

function target(fields: Record<string, string>): string {
  return `POST /dxl${TOPIC}?${new URLSearchParams(fields)}`
}

test('without a key there is an answer of this door', async t => {
  const { server } = await startGuarded(t, { one: ALL }, SETTINGS)
  for (const headers of [{}, { Authorization: 'Bearer nonsense' }]) {
    const refused = await server.ask(target({ segment_number: '1' }), headers, 'x')
    t.equal(refused.status, 401)
    t.match(refused.json(), { error_code: 0, error_message: /credentials/ })
    t.equal((await server.ask('GET /dxl/files/x', headers)).status, 401)
  }
})

test('P9: the same id of two principals is two uploads', async t => {
  const { server, as } = await startGuarded(t, { one: ALL, two: ALL }, SETTINGS)
  const first = target({ segment_number: '1', file_id: 'same' })
  t.equal((await server.ask(first, as.one, 'of one')).status, 200)
  t.equal((await server.ask('GET /dxl/uploads/same', as.two)).status, 404)
  t.equal((await server.ask(first, as.two, 'of two')).status, 200)
  const cancelled = (await server.ask('DELETE /dxl/uploads/same', as.two)).json()
  t.match(cancelled, { segments_received: 1 })
  t.match((await server.ask('GET /dxl/uploads/same', as.one)).json(), { bytes_received: 6 })
  const last = { segment_number: '2', file_id: 'same', ...storeFields('f', 'of one') }
  t.match((await server.ask(target(last), as.one)).json(), { result: 'store' })
})

test('a name that is said last is held against the rights of whoever says it', async t => {
  const rights = { scopes: ['create'], prefix: 'mine/' } as const
  const { server, as } = await startGuarded(t, { writer: rights, all: ALL }, SETTINGS)
  const begun = await server.ask(target({ segment_number: '1' }), as.writer, 'abc')
  const { file_id } = begun.json()
  const last = (name: string) => ({ segment_number: '2', file_id, ...storeFields(name, 'abc') })
  t.equal((await server.ask(target(last('yours/x')), as.writer)).status, 404)
  t.match((await server.ask(target(last('mine/x')), as.writer)).json(), { result: 'store' })
  // It may neither read nor replace it.
  t.equal((await server.ask('GET /dxl/files/mine/x', as.writer)).status, 403)
  const whole = { segment_number: '1', ...storeFields('mine/x', 'new') }
  const replacing = await server.ask(target(whole), as.writer, 'new')
  t.equal(replacing.status, 412)
  t.equal((await server.ask('GET /dxl/files/mine/x', as.all)).text, 'abc')
})
