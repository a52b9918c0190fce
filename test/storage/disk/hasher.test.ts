import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import type { Digest, Extent } from '../../../src/engine/ports.ts'
import { HASHER_LIMITS, Hasher, type HasherLimits } from '../../../src/storage/disk/hasher.ts'
import { HasherThread } from '../../../src/storage/disk/hasher-thread.ts'
import type { Stretch } from '../../../src/storage/disk/hasher-worker.ts'
import { extentOf, someBytes } from '../../support/append-request.ts'
import { QUIET } from '../../support/open-disk.ts'
import { refusal } from '../../support/refusal.ts'

const MIB = 1024 * 1024

function openHasher(t: Test, limits: Partial<HasherLimits> = {}) {
  const directory = t.testdir()
  const pathOf = (blob: string) => join(directory, blob)
  const hasher = new Hasher(pathOf, QUIET, { ...HASHER_LIMITS, ...limits })
  t.teardown(() => hasher.close())
  const put = (blob: string, bytes: Buffer): Extent[] => {
    writeFileSync(pathOf(blob), bytes)
    return [extentOf(blob, bytes)]
  }
  return { hasher, put, remove: (blob: string) => rmSync(pathOf(blob)) }
}

function md5Of(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('base64')
}

test('what was followed is not read again', async t => {
  const { hasher, put, remove } = openHasher(t, { lagBytes: 0 })
  const bytes = someBytes(20 * MIB)
  const content = put('a', bytes)
  await hasher.follow('run', [], ['md5'])
  await hasher.follow('run', content, ['md5'])
  remove('a')
  t.equal((await hasher.finish('run', content, ['md5'])).md5, md5Of(bytes))
  await t.rejects(hasher.finish('run', content, ['md5']), refusal('blob_short'))
})

test('a writer waits only while the hasher lags too far behind', async t => {
  const { hasher, put, remove } = openHasher(t, { lagBytes: 1_000 })
  const bytes = someBytes(2_000)
  const content = put('a', bytes)
  remove('a')
  await hasher.follow('near', [], ['md5'])
  await hasher.follow('near', [extentOf('a', bytes.subarray(0, 1_000))], ['md5'])
  await hasher.follow('far', [], ['md5'])
  await t.rejects(hasher.follow('far', content, ['md5']), refusal('blob_short'))
})

test('a run that begins late holds nobody up for what it begins with, and then keeps up', async t => {
  const { hasher, put } = openHasher(t, { lagBytes: 0 })
  const old = put('a', someBytes(200 * MIB))
  await hasher.follow('run', old, ['md5'])
  const behind = hasher.lagBytes
  t.ok(behind > 0, 'nothing was waited for')
  const more = [...old, ...put('b', someBytes(10 * MIB, 1))]
  await hasher.follow('run', more, ['md5'])
  t.ok(hasher.lagBytes <= behind, 'it is no further behind than before')
  const bytes = Buffer.concat([someBytes(200 * MIB), someBytes(10 * MIB, 1)])
  t.equal((await hasher.finish('run', more, ['md5'])).md5, md5Of(bytes))
})

test('runs beyond the limit are forgotten, the longest unused first', async t => {
  const { hasher, put, remove } = openHasher(t, { lagBytes: 0, runs: 2 })
  const contents = ['a', 'b', 'c'].map((blob, index) => put(blob, someBytes(100, index)))
  const [a = [], b = [], c = []] = contents
  const follow = async (run: string, content: readonly Extent[]) => {
    await hasher.follow(run, [], ['md5'])
    await hasher.follow(run, content, ['md5'])
  }
  await follow('a', a)
  await follow('b', b)
  await follow('a', a)
  await follow('c', c)
  for (const blob of ['a', 'b', 'c']) remove(blob)
  t.equal((await hasher.finish('a', a, ['md5'])).md5, md5Of(someBytes(100)))
  t.equal((await hasher.finish('c', c, ['md5'])).md5, md5Of(someBytes(100, 2)))
  await t.rejects(hasher.finish('b', b, ['md5']), refusal('blob_short'))
})

test('who waits for a run that is forgotten waits no longer', async t => {
  const { hasher, put } = openHasher(t, { lagBytes: 0 })
  const bytes = someBytes(64 * MIB)
  const content = put('a', bytes)
  await hasher.follow('run', [], ['md5'])
  const following = hasher.follow('run', content, ['md5'])
  hasher.forget('run')
  await following
})

test('runs take turns, and one that grows while it is hashed is hashed on', async t => {
  const { hasher, put } = openHasher(t, { threads: 1, lagBytes: 0 })
  const bytes = someBytes(40 * MIB)
  const content = put('big', bytes)
  const small = put('small', someBytes(10))
  await hasher.follow('big', [], ['md5'])
  const half = hasher.follow('big', [extentOf('big', bytes.subarray(0, 20 * MIB))], ['md5'])
  const whole = hasher.finish('big', content, ['md5'])
  t.equal((await hasher.finish('small', small, ['md5'])).md5, md5Of(someBytes(10)))
  await half
  t.equal((await whole).md5, md5Of(bytes))
})

test('a thread that crashes loses its runs, and the next call has a new one', async t => {
  const thread = new HasherThread()
  t.teardown(() => thread.close())
  const outcome = (run: number) => {
    const { promise, resolve, reject } = Promise.withResolvers<Digest>()
    thread.listen(run, { lagBytes: 0, onHashed() {}, onDigest: resolve, onError: reject })
    thread.send({ do: 'begin', run, algorithms: ['md5'] })
    thread.wait(1)
    return promise.finally(() => thread.wait(-1))
  }
  const lost = outcome(1)
  thread.send({ do: 'hash', run: 1, stretches: undefined as unknown as Stretch[] })
  await t.rejects(lost, refusal('storage_failed'))
  t.equal(thread.runs, 0)
  const next = outcome(2)
  thread.send({ do: 'finish', run: 2 })
  t.strictSame(await next, { md5: md5Of(Buffer.alloc(0)) })
})

test('closing ends those who wait', async t => {
  const { hasher, put } = openHasher(t)
  const finishing = hasher.finish('run', put('a', someBytes(64 * MIB)), ['md5'])
  finishing.catch(() => {})
  await hasher.close()
  await t.rejects(finishing, refusal('storage_failed'))
})

test('a hasher at work holds the process, an idle one does not', async t => {
  const directory = t.testdir({ a: 'hello' })
  const source = new URL('../../../src/storage/disk/hasher.ts', import.meta.url)
  const script = `
    import { Hasher } from ${JSON.stringify(source.href)}
    const hasher = new Hasher(blob => ${JSON.stringify(directory)} + '/' + blob, console)
    console.log((await hasher.finish('run', [{ blob: 'a', start: 0, length: 5, crc32c: 0 }], ['md5'])).md5)
  `
  const args = ['--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  t.equal(stdout.trim(), md5Of(Buffer.from('hello')))
})
