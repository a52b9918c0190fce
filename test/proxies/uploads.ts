/** Uploads through a proxy: they arrive while they are sent, break at either end, and go on. */

import { setTimeout as sleep } from 'node:timers/promises'
import { SourceBytes } from '../support/source-bytes.ts'
import {
  type Answer,
  ConnectionLost,
  locationOf,
  persistedOf,
  type UploadClient,
} from '../support/upload-client.ts'
import { MIB, type Stage, until } from './stage.ts'

/** Longer than nginx's minute, which is what each of the three would wait at most without being told. */
const SILENCE_MS = 65_000

/** More than the three attempts that HAProxy would make without being told. */
const DOWN_MS = 5_000

export async function cutAndResumed({ client, proxy, stored, expect }: Stage): Promise<void> {
  const total = 24 * MIB
  const source = new SourceBytes('cut')
  const opened = await client.initiate('cut', { total })
  const session = locationOf(opened)
  const isOutside = session.startsWith(`${proxy.url}/upload/storage/v1/b/uploads/o?`)
  expect('Location is the address outside, by https', isOutside, session)

  // The rest comes only once the beginning is on the disk behind the proxy.
  const isThere = Promise.withResolvers<void>()
  const body = async function* () {
    yield* source.slices(0, 3 * MIB)
    await isThere.promise
    yield* source.slices(3 * MIB, total)
  }
  const cut = client
    .send(session, {
      method: 'PUT',
      headers: { 'content-range': `bytes 0-${total - 1}/${total}` },
      length: total,
      cutAfter: 10 * MIB,
      body: body(),
    })
    .catch((error: unknown) => error)
  await until('the body is on the disk while it is being sent', () => stored() >= 2 * MIB)
  expect('the body is on the disk while it is being sent', true)
  isThere.resolve()
  const lost = await cut
  expect('the client is cut off', lost instanceof ConnectionLost, lost)

  // What the proxy had taken and not handed on is lost with the connection, and was never acknowledged.
  const answer = await untilPersisted(client, session, 2 * MIB)
  const kept = persistedOf(answer)
  const isRight = answer.status === 308 && kept <= 10 * MIB && kept % (256 * 1024) === 0
  expect(`308 with its Range comes through (${answer.headers.range})`, isRight, answer)
  await finish({ client, session, source, name: 'cut', total, expect })
}

/** Without a length, as clients send who do not know it. */
export async function chunkedCoding({ client, stored, expect }: Stage): Promise<void> {
  const total = 8 * MIB
  const source = new SourceBytes('chunked')
  const session = locationOf(await client.initiate('chunked'))
  const isThere = Promise.withResolvers<void>()
  const sending = client
    .send(session, {
      method: 'PUT',
      body: (async function* () {
        yield* source.slices(0, 3 * MIB)
        await isThere.promise
        yield* source.slices(3 * MIB, total)
      })(),
    })
    .catch((error: unknown) => error)
  await until('a body without a length is handed on', () => stored() >= 2 * MIB)
  isThere.resolve()
  const end = await sending
  const isWhole = statusOf(end) === '200' && md5Of(end as Answer) === source.digests(total).md5
  expect('a body without a length is on the disk while it is being sent', isWhole, nameOf(end))
}

export function serverKilled(stage: Stage): Promise<void> {
  return goneInTheMiddle(stage, 'killed', () => stage.server.kill())
}

export function serverStopped(stage: Stage): Promise<void> {
  return goneInTheMiddle(stage, 'stopped', async () => {
    stage.expect('SIGTERM ends the server with 0', (await stage.server.stop()) === 0)
  })
}

