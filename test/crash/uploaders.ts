/**
 * The campaign's clients. Each does one request at a time and writes down what it was told; a lost connection leaves the
 * request's outcome open in the ledger, to be settled by the verification after the restart.
 */

import { SourceBytes } from '../support/source-bytes.ts'
import { type Answer, persistedOf, type UploadClient } from '../support/upload-client.ts'
import type { Ledger, OpenSession, Place, Version } from './ledger.ts'
import type { Random } from './random.ts'
import { GRANULE, ONE_SHOT, type Style } from './styles.ts'
import type { Tally } from './tally.ts'

export interface UploaderParts {
  readonly client: UploadClient
  readonly ledger: Ledger
  readonly tally: Tally
  readonly random: Random
  /** Called at each acknowledgement: a good moment to pull the plug. */
  readonly acknowledged: () => void
}

/** An answer that the protocol has not for this request, though it may be the one of a server that is shutting down. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer'
  readonly status: number

  constructor(what: string, { status, body }: Answer) {
    super(`${what} was answered ${status} ${body.subarray(0, 300)}`)
    this.status = status
  }
}

export interface Uploader {
  readonly name: string
  /** One request, or a few that belong together. */
  step(): Promise<void>
}

abstract class Names {
  readonly name: string
  protected readonly parts: UploaderParts
  readonly #places: readonly [Place, Place]
  #versions = 0

  constructor(name: string, parts: UploaderParts) {
    this.name = name
    this.parts = parts
    this.#places = [parts.ledger.place(`${name}/one`), parts.ledger.place(`${name}/two`)]
  }

  protected nextPlace(): Place {
    return this.parts.random.pick(this.#places)
  }

  protected nextVersion(total: number): Version {
    this.#versions += 1
    const seed = `${this.name}-${this.parts.random.fraction()}-${this.#versions}`
    return { source: new SourceBytes(seed), total }
  }

  protected async delete(place: Place): Promise<void> {
    place.pending = { kind: 'delete' }
    const answer = await this.parts.client.delete(place.name)
    if (answer.status !== 204) throw new UnexpectedAnswer(`DELETE ${place.name}`, answer)
    place.clear()
    this.parts.acknowledged()
  }

  protected published(place: Place, version: Version, answer: Answer): void {
    const { tally } = this.parts
    place.put(version, checkResource(tally, place, version, answer.body))
    tally.published += 1
    this.parts.acknowledged()
  }
}

export class OneShot extends Names implements Uploader {
  async step(): Promise<void> {
    const { client, random } = this.parts
    const place = this.nextPlace()
    if (place.live !== undefined && random.chance(ONE_SHOT.deletes)) return this.delete(place)
    const version = this.nextVersion(ONE_SHOT.total(random))
    place.pending = { kind: 'publish', version }
    const { crc32c, md5 } = version.source.digests(version.total)
    const headers = random.chance(0.5) ? { 'x-goog-hash': `crc32c=${crc32c},md5=${md5}` } : {}
    const answer = await client.media(place.name, version.source, version.total, headers)
    if (answer.status !== 200) throw new UnexpectedAnswer(`upload of ${place.name}`, answer)
    this.published(place, version, answer)
  }
}

export class Resumable extends Names implements Uploader {
  readonly #style: Style
  #session: OpenSession | undefined

  constructor(style: Style, parts: UploaderParts) {
    super(style.name, parts)
    this.#style = style
  }

  async step(): Promise<void> {
    const { ledger, random } = this.parts
    const session = this.#session
    // The verification after a restart may have found how it ended.
    if (session === undefined || !ledger.open.has(session)) return this.#begin()
    if (random.chance(this.#style.cancels ?? 0)) return this.#cancel(session)
    return this.#send(session)
  }

  async #begin(): Promise<void> {
    const { client, ledger, random } = this.parts
    const style = this.#style
    const place = this.nextPlace()
    if (place.live !== undefined && random.chance(style.deletes ?? 0)) return this.delete(place)
    const version = this.nextVersion(style.total(random))
    const { total } = version
    const { crc32c, md5 } = version.source.digests(style.declares === 'checksums' ? total : 0)
    const answer = await client.initiate(place.name, {
      ...(style.declares === 'length' ? { total } : {}),
      ...(style.declares === 'checksums' ? { resource: { crc32c, md5Hash: md5 } } : {}),
    })
    const url = answer.headers.location
    if (answer.status !== 200 || url === undefined) {
      throw new UnexpectedAnswer(`initiation of ${place.name}`, answer)
    }
    this.#session = {
      url,
      place,
      version,
      acknowledged: 0,
      sent: 0,
      isEnding: false,
      isCancelling: false,
    }
    ledger.open.add(this.#session)
    this.parts.acknowledged()
  }

  async #cancel(session: OpenSession): Promise<void> {
    const { client, ledger } = this.parts
    session.isCancelling = true
    const answer = await client.cancel(session.url)
    if (answer.status !== 499) throw new UnexpectedAnswer(`DELETE of a session`, answer)
    ledger.open.delete(session)
    ledger.cancelled.push(session.url)
    this.parts.acknowledged()
  }

