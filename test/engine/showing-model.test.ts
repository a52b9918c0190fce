/**
 * Random uploads that overwrite and show themselves, against a model that is a few bytes in memory: whatever the order of
 * chunks, cuts, totals, copies, sweeps and restarts, what may be read is what the model holds, and so are its checksums.
 */

import { hash } from 'node:crypto'
import { crc32c } from '@node-rs/crc32'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { UCLOUD } from '../../src/engine/door-rules.ts'
import type { Chunk, Progress } from '../../src/engine/engine.ts'
import { UploadError } from '../../src/engine/failure.ts'
import { bodyOf } from '../support/body.ts'
import { contentOf, intentOf, openEngine, sourceBytes, type TestEngine } from '../support/engine.ts'

const MOST = 60

interface Step {
  readonly do: 'chunk' | 'restart' | 'copy' | 'sweep'
  /** 0 to 1 of what is there; 1 appends. */
  readonly at: number
  readonly length: number
  readonly cutAt: number | undefined
  readonly isAppended: boolean
  /** Bytes that the total is beyond what this chunk reaches. */
  readonly more: number | undefined
  readonly last: boolean
}

class Model {
  content = Buffer.alloc(0)
  total: number | undefined
  isDone = false
  /** What may be read under the name. */
  shown: Buffer | undefined = Buffer.alloc(0)

  /** The answer. `kept`: bytes of the body that came. */
  chunk(offset: number, body: Buffer, kept: number, whole: boolean, chunk: Partial<Chunk>): string {
    if (this.isDone) return 'done'
    const before = this.content.length
    const reach = Math.max(before, offset + body.length)
    const declared = chunk.total ?? (chunk.last === true ? reach : undefined)
    if (this.total !== undefined && declared !== undefined && declared !== this.total) {
      return 'total_mismatch'
    }
    const total = this.total ?? declared
    if (chunk.last === true && total !== reach) return 'total_mismatch'
    if (total !== undefined && reach > total) return 'past_total'
    const isCut = kept < body.length
    if (isCut && (whole || kept === 0)) return 'body_cut'
    this.total = total
    const written = body.subarray(0, kept)
    const tail = this.content.subarray(Math.min(before, offset + kept))
    this.content = Buffer.concat([this.content.subarray(0, offset), written, tail])
    this.isDone = !isCut && reach === total
    if (this.isDone || total === undefined || (before > 0 && this.shown !== undefined)) {
      this.shown = this.content
    } else {
      this.shown = undefined
    }
    if (isCut) return 'body_cut'
    return this.isDone ? 'done' : `open ${this.content.length}`
  }
}

async function answer(progress: Promise<Progress>): Promise<string> {
  try {
    const reached = await progress
    return reached.state === 'done' ? 'done' : `open ${reached.persisted}`
  } catch (error) {
    if (!(error instanceof UploadError)) throw error
    return error.failure.code
  }
}

function seldom<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
}

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.oneof(
    { weight: 6, arbitrary: fc.constant('chunk' as const) },
    { weight: 2, arbitrary: fc.constant('copy' as const) },
    { weight: 1, arbitrary: fc.constantFrom('restart' as const, 'sweep') },
  ),
  at: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
  length: fc.nat(MOST),
  cutAt: seldom(fc.nat(MOST)),
  isAppended: fc.boolean(),
  more: seldom(fc.integer({ min: -2, max: MOST })),
  last: fc.nat(5).map(n => n === 0),
})

async function follow(t: Test, first: TestEngine, name: string, plan: readonly Step[]) {
  let running = first
  const { token } = await running.engine.create(UCLOUD, intentOf(name))
  const model = new Model()
  const copies = new Map<string, Buffer>()
  for (const [n, one] of plan.entries()) {
    switch (one.do) {
      case 'restart':
        running = await running.reopen()
        break
      case 'sweep':
        await running.engine.sweep()
        break
      case 'copy': {
        if (model.shown === undefined) break
        const source = { bucket: 'bkt', name, preconditions: {} }
        const copy = { bucket: 'bkt', name: `${name}-copy-${n}`, preconditions: {} }
        await running.engine.objects.copy(source, copy, undefined)
        copies.set(copy.name, model.shown)
        break
      }
      case 'chunk': {
        const position = Math.floor(one.at * model.content.length)
        const offset = one.isAppended ? model.content.length : position
        const bytes = sourceBytes(offset, offset + one.length, n)
        const isCut = one.cutAt !== undefined && one.cutAt < one.length
        const reach = Math.max(model.content.length, offset + one.length)
        const chunk = {
          ...(one.more !== undefined && { total: Math.max(0, reach + one.more) }),
          last: one.last,
        }
        const kept = isCut ? (one.cutAt ?? 0) : one.length
        const expected = model.chunk(offset, bytes, kept, one.isAppended, chunk)
        const got = await answer(
          running.engine.append(UCLOUD, token, {
            body: isCut ? bodyOf(bytes, { cutAt: kept }) : bodyOf(bytes),
            offset: one.isAppended ? 'end' : offset,
            whole: one.isAppended,
            ...chunk,
          }),
        )
        if (got !== expected) throw new Error(`${n} ${JSON.stringify(one)}: ${got}, ${expected}`)
      }
    }
    await demand(running, name, model.shown, model.isDone)
  }
  for (const [copy, content] of copies) await demand(running, copy, content, false)
  await running.engine.sweep()
  await demand(running, name, model.shown, model.isDone)
  t.pass()
  return running
}

/** Throws where what may be read is anything else. */
async function demand(
  { engine }: TestEngine,
  name: string,
  content: Buffer | undefined,
  isDone: boolean,
): Promise<void> {
  const found = await engine.objects.find({ bucket: 'bkt', name }).catch((error: unknown) => {
    if (error instanceof UploadError && error.failure.code === 'object_not_found') return undefined
    throw error
  })
  if (found === undefined || content === undefined) {
    if (found !== content) throw new Error(`${name}: ${found?.size} bytes, not ${content?.length}`)
    return
  }
  if (!(await contentOf(engine, name)).equals(content)) throw new Error(`${name}: other bytes`)
  if (found.crc32c !== crc32c(content)) throw new Error(`${name}: another crc32c`)
  const md5 = isDone ? hash('md5', content, 'base64') : undefined
  if (isDone && found.md5 !== md5) throw new Error(`${name}: another md5`)
}

test('random sequences: what may be read is what was acknowledged', async t => {
  let running = await openEngine(t)
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 14 }), async plan => {
      run += 1
      running = await follow(t, running, `object-${run}`, plan)
    }),
    { numRuns: 60 },
  )
  t.same(running.complaints, [])
})
