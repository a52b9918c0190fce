/** What the image does when it is run: starts, refuses, takes uploads that break, stops, and writes nowhere but to its volume. */

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SourceBytes } from '../support/source-bytes.ts'
import { ConnectionLost, locationOf, persistedOf, UploadClient } from '../support/upload-client.ts'
import { Container, type Image, Volume } from './container.ts'
import type { Expect } from './contents.ts'
import { forReal } from './for-real.ts'

const MIB = 1024 * 1024
/** Nobody of the image, nobody of this machine. */
const ANY_UID = 54_321
const OPEN = { TIDEMARK_AUTH: 'none', TIDEMARK_LOG_LEVEL: 'warn' }
/** So many that a start takes a while to clear them away. */
const ORPHANS = 60_000

type Scene = (image: Image, expect: Expect) => Promise<void>

export const SCENES: Readonly<Record<string, Scene>> = {
  async 'a start without a word on authentication'(image, expect) {
    await onVolume(image, async volume => {
      const container = await Container.of(image, volume)
      container.launch()
      const { code, output } = await container.ended()
      expect('is refused with exit code 1', code === 1, { code, output })
      expect(
        'and with the setting that is missing',
        output.includes('TIDEMARK_AUTH=none') && output.includes('TIDEMARK_HOST="0.0.0.0"'),
        output,
      )
      expect('before anything is made', readdirSync(volume.path).length === 0)
    })
  },

  async 'a user whom the image does not know, a root that cannot be written'(image, expect) {
    await onVolume(image, async volume => {
      const container = await Container.of(image, volume, { uid: ANY_UID, env: OPEN })
      await withContainer(container, async () => {
        expect('it starts, and is healthy by its own check', true)
        const [uid] = container.status('Uid').split('\t')
        const rights = [uid, container.status('CapEff'), container.status('NoNewPrivs')].join(' ')
        expect('without any capability', rights === `${ANY_UID} ${'0'.repeat(16)} 1`, rights)
        const asRoot = [
          'sh',
          '-c',
          'for d in / /app /app/dist /tmp /root /etc; do touch $d/x; done',
        ]
        const { output } = await container.run(asRoot, 0)
        const refusals = output.match(/Read-only file system/g) ?? []
        expect('even root can write nowhere else', refusals.length === 6, output)
        const ready = await fetch(`${container.url}/-/readyz`)
        expect('it is ready', ready.status === 200, await ready.text())
        const [description, docs] = await Promise.all(
          ['openapi.yaml', 'docs'].map(page => fetch(`${container.url}/-/${page}`)),
        )
        const served = await description?.text()
        const kept = readFileSync(join(image.root, 'app/openapi.yaml'), 'utf8')
        // The one address in it is where it was asked for.
        const isServed =
          served === kept.replace('- url: http://127.0.0.1:8080\n', `- url: ${container.url}\n`)
        expect('its description and its pages are served', isServed && docs?.ok === true, served)

        const client = new UploadClient(container.url)
        const source = new SourceBytes('container')
        const { status, headers } = await client.media('small', source, 300_000)
        expect('an upload is taken', status === 200, headers)
        const owners = readdirSync(volume.path).map(name => statSync(join(volume.path, name)).uid)
        expect(
          'what it writes is that user’s',
          owners.every(owner => owner === ANY_UID),
          owners,
        )
        client.close()
      })
      expect('it is unhealthy once it is gone', (await container.checkHealth()) === 1)
    })
  },

  async 'an upload that is cut, then killed, then finished'(image, expect) {
    await onVolume(image, async volume => {
      const container = await Container.of(image, volume, { env: OPEN })
      await withContainer(container, async () => {
        const total = 48 * MIB
        const source = new SourceBytes('broken')
        const client = new UploadClient(container.url)
        const session = locationOf(await client.initiate('broken', { total }))
        const send = async (from: number, cutAfter?: number) => {
          const contentRange = `bytes ${from}-${total - 1}/${total}`
          const cut = cutAfter === undefined ? {} : { cutAfter }
          return client.chunk(session, { source, from, to: total, contentRange, ...cut })
        }
        const isCut = await send(0, 20 * MIB).then(
          () => false,
          (error: unknown) => error instanceof ConnectionLost,
        )
        expect('the connection is cut', isCut)
        const kept = await untilPersisted(client, session, MIB)
        expect(`${kept} bytes of it are kept`, kept > 0 && kept <= 20 * MIB)

        await container.kill()
        await container.start()
        const afterKill = persistedOf(await client.query(session))
        expect('kill -9 takes none of them', afterKill >= kept, { kept, afterKill })
        const { status, body } = await send(afterKill)
        expect('the rest completes it', status === 200, `${status} ${body}`)
        const md5 = JSON.parse(body.toString()).md5Hash
        expect('with the checksum of the source', md5 === source.digests(total).md5, md5)
        const { length, difference } = await client.compare('broken', source)
        expect('and reads back the same', length === total && difference === undefined, difference)
        client.close()
      })
    })
  },

  async 'docker stop with an upload in flight'(image, expect) {
    await onVolume(image, async volume => {
      const container = await Container.of(image, volume, { env: OPEN })
      await withContainer(container, async () => {
        const total = 96 * MIB
        const source = new SourceBytes('stopped')
        const client = new UploadClient(container.url)
        const watcher = new UploadClient(container.url)
        const session = locationOf(await client.initiate('stopped', { total }))
        // More than a checkpoint, and then silence: the body is open when the signal comes.
        const isGone = Promise.withResolvers<void>()
        const answer = client
          .send(session, {
            method: 'PUT',
            headers: { 'content-range': `bytes 0-${total - 1}/${total}` },
            length: total,
            body: (async function* () {
              yield* source.slices(0, 33 * MIB + 600_000)
              await isGone.promise
            })(),
          })
          .catch(() => undefined)
        const promised = await untilPersisted(watcher, session, 32 * MIB)
        const { code, output } = await container.stop()
        isGone.resolve()
        const { status } = (await answer) ?? {}
        expect('it exits with 0 before the engine kills it', code === 0, { code, output })
        expect(
          'the client gets 503, or a closed connection',
          status === undefined || status === 503,
          status,
        )

        await container.start()
        const kept = persistedOf(await client.query(session))
        expect(`all ${promised} promised bytes are there after it (${kept})`, kept >= promised)
        const contentRange = `bytes ${kept}-${total - 1}/${total}`
        const end = await client.chunk(session, { source, from: kept, to: total, contentRange })
        expect('the session goes on to its end', end.status === 200, `${end.status} ${end.body}`)
        const { length, difference } = await client.compare('stopped', source)
        expect('and reads back the same', length === total && difference === undefined, difference)
        client.close()
        watcher.close()
      })
    })
  },

  // The kernel drops signals that process 1 has no handler for.
  async 'docker stop while it is still starting'(image, expect) {
    await onVolume(image, async volume => {
      const day = join(volume.path, 'blobs', '20200101')
      mkdirSync(day, { recursive: true })
      for (let n = 0; n < ORPHANS; n += 1)
        writeFileSync(join(day, randomBytes(16).toString('hex')), '')
      const container = await Container.of(image, volume, { uid: 0, env: OPEN })
      container.launch()
      // The catalog is open, the orphans are not gone yet.
      while (!existsSync(join(volume.path, 'catalog.sqlite'))) await sleep(10)
      const { code } = await container.stop()
      const left = readdirSync(day).length
      expect(`it exits with 0, with ${left} orphans left to clear`, code === 0, container.output)
    })
  },

  'the README’s “Run it for real”': forReal,
}

async function onVolume(image: Image, play: (volume: Volume) => Promise<void>): Promise<void> {
  const volume = await Volume.of(image)
  try {
    await play(volume)
  } finally {
    volume.remove()
  }
}

async function withContainer(container: Container, play: () => Promise<void>): Promise<void> {
  await container.start()
  try {
    await play()
  } finally {
    await container.kill()
  }
}

async function untilPersisted(
  client: UploadClient,
  session: string,
  bytes: number,
): Promise<number> {
  for (;;) {
    const persisted = persistedOf(await client.query(session))
    if (persisted >= bytes) return persisted
    await sleep(20)
  }
}
