/**
 * `npm run test:strace`: proof from the system calls that every answer of the server left after the syncs that it stands on
 * (design P1). `kill −9` cannot show it, because the page cache survives; a power cut would. The checker itself is shown
 * to see what is missing: a server with TIDEMARK_DURABILITY=none must fail it.
 *
 * Without strace it says so and passes, except in CI.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Claim, type Missing, type Violation, violationsIn } from './order.ts'
import { Claims, Scene } from './scene.ts'
import { type TracedServer, traceServer, whyNoStrace } from './strace.ts'

const KIB = 1024
const MIB = 1024 * KIB
const CHECKPOINT = 32 * MIB

const why = await whyNoStrace()
if (why !== undefined) {
  console.log(`SKIPPED: the order of syncs and answers was not checked: ${why}`)
  process.exit(process.env['CI'] === 'true' ? 1 : 0)
}

const scratch = await mkdtemp(join(tmpdir(), 'tidemark-strace-'))
const started: TracedServer[] = []
try {
  await oneByOne('one answer after the other', {}, answers => answers)
  await largeBody()
  await manyAtOnce()
  await afterKill()
  await oneByOne(
    'objects with TIDEMARK_DURABILITY=object',
    { TIDEMARK_DURABILITY: 'object' },
    answers => answers.filter(({ what }) => /^(publication|upload)/.test(what)),
  )
  await negativeControl()
  if (process.exitCode === undefined) await rm(scratch, { recursive: true })
  else console.log(`strace: the traces are left in ${scratch}`)
} finally {
  for (const { server } of started) await server.kill()
}
// Idle connections of the clients would hold the process.
process.exit()

/** Every kind of answer, nothing else going on: all that the catalog has written must be synced. */
async function oneByOne(
  title: string,
  env: Readonly<Record<string, string>>,
  choose: (claims: readonly Claim[]) => readonly Claim[],
): Promise<void> {
  const { dataDir, traced } = await begin(env)
  const claims = new Claims()
  await everyKind(new Scene(traced.server.url, claims, true))
  report(title, violationsIn(await traced.calls(), dataDir, claims.list), choose(claims.list))
}

async function everyKind(scene: Scene): Promise<void> {
  const chunked = await scene.open('chunked', 3 * MIB + 5)
  while (chunked.persisted < chunked.total) await scene.send(chunked, MIB)
  const unaligned = await scene.open('unaligned', 2 * MIB)
  while (unaligned.persisted < unaligned.total) await scene.send(unaligned, 700 * KIB)
  const tiny = await scene.open('tiny', 100)
  await scene.send(tiny, 40)
  await scene.send(tiny, 60)
  const whole = await scene.open('whole', 5 * MIB)
  await scene.send(whole, 5 * MIB)
  for (const [name, total] of [
    ['empty', 0],
    ['few', 20],
    ['small', 100 * KIB],
    ['large', 9 * MIB],
    ['small', 200 * KIB],
  ] as const) {
    await scene.media(name, total)
  }
  await scene.delete('small')
  const given = await scene.open('given-up', MIB)
  await scene.send(given, 512 * KIB)
  await scene.cancel(given)
  scene.close()
}

/** What a status query says during one long body stands on a checkpoint. */
async function largeBody(): Promise<void> {
  const { dataDir, traced } = await begin()
  const claims = new Claims()
  const writer = new Scene(traced.server.url, claims, false)
  const watcher = new Scene(traced.server.url, claims, false)
  const upload = await writer.open('giant', 3 * CHECKPOINT)
  let watched = 0
  await writer.send(upload, upload.total, async sent => {
    // A little beyond each checkpoint: wait until it shows.
    if (sent < watched + CHECKPOINT + MIB) return
    while ((await watcher.query(upload)) < watched + CHECKPOINT) await sleep(50)
    watched += CHECKPOINT
  })
  report(
    'checkpoints within one body',
    violationsIn(await traced.calls(), dataDir, claims.list),
    claims.list,
  )
}

