/** Ten thousand segments of one upload: the last costs what the first did, and the end of it copies nothing. */

import { stat } from 'node:fs/promises'
import { crc32c } from '@node-rs/crc32'
import t, { type Test } from 'tap'
import { GWS } from '../../src/engine/door-rules.ts'
import { bodyOf } from '../support/body.ts'
import { blobFiles, contentOf, intentOf, openEngine, sourceBytes } from '../support/engine.ts'
import { FaultyCatalog } from '../support/faulty-catalog.ts'

const MANY = 10_000
const AT_ONCE = 200

t.setTimeout(110_000)

t.test('each costs the same, and all become one object in one step', async t => {
  const faults = new FaultyCatalog()
  const { engine, directory } = await openEngine(t, { wrapCatalog: faults.wrap })
  const bytesOf = (segment: number) =>
    sourceBytes(segment * 7, segment * 7 + 3 + (segment % 5), segment)
  const whole = Buffer.concat(Array.from({ length: MANY }, (_, segment) => bytesOf(segment)))
  const total = whole.length
  const intent = intentOf('o', { total, segmentCount: MANY })
  const { token } = await engine.create(GWS, intent)
  const send = (segment: number) =>
    engine.append(GWS, token, { segment, offset: 0, last: false, body: bodyOf(bytesOf(segment)) })
  const methods = [
    'find',
    'segment',
    'lease',
    'advance',
    'segments',
    'segmentNumbers',
    'leaseAll',
  ] as const
  const calls = () => Object.fromEntries(methods.map(method => [method, faults.calls(method)]))

  const costs: object[] = []
  for (let thousand = 0; thousand < MANY; thousand += 1000) {
    const before = calls()
    for (let from = thousand; from < thousand + 1000; from += AT_ONCE) {
      // From the last to the first.
      const numbers = Array.from({ length: AT_ONCE }, (_, index) => MANY - 1 - from - index)
      await Promise.all(numbers.map(number => send(number)))
    }
    const after = calls()
    costs.push(
      Object.fromEntries(methods.map(name => [name, (after[name] ?? 0) - (before[name] ?? 0)])),
    )
  }
  t.same(costs.at(-1), costs[0], 'the last thousand cost what the first did')
  t.match(costs[0], { advance: 1000, segments: 0, segmentNumbers: 0, leaseAll: 0 })

  const before = await filesOf(t, directory)
  t.equal(before.size, MANY)
  t.match(await engine.finalize(GWS, token, { total }), {
    state: 'done',
    object: { size: whole.length, crc32c: crc32c(whole) },
  })
  t.equal(faults.calls('publish'), 1)
  t.same(await filesOf(t, directory), before, 'not a byte was copied, moved or written')
  t.ok((await contentOf(engine, 'o')).equals(whole))
})

/** What would change if a blob were written, copied or replaced. */
async function filesOf(t: Test, directory: string): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const path of (await blobFiles(directory)).sort()) {
    const { ino, size, mtimeMs } = await stat(path)
    files.set(path, `${ino} ${size} ${mtimeMs}`)
  }
  t.ok(files.size > 0)
  return files
}
