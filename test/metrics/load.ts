/**
 * Clients of every kind that an operator wants to see in the figures: some upload, some give up, some are cut off, some are
 * wrong, and one comes back before its old connection is known to be dead. What they do is counted here as well, so that
 * Prometheus can be asked for the same figures.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { SourceBytes } from '../support/source-bytes.ts'
import { ConnectionLost, locationOf, persistedOf, UploadClient } from '../support/upload-client.ts'

const G = 262_144
const MIB = 4 * G

/** What Prometheus should have counted. */
export interface Expected {
  readonly published: number
  readonly failed: number
  readonly cancelled: number
  readonly invalid: number
  /** At least. */
  readonly takeOvers: number
  /** Requests that broke off, or gave way to another one. */
  readonly broken: number
  /** Of all objects that were published, and of the session that is left open. */
  readonly acknowledgedBytes: number
}

/** Rounds follow each other slowly enough for a rate to be seen. Leaves one session open. */
export async function load(url: string, rounds: number): Promise<Expected> {
  const client = new UploadClient(url)
  const source = new SourceBytes('metrics')
  let acknowledgedBytes = 0
  for (let round = 0; round < rounds; round += 1) {
    expectStatus(await client.media(`whole-${round}`, source, 300_000), 200)
    acknowledgedBytes += 300_000

    const wrong = { 'x-goog-hash': 'crc32c=AAAAAA==' }
    expectStatus(await client.media(`wrong-${round}`, source, 1000, wrong), 400)

    await inChunks(client, source, `chunks-${round}`)
    acknowledgedBytes += 2 * MIB + 5

    const given = await open(client, `given-up-${round}`, MIB)
    expectStatus(await client.cancel(given), 499)

    // A chunk that is not the last and smaller than the granule ends the session.
    const small = await open(client, `too-small-${round}`, MIB)
    expectStatus(await send(client, source, small, 0, 1000, MIB), 400)

    await takenOver(client, source, `taken-over-${round}`)
    acknowledgedBytes += MIB
    await sleep(500)
  }
  const left = await open(client, 'left-open', MIB)
  expectStatus(await send(client, source, left, 0, G, MIB), 308)
  acknowledgedBytes += G
  client.close()
  return {
    published: 3 * rounds,
    failed: rounds,
    cancelled: rounds,
    invalid: rounds,
    takeOvers: rounds,
    broken: 2 * rounds,
    acknowledgedBytes,
  }
}

/** In three chunks, one of which is cut off and sent again from where it got to. */
async function inChunks(client: UploadClient, source: SourceBytes, name: string): Promise<void> {
  const total = 2 * MIB + 5
  const session = await open(client, name, total)
  expectStatus(await send(client, source, session, 0, MIB, total), 308)
  await send(client, source, session, MIB, total, total, 300_000).catch(error => {
    if (!(error instanceof ConnectionLost)) throw error
  })
  const persisted = persistedOf(await client.query(session))
  expectStatus(await send(client, source, session, persisted, total, total), 200)
}

/** The first request hangs in the middle of its body; the second has it all. */
async function takenOver(client: UploadClient, source: SourceBytes, name: string): Promise<void> {
  const session = await open(client, name, MIB)
  const hasBegun = Promise.withResolvers<void>()
  const isOver = Promise.withResolvers<void>()
  const hanging = client
    .send(session, {
      method: 'PUT',
      headers: { 'content-range': `bytes 0-${MIB - 1}/${MIB}` },
      length: MIB,
      body: halfOf(source, hasBegun.resolve, isOver.promise),
    })
    .catch(() => undefined)
  await hasBegun.promise
  // Its first bytes have to be there: else the second request may be the first.
  await sleep(200)
  expectStatus(await send(client, source, session, 0, MIB, MIB), 200)
  isOver.resolve()
  await hanging
}

async function* halfOf(
  source: SourceBytes,
  onBegin: () => void,
  isOver: Promise<void>,
): AsyncGenerator<Buffer> {
  yield source.bytes(0, MIB / 2)
  onBegin()
  await isOver
  throw new Error('the first request is given up')
}

async function open(client: UploadClient, name: string, total: number): Promise<string> {
  return locationOf(await client.initiate(name, { total }))
}

function send(
  client: UploadClient,
  source: SourceBytes,
  session: string,
  from: number,
  to: number,
  total: number,
  cutAfter?: number,
) {
  const contentRange = `bytes ${from}-${to - 1}/${total}`
  const cut = cutAfter === undefined ? {} : { cutAfter }
  return client.chunk(session, { source, from, to, contentRange, ...cut })
}

function expectStatus(answer: { status: number; body: Buffer }, status: number): void {
  if (answer.status === status) return
  throw new Error(`${answer.status} instead of ${status}: ${answer.body}`)
}
