import { once } from 'node:events'
import { test } from 'tap'
import type { Arrival, Body } from '../../src/engine/ports.ts'
import { PacedBody } from '../../src/http/paced-body.ts'
import { takeBody } from '../../src/http/request-body.ts'
import { serveBare } from '../support/bare-server.ts'

/** What comes after how many ms of waiting. */
type Step = readonly [afterMs: number, what: number | 'end' | 'cut']

const IDLE_MS = 60_000

/** A client by the script, a reader that sometimes has other things to do, and the time they live in. */
class Scene implements Body {
  readonly length: undefined
  readonly atMost = 1000
  now = 5000
  #steps: Step[]
  #end: 'end' | 'cut' | 'idle' | undefined

  constructor(...steps: Step[]) {
    this.#steps = steps
  }

  async read(idleMs: number, signal?: AbortSignal): Promise<Arrival> {
    if (signal?.aborted) return 'stopped'
    if (this.#end !== undefined) return this.#end
    const [afterMs, what] = this.#steps.shift() ?? [Number.POSITIVE_INFINITY, 'cut']
    this.now += Math.min(afterMs, idleMs)
    if (afterMs > idleMs) this.#end = 'idle'
    else if (typeof what === 'string') this.#end = what
    else return [Buffer.alloc(what)]
    return this.#end
  }
}

/** 100 B/s after 10 s. */
function paced(scene: Scene): PacedBody {
  return new PacedBody(scene, { bytesPerSecond: 100, graceMs: 10_000 }, () => scene.now)
}

async function told(body: Body): Promise<string> {
  const arrival = await body.read(IDLE_MS)
  return typeof arrival === 'string' ? arrival : `${Buffer.concat(arrival).length}`
}

test('a body that keeps up comes through, to its end, and says what the one below says', async t => {
  const body = paced(new Scene([9000, 1], [1000, 1999], [10_000, 1000], [0, 'end']))
  t.equal(body.length, undefined)
  t.equal(body.atMost, 1000)
  for (const expected of ['1', '1999', '1000', 'end', 'end']) t.equal(await told(body), expected)
})

test('less than the rate over the time waited is idle, from then on', async t => {
  // 1,500 bytes pay for 15 s. Each wait alone is well below the idle time.
  const scene = new Scene([5000, 1000], [5000, 500], [5001, 1_000_000], [0, 'end'])
  const body = paced(scene)
  for (const expected of ['1000', '500', 'idle', 'idle']) t.equal(await told(body), expected)
  t.equal(scene.now, 5000 + 15_000, 'and is so the moment it is')
})

test('one byte now and then is silence', async t => {
  const scene = new Scene(...Array.from({ length: 100 }, (): Step => [900, 1]))
  const body = paced(scene)
  for (let n = 0; n < 11; n += 1) t.equal(await told(body), '1')
  t.equal(await told(body), 'idle')
  t.equal(scene.now, 5000 + 10_000, 'at the end of the grace')
})

test('the time that the server takes is not counted', async t => {
  const scene = new Scene([100, 1], [100, 1], [0, 'end'])
  const body = paced(scene)
  t.equal(await told(body), '1')
  scene.now += 3_600_000
  t.equal(await told(body), '1')
  scene.now += 3_600_000
  t.equal(await told(body), 'end')
})

test('what was sent ahead is a credit', async t => {
  const body = paced(new Scene([0, 100_000], [IDLE_MS, 1], [IDLE_MS, 1], [0, 'end']))
  for (const expected of ['100000', '1', '1', 'end']) t.equal(await told(body), expected)
})

test('of what was sent ahead no more than the credit counts', async t => {
  const scene = new Scene([0, 1_000_000], [15_000, 1], [15_000, 1])
  const pace = { bytesPerSecond: 100, graceMs: 10_000, creditMs: 20_000 }
  const body = new PacedBody(scene, pace, () => scene.now)
  for (const expected of ['1000000', '1', 'idle']) t.equal(await told(body), expected)
  t.equal(scene.now, 5000 + 20_010, 'the credit, and what the byte paid for')
})

test('with a credit, too, a body that keeps up goes on for ever', async t => {
  const scene = new Scene(...Array.from({ length: 200 }, (): Step => [9000, 1800]), [0, 'end'])
  const pace = { bytesPerSecond: 100, graceMs: 10_000, creditMs: 10_000 }
  const body = new PacedBody(scene, pace, () => scene.now)
  for (let n = 0; n < 200; n += 1) t.equal(await told(body), '1800')
  t.equal(await told(body), 'end')
})

test('plain silence is idle at the idle time, whatever the rate would still allow', async t => {
  const scene = new Scene([0, 1_000_000], [IDLE_MS + 1, 1])
  const body = paced(scene)
  t.equal(await told(body), '1000000')
  t.equal(await told(body), 'idle')
  t.equal(scene.now, 5000 + IDLE_MS)
})

test('a body that ends or breaks late has ended or broken; one that stops can be read on', async t => {
  for (const end of ['end', 'cut'] as const) {
    const body = paced(new Scene([10_000, end]))
    for (const expected of [end, end]) t.equal(await told(body), expected)
  }
  const body = paced(new Scene([1000, 5], [0, 'end']))
  t.equal(await body.read(IDLE_MS, AbortSignal.abort()), 'stopped')
  for (const expected of ['5', 'end']) t.equal(await told(body), expected)
})

test('a rate of 0 asks for nothing', async t => {
  const scene = new Scene(...Array.from({ length: 100 }, (): Step => [IDLE_MS, 1]))
  const body = new PacedBody(scene, { bytesPerSecond: 0, graceMs: 10 }, () => scene.now)
  for (let n = 0; n < 100; n += 1) t.equal(await told(body), '1')
})

test('on a socket: a trickle ends though no silence is ever long, and an eager client does not', async t => {
  const server = await serveBare(t, async (request, reply) => {
    const body = new PacedBody(takeBody(request, reply), { bytesPerSecond: 10_000, graceMs: 50 })
    for (;;) {
      const arrival = await body.read(IDLE_MS)
      if (typeof arrival === 'string') return reply.send(arrival)
    }
  })
  const slow = await server.connect()
  slow.head('PUT /', { 'Content-Length': 1_000_000 })
  const trickle = setInterval(() => slow.send('x'), 5)
  t.teardown(() => clearInterval(trickle))
  t.equal((await slow.response()).text, 'idle')
  slow.close()

  const eager = await server.connect()
  eager.head('PUT /', { 'Content-Length': 1_000_000 }).send(Buffer.alloc(1_000_000))
  t.equal((await eager.response()).text, 'end')
  eager.close()
  await once(eager.socket, 'close')
})
