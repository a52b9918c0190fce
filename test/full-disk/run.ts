/**
 * `npm run test:disk`: the server on a disk that is full, in every way a disk gets full (design P10), and on one that
 * cannot be written. Takes root, for a small tmpfs. Without it the run says so and passes, except in CI.
 */

import { expect } from '../support/expect.ts'
import { SCENES } from './scenes.ts'
import { whyNoSmallDisk } from './small-disk.ts'
import { play } from './stage.ts'

const why = await whyNoSmallDisk()
if (why !== undefined) {
  console.log(`SKIPPED: nothing was tried on a full disk: ${why}`)
  process.exit(process.env['CI'] === 'true' ? 1 : 0)
}

const [only = ''] = process.argv.slice(2)
for (const [name, scene] of Object.entries(SCENES)) {
  if (!name.includes(only)) continue
  console.log(`# ${name}`)
  try {
    await play(scene, expect)
  } catch (error) {
    expect('the scene is played to its end', false, error)
  }
}
// Idle connections of the clients would hold the process.
process.exit()
