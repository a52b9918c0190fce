/** What the scenes are made of: a server on a small disk, uploads that begin and end, and what is expected of it meanwhile. */

import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, ServerProcess } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { type Answer, locationOf, persistedOf, UploadClient } from '../support/upload-client.ts'
import { SmallDisk } from './small-disk.ts'

const MIB = 1024 * 1024
const DISK = '64m'
const RESERVE = '8MiB'
/** The sweeper works in the background; space comes back when it has been round. */
const SWEEP_MS = 20_000

export interface Stage {
  readonly disk: SmallDisk
  readonly server: ServerProcess
  readonly client: UploadClient
  expect(what: string, holds: boolean, found?: unknown): void
}

/** Plays a scene on a disk of its own. */
export async function play(
  scene: (stage: Stage) => Promise<void>,
  expect: Stage['expect'],
): Promise<void> {
  const disk = await SmallDisk.mount(DISK)
  const env = { TIDEMARK_RESERVE: RESERVE, TIDEMARK_LOG_LEVEL: 'warn' }
  const server = new ServerProcess(await freePort(), { dataDir: `${disk.path}/data`, env })
  const client = new UploadClient(server.url)
  try {
    await server.start()
    await scene({ disk, server, client, expect })
  } finally {
    client.close()
    await server.kill()
    await disk.unmount()
  }
}

/** A session with its first `length` bytes persisted. */
export async function begin(
  { client }: Stage,
  name: string,
  total: number,
  length: number,
): Promise<string> {
  const session = locationOf(await client.initiate(name, { total }))
  const contentRange = `bytes 0-${length - 1}/${total}`
  const source = new SourceBytes(name)
  const answer = await client.chunk(session, { source, from: 0, to: length, contentRange })
  if (persistedOf(answer) !== length) throw new Error(`${name} did not begin`)
  return session
}

/** Sends the rest and reads all of it back. */
export async function finish(
  { client, expect }: Stage,
  session: string,
  name: string,
  total: number,
): Promise<void> {
  const source = new SourceBytes(name)
  const from = persistedOf(await client.query(session))
  const contentRange = `bytes ${from}-${total - 1}/${total}`
  const answer = await client.chunk(session, { source, from, to: total, contentRange })
  const { md5Hash } = JSON.parse(answer.body.toString()) as { md5Hash: string }
  const isRight = answer.status === 200 && md5Hash === source.digests(total).md5
  expect(
    'once there is room, the upload goes on and ends',
    isRight,
    `${answer.status} ${answer.body}`,
  )
  const { length, difference } = await client.compare(name, source)
  expect('its bytes are right', length === total && difference === undefined, difference)
}

export async function uploadUntilFull({ client }: Stage): Promise<string[]> {
  const names: string[] = []
  for (let number = 0; number < 64; number += 1) {
    const name = `filling-${number}`
    const { status } = await client.media(name, new SourceBytes(name), 3 * MIB)
    if (status !== 200) return names
    names.push(name)
  }
  throw new Error('a small disk took more than it has')
}

/** To the last page above the reserve. */
export async function fillUp({ client }: Stage): Promise<void> {
  for (const size of [64 * 1024, 4096]) {
    for (let number = 0, status = 200; status === 200 && number < 100; number += 1) {
      const name = `crumb-${size}-${number}`
      status = (await client.media(name, new SourceBytes(name), size)).status
    }
  }
}

export async function expectObjects(
  { client, expect }: Stage,
  names: readonly string[],
  size = 3 * MIB,
): Promise<void> {
  for (const name of names) {
    const { status, length, difference } = await client.compare(name, new SourceBytes(name))
    const isRight = status === 200 && length === size && difference === undefined
    if (!isRight) expect(`${name} can be read`, false, { status, length, difference })
  }
  expect(`${names.length} objects can be read, byte for byte`, true)
}

export function expectNoSpace(
  { expect }: Stage,
  what: string,
  { status, headers, body }: Answer,
): void {
  let reason: unknown
  try {
    const { error } = JSON.parse(body.toString()) as {
      error: { errors: Array<{ reason: string }> }
    }
    reason = error.errors[0]?.reason
  } catch {
    // Not JSON: reason stays undefined.
  }
  const retryAfter = Number(headers['retry-after'])
  const isRight = status === 503 && reason === 'backendError' && retryAfter > 0
  const found = `${status} ${JSON.stringify(headers)} ${body}`
  expect(`${what} is answered 503 backendError with Retry-After`, isRight, found)
}

/** Until somebody else has the disk to the last byte and the server has seen it: it measures once a second. */
export async function untilRefused(stage: Stage): Promise<void> {
  for (const deadline = Date.now() + SWEEP_MS; ; await sleep(200)) {
    stage.disk.fill()
    const answer = await stage.client.initiate('newcomer')
    if (answer.status === 200 && Date.now() < deadline) continue
    expectNoSpace(stage, 'an initiation', answer)
    return
  }
}

/** Until the sweeper has given back what was deleted, and the disk is seen to have room. */
export async function untilAccepted({ client, expect }: Stage): Promise<void> {
  const deadline = Date.now() + SWEEP_MS
  for (;;) {
    const answer = await client.initiate('probe')
    if (answer.status === 200) return
    if (Date.now() > deadline) {
      expect('uploads are accepted again', false, `${answer.status} ${answer.body}`)
      return
    }
    await sleep(100)
  }
}
