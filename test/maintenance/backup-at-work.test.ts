import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { backup, restore } from '../support/backups.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { locationOf, persistedOf, UploadClient } from '../support/upload-client.ts'

// Programs are started by the dozen, and may share the machine.
tap.setTimeout(120_000)

const G = 262_144

/** What was acknowledged by now. */
interface Known {
  readonly objects: ReadonlyMap<string, number>
  /** By name: the newest version that was acknowledged. */
  readonly versions: ReadonlyMap<string, number>
  /** By URL path: how much of it. */
  readonly sessions: ReadonlyMap<string, number>
}

/** Clients that upload, overwrite, delete and append as fast as they can. */
class Crowd {
  readonly objects = new Map<string, number>()
  readonly versions = new Map<string, number>()
  readonly sessions = new Map<string, number>()
  readonly #client: UploadClient
  readonly #working: Promise<void>
  #isStopped = false

  constructor(server: ServerProcess) {
    this.#client = new UploadClient(server.url)
    this.#working = Promise.all([
      this.#upload('a'),
      this.#upload('b'),
      this.#overwrite('over-1'),
      this.#overwrite('over-2'),
      this.#delete(),
      this.#append(1),
      this.#append(2),
    ]).then(() => {})
  }

  get known(): Known {
    return {
      objects: new Map(this.objects),
      versions: new Map(this.versions),
      sessions: new Map(this.sessions),
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#working
    this.#client.close()
  }

  async #upload(who: string): Promise<void> {
    for (let n = 0; !this.#isStopped; n += 1) {
      const name = `${who}/${n}`
      const length = (n * 77_777) % 400_000
      await this.#media(name, new SourceBytes(name), length)
      this.objects.set(name, length)
    }
  }

  async #overwrite(name: string): Promise<void> {
    for (let version = 1; !this.#isStopped; version += 1) {
      await this.#media(name, new SourceBytes(`${name} ${version}`), 50_000 + version)
      this.versions.set(name, version)
    }
  }

  async #delete(): Promise<void> {
    for (let n = 0; !this.#isStopped; n += 1) {
      await this.#media(`temporary/${n}`, new SourceBytes('temporary'), 300_000)
      // Freed at once: whatever a backup has not copied by then is gone, unless it asks to wait.
      await this.#client.delete(`temporary/${n}`)
    }
  }

  /** Sessions that grow to 12 granules and are then left alone. */
  async #append(who: number): Promise<void> {
    for (let n = 0; !this.#isStopped; n += 1) {
      const name = `session/${who}/${n}`
      const session = locationOf(await this.#client.initiate(name))
      const { pathname, search } = new URL(session)
      const source = new SourceBytes(name)
      for (let from = 0; from < 12 * G && !this.#isStopped; from += G) {
        const to = from + G
        const contentRange = `bytes ${from}-${to - 1}/*`
        const answer = await this.#client.chunk(session, { source, from, to, contentRange })
        this.sessions.set(pathname + search, persistedOf(answer))
      }
    }
  }

  async #media(name: string, source: SourceBytes, length: number): Promise<void> {
    const { status, body } = await this.#client.media(name, source, length)
    if (status !== 200) throw new Error(`${name}: ${status} ${body}`)
  }
}

/** Everything that was acknowledged before the backup is served, and open sessions go on. */
async function compare(t: Test, server: ServerProcess, before: Known, after: Known): Promise<void> {
  const client = new UploadClient(server.url)
  for (const [name, length] of before.objects) {
    const read = await client.compare(name, new SourceBytes(name))
    if (read.status !== 200 || read.length !== length || read.difference !== undefined) {
      t.fail(`${name}: ${read.status}, ${read.length} of ${length}, ${read.difference}`)
    }
  }
  for (const [name, version] of before.versions) {
    const { size } = JSON.parse(String((await client.metadata(name)).body)) as { size: string }
    const restored = Number(size) - 50_000
    t.ok(restored >= version, `${name}: version ${restored}, ${version} was known`)
    const read = await client.compare(name, new SourceBytes(`${name} ${restored}`))
    t.match(read, { status: 200, length: Number(size), difference: undefined })
  }
  for (const [session, known] of before.sessions) {
    const name = new URL(session, server.url).searchParams.get('name') ?? ''
    const persisted = persistedOf(await client.query(session))
    // One more chunk may have been on its way when the clients were stopped.
    const most = (after.sessions.get(session) ?? 0) + G
    if (persisted < known || persisted > most) {
      t.fail(`${name}: ${persisted} persisted, ${known} were known, ${most} at the most`)
    }
    const source = new SourceBytes(name)
    const to = persisted + 1000
    const contentRange = `bytes ${persisted}-${to - 1}/${to}`
    const done = await client.chunk(session, { source, from: persisted, to, contentRange })
    const read = await client.compare(name, source)
    if (done.status !== 200 || read.length !== to || read.difference !== undefined) {
      t.fail(`${name}: ${done.status}, ${read.length} of ${to}, ${read.difference}`)
    }
  }
  client.close()
  t.ok(before.objects.size > 0 && before.sessions.size > 0, 'there was something to compare')
}

test('backups of a server at work, each restored: everything acknowledged before is there', async t => {
  const folder = t.testdir()
  const data = join(folder, 'data')
  const to = join(folder, 'backup')
  const server = await startServer(t, { dataDir: data })
  const crowd = new Crowd(server)
  t.teardown(() => crowd.stop())
  for (const round of [1, 2]) {
    while (crowd.objects.size < round * 6) await new Promise(resolve => setTimeout(resolve, 20))
    const before = crowd.known
    const { code, stdout, stderr } = await backup(data, to)
    t.equal(code, 0, `backup ${round}`, { stdout, stderr })
    const after = crowd.known
    const restored = await restore(t, to, join(folder, `restored-${round}`))
    await compare(t, restored, before, after)
    await restored.stop()
  }
  await crowd.stop()
  t.equal(await server.stop(), 0)
  t.notMatch(server.output, '"level":50')
})