async function goneInTheMiddle(
  { client, proxy, server, stored, expect }: Stage,
  name: string,
  leave: () => Promise<void>,
): Promise<void> {
  const total = 24 * MIB
  const source = new SourceBytes(name)
  const session = locationOf(await client.initiate(name, { total }))
  const first = { source, from: 0, to: 4 * MIB, contentRange: `bytes 0-${4 * MIB - 1}/${total}` }
  const promised = persistedOf(await client.chunk(session, first))
  const before = stored()
  const isGone = Promise.withResolvers<void>()
  const sending = client
    .send(session, {
      method: 'PUT',
      headers: { 'content-range': `bytes ${promised}-${total - 1}/${total}` },
      length: total - promised,
      body: (async function* () {
        yield* source.slices(promised, 12 * MIB)
        await isGone.promise
        yield* source.slices(12 * MIB, total)
      })(),
    })
    .catch((error: unknown) => error)
  await until('the body arrives', () => stored() >= before + 4 * MIB)
  await leave()
  isGone.resolve()
  const broken = await sending
  expect(
    `a body whose server is ${name} gets what clients repeat (${statusOf(broken)})`,
    broken instanceof ConnectionLost || isRepeated(broken),
    broken,
  )

  const asking = client.query(session).catch((error: unknown) => error)
  if (proxy.name === 'nginx') {
    const asked = await asking
    expect(`so does a query while it is gone (${statusOf(asked)})`, isRepeated(asked), asked)
  }
  await sleep(DOWN_MS)
  await server.start()
  const answer = proxy.name === 'nginx' ? await client.query(session) : await asking
  const what =
    proxy.name === 'nginx' ? 'after its return' : 'while it is gone waits for its return, and'
  expect(`a query ${what} is answered`, statusOf(answer) === '308', nameOf(answer))
  const kept = persistedOf(answer as Answer)
  expect('with all that was acknowledged', promised > 0 && kept >= promised, { promised, kept })
  await finish({ client, session, source, name, total, expect })
  const token = new URL(session).searchParams.get('upload_id') ?? ''
  expect('no session URL is in the proxy’s log', isSilentAbout(proxy.output, token), proxy.output)
}

/** A minute without a byte in the middle of a body. */
export async function longSilence({ client, expect }: Stage): Promise<void> {
  const total = MIB
  const source = new SourceBytes('silent')
  const session = locationOf(await client.initiate('silent', { total }))
  const answer = await client.send(session, {
    method: 'PUT',
    headers: { 'content-range': `bytes 0-${total - 1}/${total}` },
    length: total,
    body: (async function* () {
      yield* source.slices(0, total / 2)
      await sleep(SILENCE_MS)
      yield* source.slices(total / 2, total)
    })(),
    silenceMs: 2 * SILENCE_MS,
  })
  const isWhole = answer.status === 200 && md5Of(answer) === source.digests(total).md5
  expect(`a body may be silent for ${SILENCE_MS / 1000} s`, isWhole, nameOf(answer))
}

/** Where the proxy hangs up on its own, this is how the server's refusal is lost. */
export async function refusedEarly({ client, direct, expect }: Stage): Promise<void> {
  const total = 96 * MIB
  const source = new SourceBytes('refused')
  const [here, there] = [
    await client.media('a', source, total),
    await direct.media('a', source, total),
  ]
  expect(
    `a refusal arrives while the body is being sent (${here.status})`,
    here.status === there.status && here.status >= 400,
    [nameOf(here), nameOf(there)],
  )
}

export async function fullDisk({ client, expect }: Stage): Promise<void> {
  const answer = await client.media('a', new SourceBytes('full'), 96 * MIB)
  const { status, headers } = answer
  const isRight = status === 503 && Number(headers['retry-after']) > 0
  expect('503 with Retry-After arrives while the body is being sent', isRight, nameOf(answer))
}

async function finish({
  client,
  session,
  source,
  name,
  total,
  expect,
}: {
  readonly client: UploadClient
  readonly session: string
  readonly source: SourceBytes
  readonly name: string
  readonly total: number
  readonly expect: Stage['expect']
}): Promise<void> {
  const from = persistedOf(await client.query(session))
  const contentRange = `bytes ${from}-${total - 1}/${total}`
  const end = await client.chunk(session, { source, from, to: total, contentRange })
  const isWhole = end.status === 200 && md5Of(end) === source.digests(total).md5
  expect('the upload is resumed and ends', from > 0 && isWhole, nameOf(end))
  const { length, difference } = await client.compare(name, source)
  expect('and reads back the same', length === total && difference === undefined, difference)
}

async function untilPersisted(
  client: UploadClient,
  session: string,
  bytes: number,
): Promise<Answer> {
  let answer = await client.query(session)
  await until(`${bytes} bytes are persisted`, async () => {
    answer = await client.query(session)
    return persistedOf(answer) >= bytes
  })
  return answer
}

/** What Google's clients try again by themselves (gcs.md). */
function isRepeated(answer: unknown): boolean {
  return [408, 429, 500, 502, 503, 504].includes((answer as Partial<Answer>).status ?? 0)
}

function isSilentAbout(log: string, token: string): boolean {
  return token.length > 20 && log.length > 0 && !log.includes(token)
}

function md5Of({ body }: Answer): string {
  return JSON.parse(body.toString()).md5Hash
}

function statusOf(answer: unknown): string {
  return String((answer as Partial<Answer>).status ?? 'the connection is closed')
}

function nameOf(answer: unknown): string {
  const { status, body, message } = answer as Partial<Answer & Error>
  return status === undefined ? String(message) : `${status} ${body?.toString().slice(0, 300)}`
}
