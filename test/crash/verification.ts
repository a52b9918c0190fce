/**
 * After a restart, while the clients hold still: every promise in the ledger is called in, and what the kill left open is
 * settled by what the server says now. What it says must be one of the two things that the request could have come to.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Answer,
  locationOf,
  persistedOf,
  type UploadClient,
} from '../support/upload-client.ts'
import { contradictions, inspect, type Snapshot, storedBytes, unreferenced } from './inspection.ts'
import type { Ledger, OpenSession, Place, Version } from './ledger.ts'
import type { Random } from './random.ts'
import { GRANULE } from './styles.ts'
import type { Tally } from './tally.ts'
import { checkResource } from './uploaders.ts'

/** The sweeper runs in the background: what is garbage must be gone within this. */
const SWEEP_MS = 20_000
/** Reading large objects again after every single kill would be most of the run. */
const LARGE = 8 * 1024 * 1024
/** Ended sessions asked again after each restart; all of them are at the campaign's end. */
const REPLAYS = 12

export interface VerificationParts {
  readonly client: UploadClient
  readonly dataDir: string
  readonly ledger: Ledger
  readonly tally: Tally
  readonly random: Random
}

export async function verify(parts: VerificationParts, isLast: boolean): Promise<void> {
  const { dataDir, ledger, tally } = parts
  for (const session of [...ledger.open]) await settleSession(parts, session)
  for (const place of ledger.places) await checkPlace(parts, place, isLast)
  await checkEnded(parts, isLast)

  const snapshot = await settled(parts)
  for (const session of ledger.open) await compareStored(parts, snapshot, session)
  const wrong = contradictions(snapshot)
  tally.note('catalog', wrong.length === 0 ? undefined : wrong.join('; '))
  const lost = await inspect(dataDir).then(unreferenced)
  tally.note('orphans', lost.length === 0 ? undefined : `${lost.length} files: ${lost.join(', ')}`)
}

/** Where the session stands now, which may be further than its client was told. */
async function settleSession(parts: VerificationParts, session: OpenSession): Promise<void> {
  const { client, ledger, tally } = parts
  const { place, version, url, acknowledged, sent } = session
  const answer = await client.query(url)
  if (answer.status === 308) {
    const persisted = persistedOf(answer)
    const isOnGranule =
      persisted % GRANULE === 0 || persisted === version.total || version.total < GRANULE
    tally.expect(
      'acknowledged',
      persisted >= acknowledged && persisted <= sent && isOnGranule,
      () =>
        `${place.name} is at ${persisted}: acknowledged ${acknowledged}, sent ${sent}, total ${version.total}`,
    )
    tally.bytesAhead += persisted - acknowledged
    session.acknowledged = persisted
    session.isEnding = false
    session.isCancelling = false
    return
  }
  ledger.open.delete(session)
  if (answer.status === 200 && session.isEnding) {
    ledger.completed.push({ url, body: answer.body })
    place.put(version, checkResource(tally, place, version, answer.body))
    tally.note('acknowledged', undefined)
    tally.published += 1
  } else if (answer.status === 499 && session.isCancelling) {
    ledger.cancelled.push(url)
    tally.note('cancelled', undefined)
  } else {
    tally.note('acknowledged', `${place.name} with ${acknowledged} acknowledged: ${said(answer)}`)
  }
}

/** The object under a name: what was acknowledged, or what the request under way would have made of it. */
async function checkPlace(
  { client, tally }: VerificationParts,
  place: Place,
  isLast: boolean,
): Promise<void> {
  const { pending, live } = place
  const answer = await client.metadata(place.name)
  place.pending = undefined
  if (answer.status === 404) {
    if (live === undefined) return tally.note('absent', undefined)
    place.clear()
    const isExpected = pending?.kind === 'delete'
    return tally.note('objects', isExpected ? undefined : `${place.name} is gone: ${said(answer)}`)
  }
  if (answer.status !== 200) return tally.note('objects', `${place.name}: ${said(answer)}`)
  const found = versionIn(answer, [live, pending?.kind === 'publish' ? pending.version : undefined])
  if (found === undefined) {
    const check = live === undefined ? 'absent' : 'objects'
    return tally.note(check, `${place.name} shows what was never finished: ${answer.body}`)
  }
  const generation = checkResource(tally, place, found, answer.body)
  if (found !== live) {
    place.put(found, generation)
    tally.published += 1
  }
  // After its publication and at the end, whatever its size.
  if (found.total <= LARGE || place.comparisons < 1 || isLast) {
    await compareObject(client, tally, place, found)
  }
}

