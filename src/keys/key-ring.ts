/**
 * The keys that open this server now. The file is looked at every second rather than watched: notifications miss what happens
 * on bind mounts and to files that are replaced by a rename, which is how files ought to be changed.
 *
 * A file that cannot be read or understood changes nothing: the keys from before it stay, and the log says so, once.
 */

import type { BigIntStats } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import type { Clock, Log } from '../engine/ports.ts'
import type { Principal } from '../engine/principal.ts'
import { type KeyEntry, KeyFileError, parseKeyFile } from './key-file.ts'
import { hashOfKeyToken } from './token.ts'

const LOOK_EVERY_MS = 1000
/** Permissions of people who are neither the file's owner nor in its group. */
const OTHERS = { read: 0o004n, write: 0o002n }
/** In a directory with it, nobody takes away or replaces what is somebody else's. */
const STICKY = 0o1000n

interface Key {
  readonly principal: Principal
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export interface KeyRingOptions {
  readonly path: string
  readonly clock: Clock
  readonly log: Log
  /** How often to look for changes, in ms. */
  readonly lookEveryMs?: number
}

export class KeyRing {
  readonly #options: KeyRingOptions
  readonly #closing = new AbortController()
  /** By the hashes of their tokens. */
  #keys: ReadonlyMap<string, Key> = new Map()
  /** By the common names of their certificates. */
  #certified: ReadonlyMap<string, Key> = new Map()
  /** Of the file that was read last, whatever was made of it. */
  #stamp = ''
  /** What was last found wrong with it. */
  #complaint = ''
  #looking: Promise<void> = Promise.resolve()

  private constructor(options: KeyRingOptions) {
    this.#options = options
  }

  /** Rejects with a KeyFileError where there are no keys to begin with. */
  static async open(options: KeyRingOptions): Promise<KeyRing> {
    const ring = new KeyRing(options)
    await ring.#read(await ring.#stat())
    void ring.#watch()
    return ring
  }

  /** Whose token it is; undefined where it is nobody's, or was. Found by its hash, so its time tells nothing of other tokens. */
  find(token: string): Principal | undefined {
    return this.#current(this.#keys.get(hashOfKeyToken(token) ?? ''))
  }

  /** Who a client certificate stands for, which somebody else has verified. */
  findByCertificate(commonName: string): Principal | undefined {
    return this.#current(this.#certified.get(commonName))
  }

  /** Looks at the file now. Never rejects. */
  reload(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look())
    return this.#looking
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#looking
  }

  #current(key: Key | undefined): Principal | undefined {
    return key === undefined || key.expiresAt <= this.#options.clock() ? undefined : key.principal
  }

  async #watch(): Promise<void> {
    const { lookEveryMs = LOOK_EVERY_MS } = this.#options
    const options = { signal: this.#closing.signal, ref: false }
    for (;;) {
      const isDue = await after(lookEveryMs, true, options).catch(() => false)
      if (!isDue) return
      await this.reload()
    }
  }

  async #look(): Promise<void> {
    const { log, path } = this.#options
    try {
      const found = await this.#stat()
      if (stampOf(found) === this.#stamp) return
      await this.#read(found)
      log.info({ path }, 'keys read again')
    } catch (error) {
      // Said once of each state that the file is in.
      const complaint = error instanceof Error ? error.message : String(error)
      if (complaint === this.#complaint) return
      this.#complaint = complaint
      log.error({ err: error, path }, 'the keys from before stay')
    }
  }

  /** The stamp is from before the reading: what changes meanwhile is seen the next time. */
  async #read(found: BigIntStats): Promise<void> {
    const { log, path } = this.#options
    this.#stamp = stampOf(found)
    await this.#refuseForeign(found)
    const text = await readFile(path, 'utf8').catch((cause: unknown) => this.#fail(cause))
    const entries = this.#parse(text)
    const keys = entries.map(entry => [entry, keyOf(entry)] as const)
    this.#keys = new Map(keys.flatMap(([{ sha256 }, key]) => (sha256 ? [[sha256, key]] : [])))
    this.#certified = new Map(
      keys.flatMap(([{ certificate }, key]) => (certificate ? [[certificate, key]] : [])),
    )
    this.#complaint = ''
    if (entries.length === 0) log.warn({ path }, 'there is no key: nobody may begin anything')
  }

  async #stat(): Promise<BigIntStats> {
    try {
      return await stat(this.#options.path, { bigint: true })
    } catch (cause) {
      this.#stamp = ''
      return this.#fail(cause)
    }
  }

  #parse(text: string): readonly KeyEntry[] {
    try {
      return parseKeyFile(text)
    } catch (cause) {
      return this.#fail(cause)
    }
  }

  /** Windows has no such permissions. */
  async #refuseForeign({ mode }: BigIntStats): Promise<void> {
    const { log, path } = this.#options
    if (process.platform === 'win32') return
    if ((mode & OTHERS.write) !== 0n) this.#fail(new KeyFileError('everybody may write to it'))
    const directory = await stat(dirname(path), { bigint: true }).catch((cause: unknown) =>
      this.#fail(cause),
    )
    if ((directory.mode & OTHERS.write) !== 0n && (directory.mode & STICKY) === 0n) {
      this.#fail(new KeyFileError('everybody may put another file in its place'))
    }
    if ((mode & OTHERS.read) !== 0n) log.warn({ path }, 'everybody may read the file of keys')
  }

  #fail(cause: unknown): never {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new KeyFileError(
      `TIDEMARK_AUTH=keys: the keys in ${this.#options.path} cannot be used: ${reason} (npm run keys makes some)`,
      { cause },
    )
  }
}

function keyOf({ name, scopes, buckets, prefix = '', expiresAt }: KeyEntry): Key {
  return {
    principal: {
      name,
      scopes: new Set(scopes),
      buckets: buckets && new Set(buckets),
      prefix,
    },
    expiresAt: expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt),
  }
}

/** Differs from that of every other file, and of every other content of the same. */
function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}
