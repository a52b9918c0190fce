/**
 * `npm run test:crash [kills] [seed]`: the campaign of kills, 200 of them unless told otherwise. What it finds broken it
 * prints with the seed, and then it leaves the data directory where it is.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { campaign, serverIn } from './campaign.ts'
import { CHECKS, type Check, type Tally } from './tally.ts'

const REPORT_EVERY = 20
/** So many kills come upon everything there is to check. */
const MANY = 50

const [kills = '200', seed = String(Date.now())] = process.argv.slice(2)
const scratch = await mkdtemp(join(tmpdir(), 'tidemark-crash-'))
const { server, dataDir } = await serverIn(scratch)
const startedAt = Date.now()
let reported = 0

console.log(`crash: ${kills} kills with seed ${seed}`)
try {
  const tally = await campaign({ server, dataDir, kills: Number(kills), seed, onRestart: progress })
  report(tally)
  if (tally.isClean) await rm(scratch, { recursive: true })
  else
    console.log(
      `crash: the data is left in ${scratch}; the server's last words:\n${server.output.slice(-4000)}`,
    )
} catch (error) {
  console.log(`not ok - the campaign broke off (seed ${seed}, data in ${scratch})`)
  console.log(error)
  process.exitCode = 1
} finally {
  await server.kill()
}
// Idle connections of the clients would hold the process.
process.exit()

function progress(tally: Tally): void {
  if (tally.kills < reported + REPORT_EVERY) return
  reported = tally.kills
  console.log(`crash: ${summary(tally)}`)
}

function report(tally: Tally): void {
  for (const check of Object.keys(CHECKS) as Check[]) {
    const complaints = tally.complaints(check)
    const holds = complaints.length === 0 && (tally.count(check) > 0 || tally.kills < MANY)
    console.log(`${holds ? 'ok' : 'not ok'} - ${CHECKS[check]}: ${tally.count(check)} times`)
    for (const complaint of complaints.slice(0, 10)) console.log(`  ${complaint}`)
    if (!holds) process.exitCode = 1
  }
  console.log(`crash: ${summary(tally)}; seed ${seed}`)
}

function summary(tally: Tally): string {
  const seconds = Math.round((Date.now() - startedAt) / 1000)
  const mib = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`
  return [
    `${tally.kills} kills and ${tally.stops} stops in ${seconds} s`,
    `${tally.chunks} chunks`,
    `${tally.published} objects published`,
    `${mib(tally.bytesCompared)} of acknowledged content compared after restarts`,
    `${mib(tally.bytesAhead)} found beyond the last answer`,
  ].join(', ')
}
