/**
 * Kill, restart, call every promise in, go on. Clients run until the server dies under them and then hold still; nothing
 * of the plan depends on how fast the machine is, only on a seed.
 *
 * `kill −9` leaves the page cache in place, so this shows the order of records and answers and what a restart makes of
 * the remains; that the bytes were synced is what test/strace shows.
 */

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, ServerProcess } from '../support/server-process.ts'
import { ConnectionLost, UploadClient } from '../support/upload-client.ts'
import { Ledger } from './ledger.ts'
import { Random } from './random.ts'
import { STYLES } from './styles.ts'
import { Tally } from './tally.ts'
import { OneShot, Resumable, UnexpectedAnswer, type Uploader } from './uploaders.ts'
import { verify } from './verification.ts'

export interface CampaignOptions {
  readonly server: ServerProcess
  readonly dataDir: string
  readonly kills: number
  readonly seed: string
  readonly onRestart?: (tally: Tally) => void
}

/** The campaign's server, in a directory that is empty or the remains of an earlier campaign. */
export async function serverIn(
  scratch: string,
): Promise<Pick<CampaignOptions, 'server' | 'dataDir'>> {
  const dataDir = join(scratch, 'data')
  const env = {
    TIDEMARK_RESERVE: '64MiB',
    TIDEMARK_LOG_LEVEL: 'warn',
    // Most of a restart is compiling the same sources again.
    NODE_COMPILE_CACHE: join(scratch, 'compiled'),
  }
  return { server: new ServerProcess(await freePort(), { dataDir, env }), dataDir }
}

/** Runs until all kills are done or a promise is found broken. */
export async function campaign(options: CampaignOptions): Promise<Tally> {
  const { server, dataDir, kills, seed, onRestart } = options
  const random = new Random(seed)
  const tally = new Tally()
  const ledger = new Ledger()
  const client = new UploadClient(server.url)
  const plug = new Plug()
  const uploaders = uploadersFor(options, random, tally, ledger, plug)
  const verification = { client, dataDir, ledger, tally, random: random.fork('verification') }

  // Only an orderly end writes down what was compiled.
  await server.start()
  await server.stop()
  await server.start()
  while (tally.kills < kills && tally.isClean) {
    const life = new Life()
    const running = uploaders.map(uploader => run(uploader, life, tally))
    await plug.moment(random)
    await end(server, life, random, tally)
    await Promise.all(running)
    if (random.chance(0.15)) await killWhileStarting(server, random, tally)
    await server.start()
    tally.restarts += 1
    await verify(verification, tally.kills >= kills)
    onRestart?.(tally)
  }
  client.close()
  await stop(server, tally)
  return tally
}

/** The server's time between a start and an end. */
class Life {
  #isOver = false

  get isOver(): boolean {
    return this.#isOver
  }

  end(): void {
    this.#isOver = true
  }
}

/** Counts acknowledgements, so that the server can be killed right upon one. */
class Plug {
  #left = Number.POSITIVE_INFINITY
  #pull: () => void = () => {}

  acknowledged = (): void => {
    this.#left -= 1
    if (this.#left <= 0) this.#pull()
  }

  /** Resolves at a random moment: upon an acknowledgement, or after some time. */
  async moment(random: Random): Promise<void> {
    const byCount = random.chance(0.5)
    this.#left = byCount ? random.between(1, 60) : Number.POSITIVE_INFINITY
    const timer = new AbortController()
    const counted = new Promise<void>(resolve => {
      this.#pull = resolve
    })
    // Now and then long enough for the giant uploads to get somewhere.
    const ms = random.chance(0.15) ? random.between(500, 2000) : random.between(10, 500)
    const timed = sleep(byCount ? 3000 : ms, undefined, { signal: timer.signal }).catch(() => {})
    await Promise.race([counted, timed])
    timer.abort()
  }
}

/** One client, until the server is gone. */
async function run(uploader: Uploader, life: Life, tally: Tally): Promise<void> {
  for (;;) {
    try {
      await uploader.step()
      tally.note('answers', undefined)
    } catch (error) {
      // A server on its way out refuses in order; one that is gone does not answer.
      const isRefused = error instanceof UnexpectedAnswer && error.status === 503
      const isGone = error instanceof ConnectionLost
      if (!(life.isOver && (isRefused || isGone))) {
        tally.note('answers', `${uploader.name}: ${error instanceof Error ? error.stack : error}`)
      }
      return
    }
    // The step before it may have been answered just before the end.
    if (life.isOver) return
  }
}

async function end(server: ServerProcess, life: Life, random: Random, tally: Tally): Promise<void> {
  if (!server.isRunning) {
    tally.note('answers', `the server ended by itself:\n${server.output.slice(-4000)}`)
  }
  life.end()
  if (random.chance(0.9)) {
    tally.kills += 1
    await server.kill()
    return
  }
  await stop(server, tally)
}

async function stop(server: ServerProcess, tally: Tally): Promise<void> {
  tally.stops += 1
  const code = await server.stop()
  tally.expect('exits', code === 0, () => `exit code ${code}:\n${server.output.slice(-4000)}`)
}

/** The orphan scan, migrations and recovery must bear it as well. */
async function killWhileStarting(
  server: ServerProcess,
  random: Random,
  tally: Tally,
): Promise<void> {
  server.launch()
  await sleep(random.between(0, 400))
  tally.kills += 1
  await server.kill()
}

function uploadersFor(
  { server }: CampaignOptions,
  random: Random,
  tally: Tally,
  ledger: Ledger,
  { acknowledged }: Plug,
): Uploader[] {
  const parts = (name: string) => ({
    client: new UploadClient(server.url),
    ledger,
    tally,
    random: random.fork(name),
    acknowledged,
  })
  return [
    ...STYLES.map(style => new Resumable(style, parts(style.name))),
    new OneShot('one-shot', parts('one-shot')),
  ]
}
