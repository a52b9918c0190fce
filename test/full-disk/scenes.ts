/**
 * What a full disk may do to uploads: make them wait (design P10). Each scene fills a small disk in its own way, sees what is
 * answered, makes room again, and has everything that was acknowledged read back.
 */

import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { runToExit } from '../support/server-process.ts'
import { SourceBytes } from '../support/source-bytes.ts'
import { runTool } from '../support/tool.ts'
import { persistedOf } from '../support/upload-client.ts'
import {
  begin,
  expectNoSpace,
  expectObjects,
  fillUp,
  finish,
  type Stage,
  untilAccepted,
  untilRefused,
  uploadUntilFull,
} from './stage.ts'

const MIB = 1024 * 1024
const GRANULE = 256 * 1024

export const SCENES: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  async 'uploads fill it up to the reserve'(stage) {
    const { client, expect } = stage
    const upload = await begin(stage, 'survivor', 6 * MIB, 2 * MIB)
    const names = await uploadUntilFull(stage)
    expect('some uploads fit', names.length > 2, names.length)

    const source = new SourceBytes('survivor')
    const refused = await client.chunk(upload, {
      source,
      from: 2 * MIB,
      to: 6 * MIB,
      contentRange: `bytes ${2 * MIB}-${6 * MIB - 1}/${6 * MIB}`,
    })
    expectNoSpace(stage, 'a chunk', refused)
    expectNoSpace(stage, 'a one-request upload', await client.media('newcomer', source, MIB))
    const kept = persistedOf(await client.query(upload))
    expect('the session is where it was, or further', kept >= 2 * MIB && kept % GRANULE === 0, kept)
    await expectObjects(stage, names)
    await fillUp(stage)
    expectNoSpace(stage, 'an initiation', await client.initiate('newcomer'))

    for (const name of names.slice(0, 2)) {
      const { status } = await client.delete(name)
      expect('DELETE works on the full disk', status === 204, status)
    }
    await untilAccepted(stage)
    await finish(stage, upload, 'survivor', 6 * MIB)
    await expectObjects(stage, names.slice(2))
  },

  async 'somebody else fills it to the last byte while a chunk is written'(stage) {
    const { client, disk, expect } = stage
    const total = 24 * MIB
    await client.media('bystander', new SourceBytes('bystander'), 3 * MIB)
    const upload = await begin(stage, 'hit', total, 2 * MIB)
    const source = new SourceBytes('hit')
    const refused = await client.send(upload, {
      method: 'PUT',
      headers: { 'content-range': `bytes ${2 * MIB}-${total - 1}/${total}` },
      length: total - 2 * MIB,
      body: (function* () {
        let sent = 2 * MIB
        for (const bytes of source.slices(sent, total)) {
          yield bytes
          sent += bytes.length
          if (sent === 8 * MIB) disk.fill()
        }
      })(),
    })
    expectNoSpace(stage, 'the chunk in the middle of which the disk was filled', refused)
    const kept = persistedOf(await client.query(upload))
    expect('the session is where it was, or further', kept >= 2 * MIB && kept % GRANULE === 0, kept)
    await expectObjects(stage, ['bystander'])
    const { status } = await client.delete('bystander')
    expect('DELETE works when not one byte is free', status === 204, status)
    disk.makeRoom()
    await untilAccepted(stage)
    await finish(stage, upload, 'hit', total)
  },

  async 'the catalog must commit when not one byte is free'(stage) {
    const { client, disk, expect } = stage
    const names = Array.from({ length: 60 }, (_, number) => `small-${number}`)
    for (const name of names) await client.media(name, new SourceBytes(name), 5000)
    const given = await begin(stage, 'given-up', 2 * MIB, MIB)
    const upload = await begin(stage, 'kept', 2 * MIB, MIB)
    disk.fill()
    const { status } = await client.cancel(given)
    expect('a session is cancelled', status === 499, status)
    const deleted: string[] = []
    for (const name of names.slice(0, 40)) {
      if ((await client.delete(name)).status === 204) deleted.push(name)
    }
    expect('40 objects are deleted', deleted.length === 40, deleted.length)

    // The ballast was given up for that: now there is none.
    const refusals: number[] = []
    for (const name of names.slice(40)) {
      disk.fill()
      const answer = await client.delete(name)
      if (answer.status === 204) deleted.push(name)
      else refusals.push(answer.status)
    }
    expect(
      'without ballast: done, or refused as 503',
      refusals.every(code => code === 503),
      refusals,
    )
    expect('the server goes on', stage.server.isRunning, stage.server.output.slice(-2000))
    disk.makeRoom()
    await untilAccepted(stage)
    for (const name of names) {
      const { status } = await client.metadata(name)
      const isDeleted = deleted.includes(name)
      if (status !== (isDeleted ? 404 : 200)) expect(`${name} is as it was answered`, false, status)
    }
    await expectObjects(
      stage,
      names.filter(name => !deleted.includes(name)),
      5000,
    )
    await finish(stage, upload, 'kept', 2 * MIB)
  },

  async 'kill −9 and a start-up when not one byte is free'(stage) {
    const { client, disk, expect, server } = stage
    await client.media('there', new SourceBytes('there'), 3 * MIB)
    const upload = await begin(stage, 'waiting', 4 * MIB, MIB)
    disk.fill()
    await server.kill()
    disk.fill()
    let starts = true
    await server.start().catch(() => {
      starts = false
    })
    expect('it starts', starts, server.output.slice(-2000))
    if (starts) {
      await expectObjects(stage, ['there'])
      const kept = persistedOf(await client.query(upload))
      expect('the session is where it was', kept >= MIB, kept)
      const { status } = await client.delete('there')
      expect('DELETE works', status === 204, status)
      // What the start-up and the deletion gave back is taken as well.
      await untilRefused(stage)
    }
    disk.makeRoom()
    if (!starts) await server.start()
    await untilAccepted(stage)
    await finish(stage, upload, 'waiting', 4 * MIB)
  },

  async 'a backup that finds no room'(stage) {
    const { client, disk, expect } = stage
    const to = `${disk.path}/backup`
    const backup = () => runTool('backup', ['--data-dir', `${disk.path}/data`, to])
    for (const name of ['one', 'two']) await client.media(name, new SourceBytes(name), 3 * MIB)
    const upload = await begin(stage, 'waiting', 4 * MIB, MIB)
    // Room to begin, and not to end.
    const other = `${disk.path}/other`
    writeFileSync(other, Buffer.alloc(3 * MIB, 1))
    disk.fill()
    rmSync(other)
    const refused = await backup()
    expect('exit code 2', refused.code === 2, refused)
    expect('it says why', refused.stderr.includes('not enough room'), refused.stderr)
    expect('it is not complete', !existsSync(`${to}/backup.json`))

    disk.makeRoom()
    await client.delete('one')
    await untilAccepted(stage)
    const complete = await backup()
    expect('with room it is complete', complete.code === 0, complete)
    const checked = await runTool('fsck', ['--scrub', '--data-dir', to])
    expect('and sound', checked.code === 0, checked.stdout)
    await finish(stage, upload, 'waiting', 4 * MIB)
    await expectObjects(stage, ['two'])
  },

  async 'a read-only disk'(stage) {
    const { disk, expect, server } = stage
    await server.stop()
    await disk.makeReadOnly()
    const { code, stderr } = await runToExit({ dataDir: `${disk.path}/data` })
    expect('exit code 1', code === 1, code)
    const isClear = /^tidemark: .*TIDEMARK_DATA_DIR.*\n$/.test(stderr)
    expect('one line that names TIDEMARK_DATA_DIR', isClear, stderr)
  },
}
