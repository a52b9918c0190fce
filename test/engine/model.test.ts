/**
 * Random uploads against a small model of the rules: whatever the order of chunks, overlaps, gaps, cuts, queries, restarts and
 * parallel writers, the answers are the model's and the object is the source.
 *
 * The granule is 16 bytes here, so that a few hundred bytes hold many of them.
 */

import fc from 'fast-check'
import { type Test, test } from 'tap'
import { GOOGLE } from '../../src/engine/door-rules.ts'
import type { Progress } from '../../src/engine/engine.ts'
import { UploadError } from '../../src/engine/failure.ts'
import { bodyOf } from '../support/body.ts'
import { contentOf, intentOf, openEngine, sourceBytes, type TestEngine } from '../support/engine.ts'

const G = 16
const TOTAL = 200
const RULES = { ...GOOGLE, granule: G }

type Step =
  | {
      readonly do: 'chunk'
      readonly from: number
      readonly length: number
      readonly cutAt?: number
    }
  | { readonly do: 'race'; readonly from: number; readonly lengths: readonly [number, number] }
  | { readonly do: 'status' | 'restart' | 'finalize' }

/** What the session must be, by gcs.md §6 alone. */
class Model {
  persisted = 0
  isDead = false
  isDone = false

  /** The answer to a chunk that came whole (`cutAt` undefined) or broke after that many bytes. */
  chunk(from: number, length: number, cutAt: number | undefined): string {
    if (this.isDone) return 'done'
    if (this.isDead) return 'session_invalid'
    const end = from + length
    if (from > this.persisted) return 'offset_gap'
    // What goes on only repeats known bytes changes nothing; the whole again completes nothing that is not complete.
    if (end <= this.persisted) return `open ${this.persisted}`
    if (length < G && end !== TOTAL) {
      this.isDead = true
      return 'session_invalid'
    }
    if (cutAt !== undefined && cutAt < length) {
      const reached = Math.max(this.persisted, from + cutAt)
      this.persisted = reached - (reached % G)
      return 'body_cut'
    }
    if (end === TOTAL) {
      this.persisted = TOTAL
      this.isDone = true
      return 'done'
    }
    this.persisted = end - (end % G)
    return `open ${this.persisted}`
  }

  status(): string {
    if (this.isDone) return 'done'
    return this.isDead ? 'session_invalid' : `open ${this.persisted}`
  }

  finalize(): string {
    if (this.isDone) return 'done'
    return this.isDead ? 'session_invalid' : 'incomplete'
  }
}

async function answer(progress: Promise<Progress>): Promise<string> {
  try {
    const reached = await progress
    return reached.state === 'done' ? 'done' : `open ${reached.persisted}`
  } catch (error) {
    if (!(error instanceof UploadError)) throw error
    // The request that kills a session and those that meet it dead differ only in the wrapping.
    const { code } = error.failure
    return code === 'chunk_too_small' ? 'session_invalid' : code
  }
}

function send(running: TestEngine, token: string, from: number, length: number, cutAt?: number) {
  const bytes = sourceBytes(from, from + length)
  const body = cutAt === undefined ? bodyOf(bytes) : bodyOf(bytes, { cutAt })
  const chunk = { body, offset: from, length, total: TOTAL, last: false }
  return answer(running.engine.append(RULES, token, chunk))
}

const chunkStep = fc
  .record({
    from: fc.oneof(
      fc.integer({ min: 0, max: Math.floor(TOTAL / G) - 1 }).map(granules => granules * G),
      fc.integer({ min: 0, max: TOTAL - 1 }),
    ),
    length: fc.oneof(fc.constantFrom(G, 2 * G, 3 * G, TOTAL), fc.integer({ min: 1, max: TOTAL })),
    cutAt: fc.option(fc.integer({ min: 0, max: TOTAL }), { nil: undefined }),
  })
  .map(({ from, length, cutAt }): Step => {
    const fitting = Math.min(length, TOTAL - from)
    return cutAt === undefined || cutAt >= fitting
      ? { do: 'chunk', from, length: fitting }
      : { do: 'chunk', from, length: fitting, cutAt }
  })

const steps = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: chunkStep },
    {
      weight: 2,
      arbitrary: fc
        .record({
          from: fc.nat(Math.floor(TOTAL / G) - 1),
          a: fc.integer({ min: 1, max: 6 }),
          b: fc.integer({ min: 1, max: 6 }),
        })
        .map(({ from, a, b }): Step => ({ do: 'race', from: from * G, lengths: [a * G, b * G] })),
    },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'status' }, { do: 'finalize' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'restart' }) },
  ),
  { minLength: 3, maxLength: 14 },
)

async function follow(t: Test, first: TestEngine, name: string, plan: readonly Step[]) {
  let running = first
  const { token } = await running.engine.create(RULES, intentOf(name))
  const model = new Model()
  for (const step of plan) {
    switch (step.do) {
      case 'chunk': {
        const got = await send(running, token, step.from, step.length, step.cutAt)
        same(got, model.chunk(step.from, step.length, step.cutAt), step)
        break
      }
      case 'race': {
        // Two writers at once: either may win, but what is persisted is one of the two, or the longer after the shorter.
        const before = model.persisted
        const [a, b] = step.lengths.map(length => Math.min(length, TOTAL - step.from))
        await Promise.all([
          send(running, token, step.from, a as number),
          send(running, token, step.from, b as number),
        ])
        const now = await answer(running.engine.status(RULES, token))
        const outcomes = [before, ...[a, b].map(length => step.from + (length as number))]
          .filter(end => step.from <= before && end >= before)
          .map(end => (end === TOTAL ? 'done' : `open ${end}`))
        const isPossible =
          now === model.status() || (model.status() === `open ${before}` && outcomes.includes(now))
        if (!isPossible) throw new Error(`${JSON.stringify(step)} at ${before}: ${now}`)
        if (now === 'done') model.isDone = true
        else if (now.startsWith('open ')) model.persisted = Number(now.slice(5))
        break
      }
      case 'status':
        same(await answer(running.engine.status(RULES, token)), model.status(), step)
        break
      case 'finalize':
        same(
          await answer(running.engine.finalize(RULES, token, { total: TOTAL })),
          model.finalize(),
          step,
        )
        break
      case 'restart':
        running = await running.reopen()
        same(await answer(running.engine.status(RULES, token)), model.status(), step)
        break
    }
  }
  // Whatever happened: the rest completes it, and the object is the source.
  if (!model.isDead && !model.isDone) {
    const rest = TOTAL - model.persisted
    same(await send(running, token, model.persisted, rest), 'done', {
      do: 'chunk',
      from: model.persisted,
      length: rest,
    })
  }
  if (!model.isDead) t.same(await contentOf(running.engine, name), sourceBytes(0, TOTAL))
  return running
}

function same(got: string, expected: string, step: Step): void {
  if (got !== expected) throw new Error(`${JSON.stringify(step)}: ${got}, by the model ${expected}`)
}

test('random sequences: the same answers, the same object', async t => {
  let running = await openEngine(t)
  let run = 0
  await fc.assert(
    fc.asyncProperty(steps, async plan => {
      run += 1
      running = await follow(t, running, `object-${run}`, plan)
    }),
    { numRuns: 60 },
  )
  t.same(running.complaints, [])
})