/** Shared commits: an answer may stand on a commit that others share, but on no later one. */
async function manyAtOnce(): Promise<void> {
  const { dataDir, traced } = await begin()
  const claims = new Claims()
  const clients = Array.from({ length: 8 }, async (_, number) => {
    const scene = new Scene(traced.server.url, claims, false)
    const upload = await scene.open(`parallel-${number}`, 4 * MIB)
    while (upload.persisted < upload.total) await scene.send(upload, 512 * KIB)
    for (let round = 0; round < 5; round += 1)
      await scene.media(`burst-${number}-${round}`, 64 * KIB)
    scene.close()
  })
  await Promise.all(clients)
  report(
    'many clients at once',
    violationsIn(await traced.calls(), dataDir, claims.list),
    claims.list,
  )
}

/** A session goes on in a blob whose tail was written but never promised. */
async function afterKill(): Promise<void> {
  const { dataDir, traced } = await begin()
  const first = new Scene(traced.server.url, new Claims(), true)
  const upload = await first.open('resumed', 8 * MIB)
  await first.send(upload, MIB)
  const sentAhead = Promise.withResolvers<void>()
  const cut = first.send(upload, 7 * MIB, async sent => {
    if (sent < 5 * MIB) return
    sentAhead.resolve()
    await new Promise(() => {})
  })
  await Promise.race([sentAhead.promise, cut.catch(() => {})])
  await traced.calls()

  const again = await traceServer(dataDir, join(scratch, `trace-${started.length}`))
  started.push(again)
  const claims = new Claims()
  const scene = new Scene(again.server.url, claims, true)
  const url = upload.url.replace(/^http:\/\/[^/]*/, again.server.url)
  const resumed = { ...upload, url, marks: [], base: upload.persisted }
  await scene.query(resumed)
  while (resumed.persisted < resumed.total) await scene.send(resumed, 2 * MIB)
  report('after kill −9', violationsIn(await again.calls(), dataDir, claims.list), claims.list)
}

/** Nothing is synced: each kind of answer must be found out. */
async function negativeControl(): Promise<void> {
  const { dataDir, traced } = await begin({ TIDEMARK_DURABILITY: 'none' })
  const claims = new Claims()
  await everyKind(new Scene(traced.server.url, claims, true))
  const found = violationsIn(await traced.calls(), dataDir, claims.list)
  const isFound = (kind: RegExp, missing: Missing) =>
    found.some(violation => kind.test(violation.claim.what) && violation.missing === missing)
  for (const [kind, missing] of [
    [/^session/, 'record-sync'],
    [/^chunk/, 'data'],
    [/^chunk/, 'entry'],
    [/^chunk/, 'record-sync'],
    [/^publication/, 'data'],
    [/^publication/, 'record-sync'],
    [/^upload/, 'data'],
    [/^upload/, 'entry'],
    [/^upload/, 'record-sync'],
    [/^deletion/, 'record-sync'],
  ] as const) {
    const holds = isFound(kind, missing)
    console.log(
      `${holds ? 'ok' : 'not ok'} - control: without syncs, ${kind} is found to lack ${missing}`,
    )
    if (!holds) process.exitCode = 1
  }
}

async function begin(
  env?: Readonly<Record<string, string>>,
): Promise<{ readonly dataDir: string; readonly traced: TracedServer }> {
  const number = started.length
  const dataDir = join(scratch, `data-${number}`)
  const traced = await traceServer(dataDir, join(scratch, `trace-${number}`), env)
  started.push(traced)
  return { dataDir, traced }
}

function report(title: string, violations: readonly Violation[], claims: readonly Claim[]): void {
  const broken = violations.filter(({ claim }) => claims.includes(claim))
  const holds = broken.length === 0 && claims.length > 0
  const bytes = claims.reduce((sum, claim) => sum + claim.bytes, 0)
  console.log(
    `${holds ? 'ok' : 'not ok'} - ${title}: ${claims.length} answers, each after its syncs (${Math.round(bytes / MIB)} MiB claimed)`,
  )
  for (const { claim, missing, detail } of broken) {
    console.log(`  ${claim.what} (${claim.status}): ${missing}: ${detail}`)
  }
  if (!holds) process.exitCode = 1
}
