/**
 * `npm run backup`: a copy of a data directory whose server may be running. Exit code 0: complete; 1: complete, but for what is
 * damaged in the data directory itself; 2: not complete.
 */

import { parseArgs } from 'node:util'
import { DataDirectoryError } from './catalog/data-directory.ts'
import { BackupError, backUp } from './maintenance/backup.ts'
import { everyFewSeconds, inBytes } from './maintenance/progress.ts'

const USAGE = 'npm run backup -- [--data-dir DIR] DESTINATION'

try {
  process.exitCode = await run()
} catch (error) {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const isForOperator = [BackupError, DataDirectoryError, TypeError].some(
    kind => error instanceof kind,
  )
  process.stderr.write(`backup: ${message}\n${isForOperator ? '' : `${stack}\n`}`)
  process.exitCode = 2
}

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'data-dir': { type: 'string', default: process.env['TIDEMARK_DATA_DIR'] || './data' },
      help: { type: 'boolean', default: false },
    },
  })
  const [to, ...more] = positionals
  if (values.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  if (to === undefined || more.length > 0) throw new BackupError(`usage: ${USAGE}`)
  const say = everyFewSeconds()
  const { damage, ...tally } = await backUp({
    from: values['data-dir'],
    to,
    progress: ({ blobs, copiedBlobs, copiedBytes }) =>
      say(() => `${blobs} blobs, of which ${copiedBlobs} copied (${inBytes(copiedBytes)})`),
  })
  for (const { kind, detail } of damage) process.stdout.write(`DAMAGE ${kind}: ${detail}\n`)
  process.stdout.write(
    [
      `blobs    ${tally.blobs}, ${inBytes(tally.bytes)}`,
      `copied   ${tally.copiedBlobs}, ${inBytes(tally.copiedBytes)}`,
      `removed  ${tally.removedBlobs} of an earlier backup`,
      damage.length === 0
        ? 'complete'
        : `complete, but for ${damage.length} blobs that are damaged`,
      '',
    ].join('\n'),
  )
  return damage.length === 0 ? 0 : 1
}
