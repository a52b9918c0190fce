/**
 * `npm run fsck`: is a data directory sound? Exit code 0: yes; 1: damage, each on a line of its own; 2: it could not be checked.
 */

import { parseArgs } from 'node:util'
import type { Problem } from './maintenance/catalog-check.ts'
import { CannotCheck, fsck, type Tally } from './maintenance/fsck.ts'
import { everyFewSeconds, inBytes } from './maintenance/progress.ts'

const USAGE = 'npm run fsck -- [--data-dir DIR] [--scrub] [--json]'
/** In the JSON; there may be as many as there are blobs. */
const LISTED = 1000

try {
  process.exitCode = await run()
} catch (error) {
  process.stderr.write(`fsck: ${error instanceof Error ? error.message : String(error)}\n`)
  const isOurs = !(error instanceof CannotCheck) && !(error instanceof TypeError)
  if (isOurs && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  process.exitCode = 2
}

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      'data-dir': { type: 'string', default: process.env['TIDEMARK_DATA_DIR'] || './data' },
      scrub: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  const { 'data-dir': directory, scrub, json } = values
  const listed: Problem[] = []
  let found = 0
  const report = (problem: Problem) => {
    found += 1
    if (listed.length < LISTED) listed.push(problem)
    if (!json) process.stdout.write(`DAMAGE ${problem.kind}: ${problem.detail}\n`)
  }
  const say = everyFewSeconds()
  const progress = ({ blobs, scrubbedBytes }: Tally) =>
    say(() => `${blobs} blobs${scrub ? `, ${inBytes(scrubbedBytes)} read` : ''}`)
  const tally = await fsck({ directory, scrub, report, progress })
  if (json) {
    const answer = { directory, isSound: found === 0, scrub, ...tally, found, problems: listed }
    process.stdout.write(`${JSON.stringify(answer)}\n`)
  } else {
    process.stdout.write(summary(tally, scrub, found))
  }
  return found === 0 ? 0 : 1
}

function summary(tally: Tally, scrub: boolean, found: number): string {
  const { orphans, garbage, strays } = tally
  return [
    `objects   ${tally.objects}, ${inBytes(tally.objectBytes)}`,
    `sessions  ${tally.openSessions} open, ${tally.endedSessions} ended`,
    `blobs     ${tally.blobs}, ${inBytes(tally.promisedBytes)}`,
    `scrub     ${scrub ? `${inBytes(tally.scrubbedBytes)} read` : 'not asked for (--scrub reads every byte)'}`,
    ...(garbage > 0 ? [`garbage   ${garbage} blobs that a server will free`] : []),
    ...(orphans > 0
      ? [`orphans   ${orphans} blobs that no record knows: a start removes them`]
      : []),
    ...(strays > 0 ? [`strays    ${strays} files that are none of Tidemark's: left alone`] : []),
    found === 0 ? 'sound' : `DAMAGED: ${found} found`,
    '',
  ].join('\n')
}