async function compareObject(
  client: UploadClient,
  tally: Tally,
  place: Place,
  { source, total }: Version,
): Promise<void> {
  const { status, length, difference } = await client.compare(place.name, source)
  const isRight = status === 200 && length === total && difference === undefined
  tally.expect(
    'objects',
    isRight,
    () => `${place.name}: ${status}, ${length} of ${total} bytes, wrong from ${difference} on`,
  )
  place.comparisons += 1
  tally.objectsCompared += 1
  tally.bytesCompared += length
}

/** Sessions that are over say so for as long as they are remembered. */
async function checkEnded(parts: VerificationParts, isLast: boolean): Promise<void> {
  const { client, ledger, tally } = parts
  for (const { url, body } of chosen(parts, ledger.completed, isLast)) {
    const answer = await client.query(url)
    const isSame = answer.status === 200 && answer.body.equals(body)
    tally.expect('replays', isSame, () => `instead of ${body}: ${said(answer)}`)
  }
  for (const url of chosen(parts, ledger.cancelled, isLast)) {
    const answer = await client.query(url)
    tally.expect('cancelled', answer.status === 499, () => `a cancelled session: ${said(answer)}`)
  }
}

/** The newest and some of the others, or all of them. */
function chosen<Item>(
  { random }: VerificationParts,
  all: readonly Item[],
  isLast: boolean,
): Item[] {
  if (isLast || all.length <= REPLAYS) return [...all]
  const newest = all.slice(-REPLAYS / 2)
  const some = newest.map(() => all[random.between(0, all.length - 1)] as Item)
  return [...newest, ...some]
}

/** Has the sweeper go round, and waits until it has nothing left to do. The snapshot is of that moment. */
async function settled({ client, dataDir }: VerificationParts): Promise<Snapshot> {
  // A cancelled session is what wakes it.
  await client.cancel(locationOf(await client.initiate('sweep')))
  const deadline = Date.now() + SWEEP_MS
  for (;;) {
    const snapshot = await inspect(dataDir)
    const isSettled = [...snapshot.counts.values()].every(count => count > 0)
    if ((isSettled && unreferenced(snapshot).length === 0) || Date.now() > deadline) return snapshot
    await sleep(20)
  }
}

/** The bytes on the disk of a session that is still open. */
async function compareStored(
  { dataDir, tally }: VerificationParts,
  snapshot: Snapshot,
  { url, place, version, acknowledged }: OpenSession,
): Promise<void> {
  let length = 0
  let difference: number | undefined
  for await (const { offset, bytes } of storedBytes(dataDir, snapshot, url)) {
    difference ??= version.source.difference(bytes, offset)
    length += bytes.length
  }
  tally.expect(
    'bytes',
    length === acknowledged && difference === undefined,
    () => `${place.name}: ${length} of ${acknowledged} bytes, wrong from ${difference} on`,
  )
  tally.bytesCompared += length
}

function versionIn(
  { body }: Answer,
  candidates: ReadonlyArray<Version | undefined>,
): Version | undefined {
  const { size, crc32c } = JSON.parse(body.toString()) as { size: string; crc32c: string }
  return candidates.find(
    version =>
      version !== undefined &&
      size === String(version.total) &&
      crc32c === version.source.digests(version.total).crc32c,
  )
}

function said({ status, body }: Answer): string {
  return `${status} ${body.subarray(0, 300)}`
}
