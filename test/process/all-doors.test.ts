/**
 * All doors of one server at once, over networks that cut bodies and lose answers, and a server that is killed again and again:
 * every client goes on by its own protocol's means, nothing that was acknowledged is lost, and what comes out is the same bytes
 * for everybody.
 *
 * The plan (sizes, cuts, moments of the kills) comes from a seed, which is printed; TIDEMARK_TEST_SEED gives it again.
 */

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import tap, { type Test } from 'tap'
import { Random } from '../crash/random.ts'
import { startProxy } from '../support/cutting-proxy.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { UploadClient } from '../support/upload-client.ts'
import type { DoorClient, DoorClientParts, UploadedFile } from './all-doors/door-client.ts'
import { DxlClient } from './all-doors/dxl-client.ts'
import { GoogleClient } from './all-doors/google-client.ts'
import { GwsClient } from './all-doors/gws-client.ts'
import { UCloudClient } from './all-doors/ucloud-client.ts'

const KILLS = 5
const FILES = 4

const DOORS: Readonly<Record<string, new (parts: DoorClientParts) => DoorClient>> = {
  google: GoogleClient,
  ucloud: UCloudClient,
  gws: GwsClient,
  dxl: DxlClient,
}

// A machine that does much else takes its time over every start.
tap.setTimeout(120_000)

// A connection that is reset at the wrong moment leaves Node (26.10) with a request that it waits for, spinning, when it ends by
// itself: Environment::CleanupHandles. Told to exit, it does not wait.
process.on('beforeExit', () => process.exit())

tap.test('all doors at once, cut off and killed', { timeout: 110_000 }, async t => {
  const seed = process.env['TIDEMARK_TEST_SEED'] ?? String(Date.now())
  t.comment(`TIDEMARK_TEST_SEED=${seed}`)
  const random = new Random(seed)
  const scratch = t.testdir()
  const server = await startServer(t, {
    dataDir: join(scratch, 'data'),
    env: {
      TIDEMARK_LOG_LEVEL: 'warn',
      TIDEMARK_RESERVE: '64MiB',
      // Most of a restart is compiling the same sources again.
      NODE_COMPILE_CACHE: join(scratch, 'compiled'),
    },
  })
  const plug = new Plug()
  const patience = new AbortController()
  const { signal } = patience
  t.teardown(() => patience.abort())
  const uploads = Object.entries(DOORS).map(async ([door, Client]) => {
    const own = random.fork(door)
    const proxy = await startProxy(t, server.port)
    const client = new UploadClient(proxy.url)
    const acknowledged = () => plug.acknowledged()
    const uploader = new Client({ client, proxy, random: own, acknowledged, signal })
    const files = Array.from({ length: FILES }, (_, number) => fileOf(`${door}-${number}.bin`, own))
    for (const file of files) await uploader.upload(file)
    client.close()
    t.ok(uploader.breaks > 0, `${door}: ${uploader.breaks} answers did not come`)
    return files
  })
  const all = Promise.all(uploads)
  const kills = await killAgainAndAgain(server, plug, random.fork('kills'), all)
  const files = (await all).flat()
  t.ok(kills > 1, `killed ${kills} times`)
  await compareAndDelete(t, server, files)
  t.notOk(/"level":[56]0/.test(server.output), 'no error in the log')
})

function fileOf(name: string, random: Random): UploadedFile {
  const source = new SourceBytes(`${name}-${random.fraction()}`)
  return { name, source, total: random.between(600_000, 4_000_000) }
}

/** Kills upon acknowledgements, until there were enough of them or the uploads are through. */
async function killAgainAndAgain(
  server: ServerProcess,
  plug: Plug,
  random: Random,
  uploads: Promise<unknown>,
): Promise<number> {
  let isOver = false
  const over = uploads.finally(() => {
    isOver = true
  })
  let kills = 0
  while (kills < KILLS && !isOver) {
    await Promise.race([plug.after(random.between(3, 14)), over])
    await sleep(random.between(0, 30))
    await server.kill()
    await server.start()
    kills += 1
  }
  return kills
}

/** Counts acknowledgements, so that the server can be killed right upon one. */
class Plug {
  #left = Number.POSITIVE_INFINITY
  #pull: () => void = () => {}

  acknowledged(): void {
    this.#left -= 1
    if (this.#left === 0) this.#pull()
  }

  after(acknowledgements: number): Promise<void> {
    this.#left = acknowledgements
    return new Promise(resolve => {
      this.#pull = resolve
    })
  }
}

/** By Google's door, whichever they came by. */
async function compareAndDelete(
  t: Test,
  server: ServerProcess,
  files: readonly UploadedFile[],
): Promise<void> {
  const client = new UploadClient(server.url)
  const names = await namesOf(client)
  t.equal(names.length, files.length, 'there are these objects and no others')
  for (const { name, source, total } of files) {
    // GWS puts each file into a folder of its own.
    const object = names.find(found => found === name || found.endsWith(`/${name}`)) ?? name
    const { status, length, difference } = await client.compare(object, source)
    t.strictSame(
      { status, length, difference },
      { status: 200, length: total, difference: undefined },
      name,
    )
    t.equal((await client.delete(object)).status, 204)
  }
  t.strictSame(await namesOf(client), [])
  client.close()
}

async function namesOf(client: UploadClient): Promise<string[]> {
  const { body } = await client.send('/storage/v1/b/uploads/o')
  const { items = [] } = JSON.parse(body.toString()) as { items?: ReadonlyArray<{ name: string }> }
  return items.map(({ name }) => name)
}