  async #send(session: OpenSession): Promise<void> {
    const { client, random, tally } = this.parts
    const style = this.#style
    const { version, url, acknowledged } = session
    const { source, total } = version
    if (acknowledged === total) {
      session.isEnding = true
      return this.#settle(session, await client.query(url, total))
    }
    const overlap = random.chance(style.overlaps ?? 0) ? random.between(1, acknowledged) : 0
    const from = Math.max(0, acknowledged - overlap)
    const to = Math.min(total, acknowledged + style.chunk(random))
    session.sent = Math.max(session.sent, to)
    // A chunk that ends on a granule need not say that it is the last one.
    const hidesEnd = to % GRANULE === 0 && random.chance(style.hidesEnd ?? 0)
    if (to === total && !hidesEnd) session.isEnding = true
    const sending = {
      source,
      from,
      to,
      contentRange: this.#rangeOf(total, from, to, hidesEnd),
      headers: session.isEnding && random.chance(0.5) ? hashHeader(version) : {},
    }
    tally.chunks += 1
    if (!random.chance(style.cuts ?? 0)) {
      return this.#settle(session, await client.chunk(url, sending))
    }
    const cutAfter = random.between(0, to - from - 1)
    await client.chunk(url, { ...sending, cutAfter }).catch(() => {
      // What was asked for.
    })
    return this.#settle(session, await client.query(url))
  }

  #rangeOf(total: number, from: number, to: number, hidesEnd: boolean): string | undefined {
    const { range, declares } = this.#style
    switch (range) {
      case 'total':
        return `bytes ${from}-${to - 1}/${total}`
      case 'unknown': {
        // Where the initiation told the total, the range never does.
        const saysTotal = to === total && !hidesEnd && declares !== 'length'
        return `bytes ${from}-${to - 1}/${saysTotal ? total : '*'}`
      }
      case 'open':
        return from === 0 && this.parts.random.chance(0.5) ? undefined : `bytes ${from}-*/${total}`
    }
  }

  /** Writes down what an answer says of the session. */
  #settle(session: OpenSession, answer: Answer): void {
    const { ledger, tally } = this.parts
    const { place, version, url } = session
    if (answer.status === 200 && session.isEnding) {
      ledger.open.delete(session)
      ledger.completed.push({ url, body: answer.body })
      this.published(place, version, answer)
      return
    }
    if (answer.status !== 308) throw new UnexpectedAnswer(`chunk of ${place.name}`, answer)
    const persisted = persistedOf(answer)
    tally.expect(
      'answers',
      persisted >= session.acknowledged && persisted <= session.sent,
      () =>
        `${place.name}: 308 says ${persisted}, not within ${session.acknowledged} and ${session.sent}`,
    )
    session.acknowledged = persisted
    session.isEnding = false
    this.parts.acknowledged()
  }
}

/** Checks a published object's resource against what was sent; answers its generation. */
export function checkResource(tally: Tally, place: Place, version: Version, body: Buffer): bigint {
  const { source, total } = version
  const expected = source.digests(total)
  const resource = JSON.parse(body.toString()) as Record<string, string>
  const { size, crc32c, md5Hash } = resource
  tally.expect(
    'checksums',
    size === String(total) && crc32c === expected.crc32c && md5Hash === expected.md5,
    () =>
      `${place.name}: size ${size}, crc32c ${crc32c}, md5Hash ${md5Hash} instead of ${total}, ${expected.crc32c}, ${expected.md5}`,
  )
  const generation = BigInt(resource['generation'] ?? 0)
  const isSame = generation === place.generation && place.live === version
  tally.expect(
    'generations',
    generation > place.generation || isSame,
    () => `${place.name}: generation ${generation} after ${place.generation}`,
  )
  return generation
}

function hashHeader({ source, total }: Version): Readonly<Record<string, string>> {
  const { crc32c, md5 } = source.digests(total)
  return { 'x-goog-hash': `crc32c=${crc32c},md5=${md5}` }
}
